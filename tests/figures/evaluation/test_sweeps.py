"""Lines of points: what is measured next, what is not measured again, and when a line ends."""

import pytest

from figures.evaluation.benchmarks import Line
from figures.evaluation.pictures import PICTURES
from figures.evaluation.points import Place, Point
from figures.evaluation.published import Published
from figures.evaluation.recovery import KILLS
from figures.evaluation.series import as_csv, collect
from figures.evaluation.sweeps import Demand, Sweep, together
from figures.evaluation.ways import SEQUENTIAL, at_rate, clients
from tests.figures.evaluation.lines import measure

LINE = Line("chain", "mu2sls")
SWEPT = Demand(LINE, swept=True)
WITH_ONE = Demand(LINE, (SEQUENTIAL,), swept=True)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def complete(sweep, most=100.0):
    rates = []
    while (point := sweep.next()) is not None:
        measure(point, most)
        rates.append(point.way.rate)
    return rates


def test_a_line_ends_after_two_points_past_saturation(place):
    assert complete(Sweep(place, SWEPT), 45.0) == [1, 10, 20, 30, 40, 50, 60]


def test_it_goes_on_beyond_the_last_rate_of_the_artifact(place):
    assert complete(Sweep(place, SWEPT), 250.0)[-5:] == [110, 138, 172, 215, 269, 336][-5:]


def test_in_a_hurry_there_are_fewer_points(place):
    assert complete(Sweep(place, SWEPT, quick=True), 45.0) == [1, 10, 50]


def test_in_a_hurry_it_goes_on_in_larger_steps(place):
    assert complete(Sweep(place, SWEPT, quick=True), 250.0) == [1, 10, 50, 90, 220, 440]


def test_what_comes_faster_lasts_shorter(place):
    shown = [Point(place, LINE, at_rate(rate)).text() for rate in (400, 800)]
    assert "duration: 10s" in shown[0]
    assert "duration: 5s" in shown[1]


def test_one_client_alone_comes_first(place):
    assert complete(Sweep(place, WITH_ONE), 5.0) == [0, 1, 10, 20]


def test_what_was_measured_is_not_measured_again(place):
    sweep = Sweep(place, SWEPT)
    complete(sweep)
    assert Sweep(place, SWEPT).next() is None
    other = Sweep(Place(place.folder, seconds=5.0), SWEPT)
    assert other.next().way.rate == 1


@pytest.mark.parametrize("harm", ["cut", "gone", "changed"])
def test_a_point_that_was_left_half_done_is_measured_again(place, harm):
    complete(Sweep(place, SWEPT))
    point = Point(place, LINE, at_rate(20))
    path = point.folder / "result.json"
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:300])
    elif harm == "gone":
        path.unlink()
    else:
        point.scenario.write_text(point.text() + "# changed by hand\n")
    assert Sweep(place, SWEPT).next() == point


def test_the_numbers_of_a_line(place):
    complete(Sweep(place, WITH_ONE), 45.0)
    series = collect(place.folder, LINE, Published())
    assert [point.offered for point in series.points] == [1, 10, 20, 30, 40, 50, 60]
    assert [point.is_saturated for point in series.points] == [False] * 5 + [True] * 2
    assert series.sequential.achieved == pytest.approx(98 / 13)
    head, columns, first, *rest = as_csv([series]).splitlines()
    assert head.startswith("# Written by mu2sls")
    assert columns.startswith("benchmark,protocol,source,offered_rps,achieved_rps,p50_ms")
    assert first.startswith("chain,mu2sls,simulator,sequential,7.54,1.00,2.00,4.10,0.0200,python")
    assert len(rest) == 7


def test_points_of_other_figures_are_none_of_a_line(place):
    complete(Sweep(place, Demand(LINE, (clients(16), KILLS, SEQUENTIAL))))
    series = collect(place.folder, LINE, Published())
    assert (series.points, series.sequential is None) == ([], False)
    assert collect(place.folder, LINE, Published(), sequential=False).sequential is None


def test_real_processes_are_asked_as_they_can_be(tmp_path):
    def asked(backend):
        return (
            Point(Place(tmp_path, backend), Line("chain", "popl23"), at_rate(1)).command().split()
        )

    assert asked("local")[2:4] == ["backends.local", "run"]
    assert asked("local")[-2:] == ["--protocol", "popl23"]
    assert asked("knative")[2:4] == ["backends.knative", "run"]
    assert asked("knative")[-4:] == ["--protocol", "popl23", "--name", "chain-popl23"]


def test_what_several_figures_want_of_a_line_is_measured_once(place):
    other = Line("chain", "unsafe")
    wanted = [
        Demand(LINE, (SEQUENTIAL,)),
        Demand(other),
        SWEPT,
        Demand(LINE, (clients(4), SEQUENTIAL)),
    ]
    assert together(wanted) == [Demand(LINE, (SEQUENTIAL, clients(4)), True), Demand(other)]
    sweep = Sweep(place, Demand(LINE, (SEQUENTIAL, clients(4))))
    assert len(complete(sweep)) == 2


@pytest.mark.parametrize("number", PICTURES)
def test_every_scenario_can_be_run(place, monkeypatch, number):
    from experiment.outcome import Task
    from experiment.preparation import prepare

    for line, ways, swept in PICTURES[number].demands():
        for way in (*ways, *([at_rate(20)] if swept else [])):
            point = Point(place, line, way)
            point.write()
            load = prepare(Task(str(point.scenario))).scenario.load[0]
            assert (load.rate, load.keys, load.reuse) == (way.rate, 0.0, 0.0)
            assert load.connections == (16 if way.rate and not way.judged else 0)
