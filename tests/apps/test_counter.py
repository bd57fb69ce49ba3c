import random
from collections import Counter as Tally

import pytest

from apps.counter.services import Counter
from apps.hotspot.workload import ARGUMENTS as HOT_ARGUMENTS

APP = "apps/counter"

both_vocabularies = pytest.mark.parametrize(
    "running",
    ["apps/counter", "apps/counter_paper", "apps/counter_paper/counter.csv"],
    indirect=True,
)


@both_vocabularies
def test_increments_are_counted_for_each_key(running):
    assert [running.run("Counter.increment", key) for key in ("a", "b", "a")] == [1, 1, 2]
    assert running.run("Counter.read", "a") == 2
    assert running.run("Counter.read", "c") == 0


@both_vocabularies
def test_one_region_and_a_read_only_read(running):
    assert running.facts("Counter.increment").single_region
    assert not running.facts("Counter.increment").read_only
    assert running.facts("Counter.read").read_only
    assert running.facts("Counter.read").footprint == {"Counter.counts"}


def test_a_count_that_nothing_was_counted_for_is_noticed(running):
    running.state(Counter).counts["a"] = 0
    with pytest.raises(AssertionError, match="a was counted 0 times"):
        running.check("counts_are_positive")


def test_hot_keys_follow_zipf():
    rng = random.Random(3)
    drawn = Tally(HOT_ARGUMENTS["Counter.increment"](rng)[0] for _ in range(20_000))
    first, second, tenth = (drawn[f"key-{rank:03}"] for rank in (0, 1, 9))
    assert 0.12 < first / 20_000 < 0.15
    assert 1.7 < first / second < 2.3
    assert 8 < first / tenth < 12
