"""The three switches of the paper's evaluation and one of ours, and the names of what they make."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["NAMES", "Switches"]


class Switches(NamedTuple):
    """What a configuration has.

    :ivar log: fault tolerance: every access is recorded under its step.
    :ivar transactions: locks and shadow copies; without them, transactions mean nothing.
    :ivar buckets: the optimized dictionary: 1,024 objects instead of one.
    :ivar waits: wait-die: for a lock that a younger transaction holds, an older one waits.
    """

    log: bool = True
    transactions: bool = True
    buckets: bool = True
    waits: bool = False


NAMES: dict[str, Switches] = {
    "popl23": Switches(),
    "popl23-wait-die": Switches(waits=True),
    "popl23-no-fault-tolerance": Switches(log=False),
    "popl23-no-optimized-dict": Switches(buckets=False),
    "popl23-transactions-only": Switches(log=False, buckets=False),
    "popl23-unsafe-with-fault-tolerance": Switches(transactions=False, buckets=False),
    "popl23-unsafe": Switches(log=False, transactions=False, buckets=False),
}
