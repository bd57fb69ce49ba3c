"""The picture: everything is on it, nothing runs out of it, and it is the same every time."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import msgspec
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from figures.errors import CannotDraw
from figures.picture import draw_comparison
from figures.results import Result
from figures.runs import side_by_side
from figures.style import COLOURS, DASHES, save
from tests.figures import made


def draw(*changes):
    found = [msgspec.convert(made.result(**each), Result) for each in changes]
    return draw_comparison(
        side_by_side([(Path(f"runs/{n}/result.json"), each) for n, each in enumerate(found)])
    )


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def axes(figure, title):
    return next(each for each in figure.axes if each.get_title(loc="left").startswith(title))


def overflowing(figure):
    """Texts that leave the page; ticks beyond the ends of an axis are not drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    page = figure.bbox
    found = []
    ticks = {
        label for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels(which="both")
    }  # fmt: skip
    for text in figure.findobj(Text):
        if text.get_text() and text not in ticks:
            box = text.get_window_extent(canvas.get_renderer())
            if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0
                    and box.y1 <= page.y1):  # fmt: skip
                found.append(text.get_text())
    return found


SIX = [{"seeds": [n], "measurements": {"goodput": 9.6 - n}} for n in range(6)]
SILENT = {
    "measurements": {
        "goodput": 0.0,
        "succeeded": 0,
        "raised": 0,
        "unknown": 100,
        "latency": made.result()["measurements"]["latency"]
        | {"count": 0, "highest": 0.0, "buckets": [], "percentiles": {}},
    }
}


@pytest.mark.parametrize(
    "changes",
    [[{}], [{}, made.other()], SIX, [SILENT], [{}, SILENT],
     [{"seeds": [1, 2], "verdicts": [], "thresholds": [], "faults": []}]],
    ids=["one", "two", "six", "silent", "silent beside another", "sweep"],
)  # fmt: skip
def test_nothing_leaves_the_page(changes):
    assert overflowing(draw(*changes)) == []


def test_what_is_on_it():
    found = texts(draw({}, made.other()))
    title = "hotel, scenario crash, 10/s: simulator, mu2sls, model against local, unsafe"
    assert found[0].startswith(title) or any(each.startswith("hotel, scenario") for each in found)
    assert "latency, ms (logarithmic)" in found
    assert "requests per second of load" in found
    assert "9.60/s of 10/s" in found
    assert "3.00, 6.00 round trips" in found
    assert {"crash", "drop", "kill", "exactly_once", "FAILS", "unclear", "n/a"} <= set(found)
    assert any("2 of them not answered" in each for each in found)
    assert {"50 %", "90 %", "99 %"} <= set(found)


def test_the_curves_are_the_distributions():
    figure = draw({}, made.other())
    lines = [line for line in axes(figure, "Latency").get_lines() if len(line.get_xdata()) == 8]
    assert len(lines) == 2
    assert list(lines[0].get_ydata())[::2] == pytest.approx([1.0, 4.099, 20.495, 100.4])
    assert [line.get_color() for line in lines] == list(COLOURS[:2])


def test_runs_can_be_told_apart_without_colour():
    assert len({str(dashes) for dashes in DASHES}) == len(COLOURS) == 6
    found = texts(draw(*SIX))
    assert all(found.count(letter) >= 5 for letter in "ABCDEF")


def test_similar_latencies_stand_on_a_linear_axis():
    latency = made.result()["measurements"]["latency"]
    narrow = latency | {"buckets": made.BUCKETS[:2], "highest": 0.0041}
    figure = draw({"measurements": {"latency": narrow}})
    assert axes(figure, "Latency").get_yscale() == "linear"
    assert axes(figure, "Latency").get_ylim()[0] == 0
    assert axes(draw({}), "Latency").get_yscale() == "log"


def test_letters_of_curves_that_end_together_do_not_collide():
    figure = draw({}, {"seeds": [8]})
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [
        text.get_window_extent(canvas.get_renderer())
        for text in axes(figure, "Latency").texts
        if text.get_text() in ("A", "B")
    ]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_a_run_without_an_answer_says_so():
    assert "no request was answered" in texts(draw(SILENT))


@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.svg", b"<?xml")])
def test_files_are_the_same_every_time(tmp_path, name, begins):
    written = []
    for _ in range(2):
        save(draw({}, made.other()), tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(begins)


def test_an_svg_is_one_and_its_words_are_text(tmp_path):
    save(draw({}, made.other()), tmp_path / "x.svg")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    assert root.tag.endswith("svg")
    assert "exactly_once" in "".join(root.itertext())


@pytest.mark.parametrize("name", ["x.gif", "x", "x.jpeg"])
def test_other_kinds_of_picture_are_refused(tmp_path, name):
    with pytest.raises(CannotDraw, match=r"\.svg, \.png or \.pdf"):
        save(draw({}), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(CannotDraw, match="give another place with -o"):
        save(draw({}), tmp_path / "none" / "x.png")
