"""Points are measured by commands; what fails is told, and the rest is measured all the same."""

import sys
import threading

import pytest

from figures.evaluation import points
from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Place, Point
from figures.evaluation.running import Failure, run
from figures.evaluation.sweeps import Demand, Sweep
from tests.patience import until

PROGRAM = """
import sys
from pathlib import Path
from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Place, Point
from figures.evaluation.ways import SEQUENTIAL, at_rate
from tests.figures.evaluation.lines import measure
folder, benchmark, protocol, rate = sys.argv[1:]
if protocol == "popl23":
    sys.exit("there is no such protocol")
way = SEQUENTIAL if rate == "sequential" else at_rate(float(rate))
measure(Point(Place(Path(folder)), Line(benchmark, protocol), way), 15.0)
sys.exit(3)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    def argv(point):
        line = point.line
        words = [str(point.place.folder), line.benchmark, line.protocol, point.way.name]
        return [sys.executable, "-c", PROGRAM, *words]

    monkeypatch.setattr(Point, "argv", argv)
    return Place(tmp_path)


def test_all_lines_are_completed(place):
    told = []
    sweeps = [
        Sweep(place, Demand(Line("chain", name), swept=True)) for name in ("mu2sls", "unsafe")
    ]
    run(sweeps, 2, told.append)
    assert [sweep.next() for sweep in sweeps] == [None, None]
    assert len(told) == 8


def test_what_fails_is_told_and_the_other_lines_are_completed(place):
    good, bad = (
        Sweep(place, Demand(Line("chain", name), swept=True)) for name in ("mu2sls", "popl23")
    )
    with pytest.raises(Failure) as caught:
        run([bad, good], 1, lambda _: None)
    assert "chain popl23: there is no such protocol\n    python -m sim " in str(caught.value)
    assert good.next() is None


def test_an_interrupt_ends_what_runs(place, monkeypatch):
    slow = [sys.executable, "-c", "import time; time.sleep(3600)"]
    monkeypatch.setattr(Point, "argv", lambda _: slow)
    before = set(threading.enumerate())
    begun, started = [], points.Point.write

    def write(point):
        started(point)
        begun.append(point)

    monkeypatch.setattr(Point, "write", write)
    real = threading.Thread.join

    def join(thread, timeout=None):
        if timeout is not None and begun:
            raise KeyboardInterrupt
        return real(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        run([Sweep(place, Demand(Line("chain", "mu2sls"), swept=True))], 1, lambda _: None)
    until(lambda: set(threading.enumerate()) <= before, "the threads to end")
