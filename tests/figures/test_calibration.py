"""``python -m figures calibrate``: what is compared and counted, what a fit finds, bad input."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from figures import cli
from figures.calibration.curves import Comparison, Curve, chosen, curves
from figures.calibration.fit import residuals, search
from figures.calibration.parameters import FOLDER, PARAMETERS, Profile
from figures.calibration.table import of_curves
from figures.errors import BadResult, CannotRun
from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Measured
from figures.evaluation.published import PublishedPoint, load
from figures.marked import insert

POINTS = [
    PublishedPoint(1.0, 1.0, 9.0, 10.0, 11.0),
    PublishedPoint(20.0, 20.0, 10.0, 20.0, 30.0),
    PublishedPoint(60.0, 59.0, 20.0, 20.0, 30.0),
    PublishedPoint(95.0, 95.0, 40.0, 50.0, 60.0),
    PublishedPoint(120.0, 100.0, 900.0, 999.0, 999.0),
]
CURVE = Curve(Line("counter", "popl23"), POINTS)


def point(offered, achieved, p50):
    return Measured(offered, achieved, p50, p50, p50, 0.0, "python -m sim")


def compared(**changes):
    found = {20.0: point(20.0, 20.0, 12.0), 60.0: point(60.0, 60.0, 16.0)}
    found[120.0] = point(120.0, 90.0, 500.0)
    return replace(Comparison(CURVE, found), **changes)


def test_saturation_and_medians_below_it_are_compared():
    found = compared()
    assert [each.offered for each in CURVE.below] == [20.0, 60.0]
    assert found.saturation == pytest.approx(-0.1)
    assert found.medians == pytest.approx([0.2, -0.2])
    assert found.typical == pytest.approx(0.2)
    assert len(residuals(found)) == 3
    assert residuals(found)[-1] == pytest.approx(2 * math.log(0.9))


def test_saturation_is_not_known_where_nothing_beyond_was_simulated():
    found = compared(simulated={20.0: point(20.0, 20.0, 12.0)})
    assert found.saturation is None
    assert len(residuals(found)) == 1
    assert "| - | - |" in of_curves([found], Profile("cloudlab").values)


def test_the_table_says_what_is_beyond_the_aim():
    text = of_curves([compared(simulated={60.0: point(60.0, 60.0, 30.0)})], {})
    assert "1 of 1" in text
    assert "60: +50%" in text


def test_the_twelve_curves_and_nothing_else():
    found = curves(load())
    assert len(found) == 12
    assert {curve.line.benchmark for curve in found} == {"counter", "chain"}
    for curve in found:
        rates = [each.offered for each in curve.points]
        assert chosen(curve)
        assert set(chosen(curve)) <= set(rates)


def test_a_search_finds_what_it_looks_for_within_bounds():
    """Two curves, one follows the commits and the other the processor; both lie far off."""
    pytest.importorskip("scipy")
    by_name = {each.name: each for each in PARAMETERS}
    begin = Profile("cloudlab").values
    truth = {by_name["store.commit"]: 2e-3, by_name["cpu"]: 1.0}  # the second out of bounds

    def evaluate(values):
        ratios = [values[each] / seconds for each, seconds in truth.items()]
        return [compared(simulated={20.0: point(20.0, 20.0, 10.0 * each)}) for each in ratios]

    fitted = search(begin, evaluate, 20)
    assert fitted.values[by_name["store.commit"]] == pytest.approx(2e-3, rel=0.02)
    assert fitted.values[by_name["cpu"]] == pytest.approx(by_name["cpu"].high, rel=0.02)
    assert fitted.cost < fitted.began
    assert [each.name for each in fitted.left] == ["counter popl23"] * 2
    for each in fitted.left:  # who follows the commits tells nothing of who follows the processor
        assert each.predicted >= each.seen


def test_a_search_that_finds_nothing_better_stays_where_it_is():
    pytest.importorskip("scipy")
    begin = Profile("cloudlab").values

    def evaluate(values):
        off = 2.0 if values == pytest.approx(begin) else 3.0
        return [compared(simulated={20.0: point(20.0, 20.0, 10.0 * off)})]

    fitted = search(begin, evaluate, 5)
    assert fitted.values == pytest.approx(begin)
    assert fitted.evaluations == 1 + len(PARAMETERS) + 3


def test_a_profile_is_written_with_its_comments(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text((FOLDER / "cloudlab.yaml").read_text())
    profile = Profile(str(file))
    profile.write(dict.fromkeys(PARAMETERS, 0.003))
    assert "# Linux's" in file.read_text()
    assert all(value == 3e-3 for value in Profile(str(file)).values.values())


@pytest.mark.parametrize(
    ("line", "written", "what"),
    [
        ("cpu:", "", "the profile has no cpu"),
        ("  commit:", "", "the profile has no store.commit"),
        ("  commit:", "  commit: quick", "'quick' as store.commit"),
        ("cpu:", "cpu: {", "is no YAML"),
        ("cpu:", "cpuu: 1ms\ncpu: 1ms", "'cpuu' is not a key"),
    ],
)
def test_what_is_no_profile_to_calibrate(tmp_path, capsys, line, written, what):
    file = tmp_path / "mine.yaml"
    lines = (FOLDER / "cloudlab.yaml").read_text().splitlines()
    file.write_text("\n".join(written if each.startswith(line) else each for each in lines))
    out = str(tmp_path / "runs")
    arguments = ["calibrate", "--few", "--profile", str(file), "--out", out, "--jobs", "1"]
    assert cli.main(arguments) == 2
    assert what in capsys.readouterr().err


def test_what_else_is_told(tmp_path, capsys):
    assert cli.main(["calibrate", "--profile", "nope"]) == 2
    assert "cloudlab" in capsys.readouterr().err
    assert cli.main(["calibrate", "--write"]) == 2
    assert "--fit" in capsys.readouterr().err
    with pytest.raises(BadResult):
        Profile(str(tmp_path))


def test_a_part_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- end of x -->\nb\n")
    insert(page, "x", "new\n")
    assert page.read_text() == "a\n<!-- x -->\nnew\n<!-- end of x -->\nb\n"
    with pytest.raises(CannotRun, match="end of y"):
        insert(page, "y", "new")
    with pytest.raises(CannotRun, match="cannot be read"):
        insert(Path(tmp_path / "none.md"), "x", "new")
