"""The load of the paper's chain: that of ``apps/chain``."""

from apps.chain.workload import ARGUMENTS, MIX, setup
from apps.counter_paper import workload as counter

__all__ = ["ARGUMENTS", "MIX", "counts_are_positive", "setup"]


def counts_are_positive() -> None:
    """As in the counter."""
    counter.counts_are_positive()
