"""What was published, and what comes out: one table, which a command writes into a page."""

import pytest

from figures import cli
from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Place
from figures.evaluation.sweeps import Demand, Sweep
from tests.figures.evaluation.lines import measure


@pytest.fixture
def measured(tmp_path):
    for protocol, most in (("popl23", 200.0), ("popl23-no-fault-tolerance", 400.0)):
        sweep = Sweep(Place(tmp_path / "points"), Demand(Line("counter", protocol), swept=True))
        while (point := sweep.next()) is not None:
            measure(point, most)
    return tmp_path / "points"


def test_numbers_stand_beside_each_other(measured, capsys):
    assert cli.main(["claims", "--source", str(measured)]) == 0
    rows = capsys.readouterr().out
    assert "`counter`: requests per second at most | 274/s | 200/s | 0.73 times" in rows
    assert "leaves of the throughput | 0.824 x | 0.5 x | 0.61 times the published |" in rows
    assert "`chain`: requests per second at most | 108/s | - |  |" in rows  # not measured


def test_a_page_takes_them_between_its_marks(measured, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- claims -->\nold\n<!-- end of claims -->\nafter\n")
    assert cli.main(["claims", "--source", str(measured), "--write", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("<!-- end of claims -->\nafter\n")
    assert "old" not in text
    page.write_text("nothing\n")
    assert cli.main(["claims", "--source", str(measured), "--write", str(page)]) == 2
    assert "has no marks; write" in capsys.readouterr().err
    assert page.read_text() == "nothing\n"


def test_a_folder_that_is_none(tmp_path, capsys):
    assert cli.main(["claims", "--source", str(tmp_path / "x")]) == 2
    assert "there is no such folder; measure first: python -m figures" in capsys.readouterr().err
