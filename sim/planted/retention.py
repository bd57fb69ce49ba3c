"""Breaking rule 7: retention."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from core import regions, retention
from core.ids import earliest_root
from core.journal import METHOD_END
from core.layout import INTENTS, JOURNAL, WATERMARK, root_of, up_to
from core.memory import MemoryStore
from core.ports import Commit, Read, ReadVersion
from core.store import Clear, ClearRange, Set, point
from sim.planted.bug import Steps, bug, everywhere, replace, with_


@bug("retention stops at the oldest intent", "liveness", "retention", "auction")
def retention_forgets_too_early() -> AbstractContextManager[Any]:
    """Forget by age alone."""

    def retain(now_ns: int, period_ns: int, name: str = "retention") -> Steps:
        horizon = earliest_root((now_ns - period_ns) // 1_000_000)
        version = yield ReadVersion()
        values, _ = yield Read(name, version, (WATERMARK,))
        if horizon <= (values[0] or b""):
            return None
        forget = ClearRange(*up_to(JOURNAL, horizon))
        yield Commit(None, 0, METHOD_END, (name,), version, [], [Set(WATERMARK, horizon), forget])
        return horizon

    return everywhere(retention.retain, retain)


@bug("a request older than the watermark is refused", "exactly_once", "retention", "counter")
def watermark_not_checked() -> AbstractContextManager[Any]:
    """Execute whatever comes, however old."""
    return replace(regions, "WATERMARK", b"w, but nobody writes it")


@bug("retention is in conflict with intents recorded meanwhile", "liveness", "late", "parcels")
def intents_recorded_meanwhile_forgotten() -> AbstractContextManager[Any]:
    """Move the watermark past whatever began after retention looked."""
    original = retention._round

    def forget(latest: bytes, begin: bytes, name: str) -> Steps:
        steps: Any = original(latest, begin, name)
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield with_(effect, reads=[]) if isinstance(effect, Commit) else effect

    return replace(retention, "_round", forget)


@bug("forgetting is in conflict with whoever began before", "liveness", "late", "parcels")
def records_forgotten_one_by_one() -> AbstractContextManager[Any]:
    """Clear the records that are there, so that only those conflict, not those yet to come."""

    def forget(latest: bytes, begin: bytes, name: str) -> Steps:  # noqa: ARG001
        version = yield ReadVersion()
        old = ((*INTENTS, 1), (*up_to(JOURNAL, latest), 0))
        values, (intents, records) = yield Read(name, version, (WATERMARK,), old)
        horizon = min(latest, root_of(intents[0][0])) if intents else latest
        if horizon <= (values[0] or b""):
            return None, None
        end = up_to(JOURNAL, horizon).end
        cleared = [Clear(key) for key, _ in records if key < end]
        reads = [up_to(INTENTS, horizon), point(WATERMARK)]
        yield Commit(
            None, 0, METHOD_END, (name,), version, reads, [Set(WATERMARK, horizon), *cleared]
        )
        return horizon, None

    return replace(retention, "_round", forget)


@bug("a cleared range is in conflict with every key in it", "liveness", "late", "parcels")
def cleared_ranges_conflict_with_nothing() -> AbstractContextManager[Any]:
    """Let the store remove the keys of a range without anybody noticing."""

    def clear_range(self: MemoryStore, _: int, begin: bytes, end: bytes, __: list[bytes]) -> None:
        for key in self._present(begin, end):
            changed, value = self._current[key]
            if value is not None:
                self._current[key] = (changed, None)

    return replace(MemoryStore, "_clear_range", clear_range)


@bug(
    "retention goes around what was set aside",
    "bounded_storage",
    "smoke",
    "tests/experiment/checks/hopeless.py",
)
def what_is_set_aside_forgotten() -> AbstractContextManager[Any]:
    """Clear all of the journal up to the watermark."""

    def around(_: Any, watermark: bytes, horizon: bytes) -> list[ClearRange]:
        return [ClearRange(JOURNAL.begin + watermark, JOURNAL.begin + horizon)]

    return replace(retention, "_around", around)


@bug("retention clears the journal", "bounded_storage", "smoke", "counter")
def retention_clears_nothing() -> AbstractContextManager[Any]:
    """Move the watermark and leave the records."""
    return replace(retention, "ClearRange", lambda *_: Clear(b"nothing"))


@bug("retention forgets what requests left, never data", "bounded_storage", "smoke", "counter")
def retention_clears_data() -> AbstractContextManager[Any]:
    """Clear from the beginning of the store."""
    return replace(retention, "ClearRange", lambda _, end: ClearRange(b"", end))
