"""Retention: forget what finished requests left, once nobody may ask again (rule 7).

One commit moves the watermark and clears the journal up to it. The clear writes
every journal key of the range, so an attempt that began before it, and commits
in conflict with its own journal key, can no longer commit; and the attempt
after that sees the watermark. Nothing else is needed to keep old ids from
running twice.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core.ids import earliest_root
from core.journal import METHOD_END
from core.layout import INTENTS, JOURNAL, WATERMARK, root_of_intent, up_to
from core.ports import Commit, Effect, Read, ReadVersion
from core.store import ClearRange, Set, point

__all__ = ["retain"]


def retain(
    now_ns: int, period_ns: int, name: str = "retention"
) -> Generator[Effect, Any, bytes | None]:
    """Forget requests that began more than ``period_ns`` ago, but none past the oldest intent.

    The commit conflicts with intents recorded meanwhile for requests that old.

    :returns: the new watermark, or None if there was nothing to forget.
    :raises StoreError: nothing was forgotten, or (Unknown) perhaps; try again later.
    """
    horizon = earliest_root((now_ns - period_ns) // 1_000_000)
    version = yield ReadVersion()
    values, ranges = yield Read(name, version, (WATERMARK,), ((*INTENTS, 1),))
    if ranges[0]:
        horizon = min(horizon, root_of_intent(ranges[0][0][0]))
    if horizon <= (values[0] or b"\x00" * 16):
        return None
    forgotten = up_to(JOURNAL, horizon)
    yield Commit(
        None,
        0,
        METHOD_END,
        (name,),
        version,
        [up_to(INTENTS, horizon), point(WATERMARK)],
        [Set(WATERMARK, horizon), ClearRange(*forgotten)],
    )
    return horizon
