"""Breaking rule 5: intents and recovery."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from core import recovery
from core.entries import read_entries
from core.ids import earliest_root
from core.journal import METHOD_END, decode_intent
from core.layout import INTENTS, intent_range, up_to
from core.messages import Outcome
from core.ports import Commit, ReadVersion
from core.regions import Regions
from core.store import ClearRange, KeyRange, Mutation, Set
from sim.planted.bug import Steps, bug, everywhere, replace


def _clear(regions: Regions) -> list[Mutation]:
    return [ClearRange(*intent_range(regions._request.id.root))]


def _only_clears(self: Regions, last: bool) -> list[Mutation]:
    return _clear(self) if last else []


@bug("a tree that made something durable has an intent", "exactly_once", "crash", "hotel")
def no_intent() -> AbstractContextManager[Any]:
    """Never record the intent."""
    return replace(Regions, "intent", _only_clears)


@bug("the intent is in the same commit as the effect", "exactly_once", "crash", "hotel")
def intent_after_the_effect() -> AbstractContextManager[Any]:
    """Record the intent in a commit of its own, after the region's."""
    intent, commit = Regions.intent, Regions._commit

    def late(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        mutations = intent(self, self._ends_tree(end))
        yield from commit(self, end, outcome)
        if any(isinstance(mutation, Set) for mutation in mutations):
            version = yield ReadVersion()
            yield Commit(None, 0, METHOD_END, (), version, [], mutations)

    return mock.patch.multiple(Regions, intent=_only_clears, _commit=late)


@bug("only the tree's last commit clears the intent", "exactly_once", "crash", "auction")
def intent_cleared_too_early() -> AbstractContextManager[Any]:
    """Let every callee's commit clear it."""
    original = Regions.intent

    def intent(self: Regions, last: bool) -> list[Mutation]:
        return _clear(self) if self._request.id.path else original(self, last)

    return replace(Regions, "intent", intent)


@bug("recovery drives stale intents", "liveness", "crash", "hotel")
def recovery_gives_up() -> AbstractContextManager[Any]:
    """Look at the clock and do nothing."""

    def recover(*_: Any, **__: Any) -> Steps:
        yield ReadVersion()
        return 0

    return everywhere(recovery.recover, recover)


@bug("recovery keeps what it could not complete", "exactly_once", "crash", "hotel")
def recovery_forgets_failures() -> AbstractContextManager[Any]:
    """Clear every stale intent, without driving anything."""

    def drive_again(origins: dict[bytes, Any], name: str) -> Steps:
        yield from recovery.clear_intents(list(origins), name)

    return replace(recovery, "drive", drive_again)


@bug("recovery drives all that is stale", "liveness", "retention", "parcels")
def recovery_drives_the_latest_only() -> AbstractContextManager[Any]:
    """Drive the latest stale intent of each round, and leave the others for later."""

    def recover(now_ns: int, stale_ns: int, limit: int = 100, name: str = "recovery") -> Steps:
        part = up_to(INTENTS, earliest_root((now_ns - stale_ns) // 1_000_000))
        version = yield ReadVersion()
        intents, _ = yield from read_entries(version, [part], 10 * limit, name)
        latest = sorted(intents)[-1:]
        origins = {root: decode_intent(intents[root]).origin for root in latest}
        yield from recovery.drive(origins, name)
        return len(latest)

    return everywhere(recovery.recover, recover)


@bug("recovery drives stale intents, however old", "liveness", "retention", "hotel", seconds=20.0)
def recovery_leaves_the_old() -> AbstractContextManager[Any]:
    """Drive an intent for five seconds since it became stale, and never after."""

    def recent(section: KeyRange, horizon: bytes) -> KeyRange:
        earliest = earliest_root(int.from_bytes(horizon[:6], "big") - 5_000)
        return KeyRange(intent_range(earliest).begin, up_to(section, horizon).end)

    return replace(recovery, "up_to", recent)
