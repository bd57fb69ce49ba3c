"""Breaking rule 7: retention."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from core import regions, retention
from core.ids import earliest_root
from core.journal import METHOD_END
from core.layout import JOURNAL, WATERMARK, up_to
from core.ports import Commit, Read, ReadVersion
from core.store import Clear, ClearRange, Set
from sim.planted.bug import Steps, bug, everywhere, replace


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


@bug("retention clears the journal", "bounded_storage", "smoke", "counter")
def retention_clears_nothing() -> AbstractContextManager[Any]:
    """Move the watermark and leave the records."""
    return replace(retention, "ClearRange", lambda *_: Clear(b"nothing"))


@bug("retention forgets what requests left, never data", "bounded_storage", "smoke", "counter")
def retention_clears_data() -> AbstractContextManager[Any]:
    """Clear from the beginning of the store."""
    return replace(retention, "ClearRange", lambda _, end: ClearRange(b"", end))
