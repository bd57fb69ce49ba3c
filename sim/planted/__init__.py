"""Deliberately broken variants of the protocol: what the checks must catch.

An oracle nobody has seen fail proves nothing. Each :class:`Bug` breaks one rule
of ``docs/protocol.md`` by replacing a function of the executor, and names the
check that must see it and a scenario in which it does harm.

    python -m sim scenarios/crash.yaml --planted no_intent
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from experiment.elsewhere import there_too
from sim.planted import (
    branches,
    callers,
    calls,
    cancelling,
    events,
    identity,
    intents,
    joins,
    journal,
    later,
    lines,
    outside,
    poison,
    replay,
    results,
    retention,
    scans,
    schedules,
    transactions,
)
from sim.planted.bug import BUGS, Bug

__all__ = ["BUGS", "Bug", "branches", "callers", "calls", "cancelling", "events", "identity",
           "intents", "joins", "journal", "later", "lines", "outside",
           "plant", "poison", "replay", "results", "retention", "scans",
           "schedules", "transactions"]  # fmt: skip


@contextmanager
def plant(name: str) -> Iterator[Bug]:
    """Run with the bug in place.

    :raises KeyError: there is no such bug.
    """
    planted = BUGS[name]
    with planted.patch(), there_too(__name__, "plant", name):
        yield planted
