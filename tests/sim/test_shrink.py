"""Delta debugging: what is left fails, and fails no more with anything taken away."""

from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import Fault, Scenario
from sim.shrink import minimal, with_strikes


@given(st.sets(st.integers(0, 40), max_size=6), st.integers(1, 41))
def test_what_is_needed_together_is_found(needed, size):
    items = list(range(41))[: max(size, max(needed, default=0) + 1)]
    assert minimal(items, lambda tried: needed <= set(tried)) == sorted(needed)


@given(st.lists(st.sets(st.integers(0, 20), min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_single_item_can_be_left_out(causes):
    def fails(tried):
        return any(cause <= set(tried) for cause in causes)

    found = minimal(list(range(21)), fails)
    assert fails(found)
    for item in found:
        assert not fails([other for other in found if other != item])


def test_it_takes_few_tries():
    tries = []

    def fails(tried):
        tries.append(tried)
        return {3, 200} <= set(tried)

    assert minimal(list(range(256)), fails) == [3, 200]
    assert len(tries) < 100


def test_faults_strike_at_exactly_the_strikes():
    faults = [
        Fault("crash", probability=0.1, start=3.0, limit=4),
        Fault("kill", schedule=5.0, probability=1.0),
        Fault("drop", probability=0.1),
    ]
    exact = with_strikes(Scenario("x", "a", faults=faults), [(1, 2000), (0, 9), (0, 2)])
    assert exact.faults == [
        Fault("crash", probability=1.0, nth=[2, 9]),
        Fault("kill", probability=1.0, nth=[2000]),
        Fault("drop", probability=0.0),
    ]
