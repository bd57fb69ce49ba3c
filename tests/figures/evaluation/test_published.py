"""Published points: whatever file has their columns is read, and what is wrong has its place."""

import pytest

from figures.errors import BadResult
from figures.evaluation.benchmarks import FIGURES, LABELS, Line
from figures.evaluation.published import load

CURVE = "benchmark,configuration,offered_rps,achieved_rps,p50_ms,p75_ms,p90_ms\n"


def test_all_that_was_published_is_here():
    found = load()
    assert sum(map(len, found.curves.values())) == 135
    assert len(found.curves) == 12
    assert found.sequential[Line("chain", "popl23-unsafe")] == 14.164
    first = found.curves[Line("counter", "popl23")][0]
    assert (first.offered, first.p50, first.p90) == (1.0, 13.17, 14.62)


def test_another_file_is_read_as_well(tmp_path):
    (tmp_path / "tree.csv").write_text(CURVE + "tree,mu2sls,20,20,3,4,5\ntree,mu2sls,1,1,2,3,4\n")
    points = load(tmp_path).curves[Line("tree", "popl23")]
    assert [point.offered for point in points] == [1.0, 20.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("benchmark,rate\n", "points.csv:1: the columns are benchmark,rate; published points have"),
        ("", "points.csv:1: the columns are none; published"),
        (CURVE + "tree,mu2sls,20,x,3,4,5\n", "points.csv:2: achieved_rps is 'x'; write a number"),
        (CURVE + "tree,mu2sls,20,nan,3,4,5\n", "points.csv:2: achieved_rps is 'nan'"),
        (CURVE + "tree,mu2sls,20,-1,3,4,5\n", "points.csv:2: achieved_rps is '-1'"),
        (CURVE + "tree,mu2sls,20\n", "points.csv:2: achieved_rps is 'None'"),
        (
            CURVE + "bush,mu2sls,1,1,3,4,5\n",
            "points.csv:2: there is no benchmark 'bush'; write one",
        ),
        (CURVE + "tree,ours,1,1,3,4,5\n", "points.csv:2: there is no configuration 'ours'; write"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path, text, says):
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(BadResult) as caught:
        load(tmp_path)
    assert says in str(caught.value)


def test_what_is_no_text(tmp_path):
    (tmp_path / "points.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadResult, match="cannot be read"):
        load(tmp_path)


def test_every_line_of_a_figure_has_a_name():
    assert {line.protocol for figure in FIGURES.values() for line in figure.lines} <= set(LABELS)
