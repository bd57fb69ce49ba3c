from itertools import pairwise

import pytest

from experiment.record.history import History
from experiment.scenario.model import POINTS, Fault, Selector
from experiment.strikes import POINT, Armed, Faults, MethodFaults


def strikes(fault, times, seed=1):
    armed = Armed(fault, 0, seed)
    found = []
    for time in times:
        number = armed.opportunity(time)
        if number >= 0:
            armed.strikes += 1
            found.append(number)
    return found


def test_nth_strikes_exactly_these_opportunities():
    assert strikes(Fault("crash", nth=[0, 3]), range(10)) == [0, 3]


def test_a_schedule_strikes_once_after_each_tick():
    times = [number / 100 for number in range(1000)]
    found = strikes(Fault("crash", schedule=2.0), times)
    assert len(found) == 5
    gaps = {later - earlier for earlier, later in pairwise(found)}
    assert gaps == {200}


def test_a_schedule_does_not_catch_up_on_missed_ticks():
    assert len(strikes(Fault("crash", schedule=1.0), [100.0, 100.01, 100.02])) <= 2


def test_the_seed_decides_the_phase():
    times = [number / 100 for number in range(300)]
    assert len({tuple(strikes(Fault("crash", schedule=1.0), times, seed)) for seed in range(9)}) > 5


def test_probability_start_and_limit():
    fault = Fault("crash", probability=0.5, start=10.0, limit=3)
    found = strikes(fault, range(100))
    assert len(found) == 3
    assert min(found) >= 10
    assert len(strikes(Fault("crash", probability=1.0), range(7))) == 7


def test_details_depend_on_fault_and_opportunity_alone():
    one, other = Armed(Fault("crash"), 2, 5), Armed(Fault("crash", nth=[8]), 2, 5)
    other.opportunity(1.0)
    assert one.details(8).random() == other.details(8).random()
    assert one.details(8).random() != one.details(9).random()


def faults_of(*faults):
    armed = [Armed(fault, index, 1) for index, fault in enumerate(faults)]
    return MethodFaults("Hotel", "reserve", armed)


@pytest.mark.parametrize("point", POINTS)
def test_a_point_fault_is_aimed_at_its_point(point):
    method = faults_of(Fault("crash", at=point))
    assert [number for number, aimed in enumerate(method.points) if aimed] == [POINT[point]]


def test_any_and_no_point_mean_every_point():
    assert all(faults_of(Fault("pause", at="any")).points)
    assert all(faults_of(Fault("pause")).points)


@pytest.mark.parametrize(
    ("selector", "aimed"),
    [
        (Selector(), True),
        (Selector(service="Hotel"), True),
        (Selector(service="Flight"), False),
        (Selector(method="reserve"), True),
        (Selector(service="Hotel", method="release"), False),
    ],
)
def test_selectors(selector, aimed):
    assert any(faults_of(Fault("crash", at="any", selector=selector)).points) == aimed


def test_message_faults_have_a_direction():
    method = faults_of(Fault("drop", selector=Selector(target="response")), Fault("delay"))
    assert [armed.index for armed in method.requests] == [1]
    assert [armed.index for armed in method.responses] == [0, 1]


def test_store_errors_strike_the_calls_they_fit():
    method = faults_of(
        Fault("store_error", error="not_committed"),
        Fault("store_error", error="transaction_too_old"),
        Fault("store_error"),
    )
    by_call = {call: [armed.index for armed in aimed] for call, aimed in method.store.items()}
    assert by_call == {"read_version": [2], "read": [1, 2], "commit": [0, 1, 2]}


def test_strikes_are_recorded_until_faults_stop():
    history = History()
    faults = Faults([Fault("crash", at="start", probability=1.0)], 1, history, lambda: 2.5)
    method = faults.method("Hotel", "reserve")
    (armed,) = method.points[POINT["start"]]
    assert faults.strike(armed, method, "start") is not None
    faults.active = False
    assert faults.strike(armed, method, "start") is None
    (struck,) = history.faults
    assert (struck.time, struck.where, struck.nth) == (2.5, "Hotel.reserve@start", 0)
    assert armed.strikes == 1
