"""``python -m figures peaks``: the most that was achieved, and the median at half of it."""

import pytest

from figures import cli
from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Place, Point
from figures.evaluation.ways import at_rate
from tests.figures.evaluation.lines import measure


@pytest.fixture
def source(tmp_path):
    place = Place(tmp_path / "points")
    for protocol, most in (("popl23", 100.0), ("mu2sls", 250.0)):
        for rate in (1.0, 60.0, 100.0, 140.0, 260.0):
            measure(Point(place, Line("chain", protocol), at_rate(rate)), most)
    measure(Point(place, Line("tree", "mu2sls"), at_rate(10)))
    return place.folder


def test_peaks_and_what_they_are_of_the_papers(source, capsys):
    assert cli.main(["peaks", "--source", str(source)]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert "peak" in head
    assert [row[:4] for row in cells] == [
        ["chain", "`mu2sls`", "250", "2.50"],
        ["chain", "`popl23`", "100", "1.00"],
        ["tree", "`mu2sls`", "10", "-"],
    ]
    assert [row[4].partition(" at ")[2] for row in cells] == ["140/s", "60/s", "10/s"]


def test_a_page_gets_the_table(source, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- peaks -->\n<!-- end of peaks -->\n")
    assert cli.main(["peaks", "--source", str(source), "--page", str(page)]) == 0
    assert "| chain | `mu2sls` | 250 |" in page.read_text()


def test_what_is_told(tmp_path, source, capsys):
    assert cli.main(["peaks", "--source", str(tmp_path / "none")]) == 2
    assert "has no measured points" in capsys.readouterr().err
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    assert cli.main(["peaks", "--source", str(source), "--page", str(page)]) == 2
    assert "has no marks" in capsys.readouterr().err
