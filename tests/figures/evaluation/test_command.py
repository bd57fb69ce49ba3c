"""``python -m figures``: pictures, numbers, and what bad input is told."""

import re

import pytest

from figures import cli
from figures.evaluation.pictures import PICTURES
from figures.evaluation.points import Place
from figures.evaluation.sweeps import Sweep, together
from tests.figures.evaluation.lines import measure


@pytest.fixture
def measured(tmp_path):
    folder = tmp_path / "points"
    demands = together(demand for each in PICTURES.values() for demand in each.demands())
    for demand in demands:
        sweep = Sweep(Place(folder), demand)
        while (point := sweep.next()) is not None:
            measure(point, 60.0)
    return folder


def test_every_figure_is_drawn_from_results(measured, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["--source", str(measured), "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("Drawn: ") == len(PICTURES)
    for number, figure in PICTURES.items():
        base = out / f"figure-{number}"
        pdf = base.with_suffix(".pdf").read_bytes()
        assert b"/Type3" not in pdf
        assert re.search(rb"/CIDFontType2|/TrueType", pdf)
        assert base.with_suffix(".png").stat().st_size > 10_000
        rows = base.with_suffix(".csv").read_text().splitlines()
        for line, *_ in figure.demands():
            assert any(row.startswith(f"{line.benchmark},{line.protocol},sim") for row in rows)


def test_the_same_results_give_the_same_files(measured, tmp_path):
    for name in "ab":
        assert cli.main(["9", "--source", str(measured), "--out", str(tmp_path / name)]) == 0
    for suffix in (".pdf", ".png", ".csv"):
        one, two = (tmp_path / name / f"figure-9{suffix}" for name in "ab")
        assert one.read_bytes() == two.read_bytes()


def test_what_was_not_measured_leaves_room(tmp_path):
    (tmp_path / "none").mkdir()
    assert cli.main(["--source", str(tmp_path / "none"), "--out", str(tmp_path / "o")]) == 0


@pytest.mark.parametrize("number", ["8", "x", "99", "9.0"])
def test_a_figure_that_is_none(number, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([number, "--quick"])
    assert caught.value.code == 2
    assert f"there is no figure '{number}': give one of 9, 10, 11" in capsys.readouterr().err


def test_a_source_that_is_none(tmp_path, capsys):
    assert cli.main(["--source", str(tmp_path / "x"), "--out", str(tmp_path)]) == 2
    assert "there is no such folder; give one that" in capsys.readouterr().err


def test_a_damaged_result_is_named(measured, tmp_path, capsys):
    path = measured / "chain/popl23/20/result.json"
    path.write_bytes(path.read_bytes()[:200])
    assert cli.main(["9", "--source", str(measured), "--out", str(tmp_path / "o")]) == 2
    assert "chain/popl23/20/result.json: this is not a result file" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(measured, capsys):
    assert cli.main(["9", "--source", str(measured), "--out", "/proc/x"]) == 2
    assert "give another folder with --out" in capsys.readouterr().err


def test_figures_of_one_folder_are_not_drawn_from_two(measured, tmp_path, capsys):
    twice = ["--source", str(measured), "--source", str(measured), "--out", str(tmp_path)]
    assert cli.main(["12", *twice]) == 2
    assert "figure 12 is drawn from 1 folder(s), not from 2; give" in capsys.readouterr().err
    assert cli.main(["16", *twice]) == 0
