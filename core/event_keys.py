"""The keys under which named events stand: see :mod:`core.layout`."""

from __future__ import annotations

from core.ids import RequestId
from core.layout import journal_key
from core.store import KeyRange

__all__ = ["event_at", "event_key", "event_of", "event_range", "event_waiter", "event_waiting"]


def event_key(event: bytes) -> bytes:
    """The key of an event that has happened; ``event`` is its name ``00`` key."""
    return b"g" + event + b"\x00"


def event_waiter(event: bytes, waiter: RequestId, place: int) -> bytes:
    """The key under which stands that a request waits, at a place, for an event."""
    return b"g" + event + b"\x01" + journal_key(waiter, place)[1:]  # as the journal names both


def event_range(event: bytes) -> KeyRange:
    """An event, if it has happened, and then all that wait for it."""
    return KeyRange(event_key(event), b"g" + event + b"\x02")


def event_waiting(event: bytes, key: bytes) -> bytes:
    """The root id of the tree that waits, in the key of who waits for an event."""
    begin = len(event) + 2
    return key[begin : begin + 16]


def event_at(moment: bytes, event: bytes) -> bytes:
    """The key under which stands that an event was signalled; ``moment`` is a root id's time."""
    return b"f" + moment + event


def event_of(key: bytes) -> bytes:
    """The event in a key that says when it was signalled."""
    return key[17:]
