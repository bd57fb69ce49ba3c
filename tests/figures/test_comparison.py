"""The rows of the comparison, and the table they become."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from figures.comparison import compare
from figures.results import Result
from figures.runs import side_by_side
from figures.table import print_comparison
from tests.figures import made


def runs(*changes):
    found = [msgspec.convert(made.result(**each), Result) for each in changes]
    return side_by_side([(Path(f"runs/{n}/result.json"), each) for n, each in enumerate(found)])


def rows(*changes):
    """Every row by name, as pairs of text and ratio."""
    return {
        row.name: [(cell.text, cell.ratio) for cell in row.cells]
        for section in compare(runs(*changes))
        for row in section.rows
    }


def test_values_and_ratios():
    found = rows({}, made.other())
    assert found["backend"] == [("simulator", None), ("local", None)]
    assert found["durability"] == [("-", None), ("synchronous=FULL", None)]
    assert found["duration"] == [("10 s", None), ("10 s", None)]
    assert found["sent per second"] == [("10/s", None), ("10/s", 1.0)]
    assert found["goodput (in time)"] == [("9.60/s", None), ("4.80/s", 0.5)]
    assert found["succeeded"] == [("90", None), ("90", None)]
    assert found["raised"] == [("8", None), ("8", None)]
    assert found["failed definitely"] == [("0", None), ("0", None)]
    assert found["failed indefinitely"] == [("2", None), ("2", None)]
    assert found["p50"] == [("1.00 ms", None), ("500 us", 0.5)]
    assert found["p99"][1][1] == pytest.approx(10 / 20.5)
    assert found["max"] == [("100 ms", None), ("100 ms", 1.0)]
    assert found["commits per request"] == [("1.50", None), ("3.00", 2.0)]
    assert found["round trips per request"] == [("6.00", None), ("6.00", 1.0)]
    assert found["aborts (conflicts)"] == [("7", None), ("0", None)]
    assert found["refused: Unknown"] == [("2", None), ("0", None)]
    assert found["crash"] == [("15", None), ("-", None)]
    assert found["drop"] == [("0", None), ("-", None)]
    assert found["kill"] == [("-", None), ("3", None)]
    assert found["crash points passed"] == [("2 of 12", None), ("-", None)]
    assert found["exactly_once"] == [("holds", None), ("FAILS", None)]
    assert found["reference"] == [("inconclusive", None), ("-", None)]
    assert found["hotel.no_overselling"] == [("-", None), ("not applicable", None)]
    assert found["latency p(99)<500ms"] == [("holds", None), ("holds", None)]
    assert found["verdict"] == [("holds", None), ("FAILS", None)]


def test_what_stands_out():
    cells = {
        row.name: [cell.mood for cell in row.cells]
        for section in compare(runs({}, made.other()))
        for row in section.rows
    }
    assert cells["exactly_once"] == ["good", "bad"]
    assert cells["reference"] == ["unclear", "quiet"]
    assert cells["failed indefinitely"] == ["unclear", "unclear"]
    assert cells["drop"] == ["unclear", "quiet"]  # declared, and never struck
    assert cells["crash"] == ["plain", "quiet"]


def test_there_is_no_ratio_to_nothing():
    found = rows({"measurements": {"goodput": 0.0}}, {})
    assert found["goodput (in time)"] == [("0/s", None), ("9.60/s", None)]


def test_a_run_without_an_answer_has_no_latency():
    silent = {"latency": made.result()["measurements"]["latency"] | {"count": 0, "buckets": []}}
    found = rows({}, {"measurements": silent})
    assert found["p50"] == [("1.00 ms", None), ("-", None)]
    assert "p50" not in rows({"measurements": silent})


def test_a_sweep_names_how_many_seeds_fail():
    failing = [{"seed": 8, "status": "fails", "reason": "", "command": ""}]
    found = rows({"seeds": [7, 8, 9], "failing": failing, "verdicts": []})
    assert found["seed"] == [("3 from 7, 1 failed", None)]


def printed(*changes, terminal=False, width=80):
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    two = runs(*changes)
    print_comparison(console, two, compare(two))
    return file.getvalue()


def test_the_table_of_two():
    text = printed({}, made.other())
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0].startswith("A simulator, mu2sls, model runs/0/result.json")
    assert lines[1].startswith("B local, unsafe, sqlite, synchronous=FULL")
    assert "A B B/A" in lines
    assert "goodput (in time) 9.60/s 4.80/s 0.500" in lines
    assert "exactly_once holds FAILS" in lines


def test_a_pipe_gets_the_whole_table():
    text = printed(*[{"seeds": [n]} for n in range(6)])
    header = next(line for line in text.splitlines() if "F/A" in line)
    assert header.split() == ["A", "B", "B/A", "C", "C/A", "D", "D/A", "E", "E/A", "F", "F/A"]
    assert "…" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_it_in_its_width(width):
    text = printed({}, made.other(), terminal=True, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


def test_nothing_that_is_quoted_is_taken_for_markup():
    verdicts = [{"name": "[bold]x[/bold]", "status": "holds", "detail": ""}]
    assert "[bold]x[/bold]" in printed({"verdicts": verdicts})
