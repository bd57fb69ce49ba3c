"""The load of the paper's counter: that of ``apps/counter``."""

from apps.counter.workload import ARGUMENTS, KEYS, MIX, setup
from apps.counter_paper.counter import Counter
from compiler import instance

__all__ = ["ARGUMENTS", "KEYS", "MIX", "counts_are_positive", "setup"]


def counts_are_positive() -> None:
    """A stored count is at least one: it is there because something was counted."""
    for key, count in instance(Counter).counts.items():
        assert count > 0, f"{key} was counted {count} times"
