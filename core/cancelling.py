"""Cancelling: whoever waits in a tree is not to go on (rule 12).

A cancelled tree has a **mark** under its root id, and an alarm that is due at once, so that
whatever of it waits looks again: two writes in one commit, of a region of another request
(:class:`core.effects.Cancel`) or by itself (:func:`cancel`). Every wait of the tree reads the mark
together with what it waits for (:mod:`core.waits`). Nothing else happens to a tree: one that waits
no more is completed, and the mark is forgotten with its journal.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core.journal import METHOD_END
from core.layout import CANCELLED, alarm_key, cancelled_key, root_of, set_aside_key, up_to
from core.ports import Commit, Effect, Read, ReadVersion
from core.promises import DONE, Standing, look
from core.store import Clear, KeyRange, Mutation, Set, point

__all__ = ["MARKS_AT_ONCE", "cancel", "forget_marks", "marks"]

MARKS_AT_ONCE = 1_000
"""How many marks one commit forgets at most."""


def marks(root: bytes) -> list[Mutation]:
    """What is written to cancel a tree."""
    return [Set(cancelled_key(root), b""), Set(alarm_key(0, root), b"")]


def cancel(root: bytes, name: str = "cancel") -> Generator[Effect, Any, Standing | None]:
    """Cancel a tree, unless it is complete.

    :returns: what is known of it (:func:`core.promises.look`); None: nothing is.
    :raises StoreError: the store did not answer; or (Unknown) perhaps it is cancelled. To do it
        again does no harm.
    """
    found = yield from look(root, name)
    if found is not None and found.state != DONE:
        version = yield ReadVersion()
        yield Commit(None, 0, METHOD_END, (name,), version, [], marks(root))
    return found


def forget_marks(watermark: bytes, name: str) -> Generator[Effect, Any, None]:
    """Forget the marks of trees that are forgotten themselves, but not of what is set aside.

    :raises StoreError: the store did not answer; another time will do.
    """
    begin: bytes | None = CANCELLED.begin
    while begin is not None:
        version = yield ReadVersion()
        _, (found,) = yield Read(
            name, version, (), ((begin, up_to(CANCELLED, watermark).end, MARKS_AT_ONCE),)
        )
        keys = [key for key, _ in found]
        notes = tuple(set_aside_key(root_of(key)) for key in keys)
        kept = (yield Read(name, version, notes))[0] if notes else []
        gone = [key for key, note in zip(keys, kept, strict=True) if note is None]
        reads: list[KeyRange] = [point(set_aside_key(root_of(key))) for key in gone]
        if gone:
            cleared: list[Mutation] = [Clear(key) for key in gone]
            cleared += [Clear(alarm_key(0, root_of(key))) for key in gone]  # if nobody ever wakes
            yield Commit(None, 0, METHOD_END, (name,), version, reads, cleared)
        begin = keys[-1] + b"\x00" if len(keys) == MARKS_AT_ONCE else None
