"""Everything that can go wrong below the user's code, each kind its own type.

Two families, never confused:

* *Store errors* are answers of the Store port. They are thrown into an attempt
  by its host and handled there (:mod:`core.attempt`); they never reach user code.
* *Failures* are what a client is told instead of an answer. A
  :class:`DefiniteFailure` says that nothing happened and nothing will; an
  :class:`IndefiniteFailure` says that nobody knows yet, so the client may ask
  again under the same request id, and only under that id.

An exception that the user's own method raises is neither: it is an answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

__all__ = [
    "Asleep",
    "BadRequest",
    "Cancelled",
    "Conflict",
    "DefiniteFailure",
    "Expired",
    "Failure",
    "Forbidden",
    "FutureVersion",
    "IdReused",
    "IndefiniteFailure",
    "Interrupted",
    "MuError",
    "NondeterminismError",
    "Overloaded",
    "RemoteError",
    "SetAside",
    "StoreError",
    "StoreUnavailable",
    "TooLarge",
    "TooOld",
    "TooSlow",
    "TransactionException",
    "Unfamiliar",
    "Unknown",
    "UnsupportedValue",
]


_MOST_WAITERS = 10


class MuError(Exception):
    """Base of every error this project raises; the message names place and remedy."""


# --- answers of the Store port -------------------------------------------------


class StoreError(MuError):
    """Base of what a store answers when it cannot do what was asked."""


class Conflict(StoreError):
    """A key that the transaction read was written since (FoundationDB 1020).

    :ivar keys: keys known to be in conflict, a hint that may be empty.
    """

    def __init__(self, keys: tuple[bytes, ...] = ()) -> None:
        super().__init__("a key that was read has been written since")
        self.keys = keys


class TooOld(StoreError):
    """The read version left the store's window (FoundationDB 1007)."""


class FutureVersion(StoreError):
    """The read version is ahead of what the store has reached (FoundationDB 1009)."""


class StoreUnavailable(StoreError):
    """The store did not answer and the operation certainly had no effect."""


class Unknown(StoreError):
    """The commit may or may not have happened (FoundationDB 1021)."""


class TooLarge(StoreError):
    """A key, a value or the transaction is over the store's limit; nothing happened."""


# --- what a client is told instead of an answer ---------------------------------


class Failure(MuError):
    """Base of the two kinds of failure a client can be told."""


class DefiniteFailure(Failure):
    """Nothing happened and nothing will: the request can be forgotten."""


class IndefiniteFailure(Failure):
    """It is not known whether the request took effect: ask again under the same id."""


class BadRequest(DefiniteFailure):
    """No such service or method, or arguments that do not fit it."""


class Forbidden(BadRequest):
    """The method is not for whoever asks."""


class IdReused(DefiniteFailure):
    """The request id belongs to a request with another method or other arguments."""


class Overloaded(DefiniteFailure):
    """Turned away before it was started."""


class TooSlow(DefiniteFailure):
    """A region takes longer than the store keeps a read version: it can never commit."""


class Interrupted(IndefiniteFailure):
    """The attempt ended before the answer was known: a crash, a lost message, a deadline."""


class Asleep(IndefiniteFailure):
    """All of the request that is not done yet waits, and holds nothing: it goes on by itself.

    :ivar until: when it is to be asked again, in Unix nanoseconds.
    :ivar seen: the version of the store at which it looked that nothing is there yet.
    :ivar alarm: when it is woken by its time, in Unix nanoseconds; 0: not by that.
    :ivar waiters: the keys under which it is registered that it waits for something; a few.
    """

    def __init__(
        self,
        until: int,
        seen: int,
        why: str = "",
        alarm: int | None = None,
        waiters: Sequence[bytes] = (),
    ) -> None:
        at = dt.datetime.fromtimestamp(until // 10**9, dt.UTC)
        sleeps = f"the request sleeps until {at:%Y-%m-%d %H:%M:%S} UTC and then goes on"
        super().__init__(why or sleeps)
        self.until = until
        self.seen = seen
        self.alarm = until if alarm is None else alarm
        self.waiters = tuple(waiters)[:_MOST_WAITERS]

    def with_(self, other: Asleep) -> Asleep:
        """What is said of two parts of a request that wait."""
        first = min(self, other, key=lambda each: each.until)
        return Asleep(
            first.until,
            min(self.seen, other.seen),
            str(first),
            min((each for each in (self.alarm, other.alarm) if each), default=0),
            tuple(dict.fromkeys((*self.waiters, *other.waiters))),
        )


class Expired(IndefiniteFailure):
    """The request is older than the retention watermark: its record may be gone."""


class Unfamiliar(IndefiniteFailure):
    """The present revision does not know what it was asked for; another may."""


class SetAside(IndefiniteFailure):
    """The request cannot be completed as the program stands; it is kept for a person."""


class NondeterminismError(MuError):
    """A replay asked for something else than the journal holds.

    :ivar where: ``file:line`` of the user's statement that asked.
    """

    def __init__(self, asked: str, holds: str, where: str) -> None:
        super().__init__(
            f"{where}: a replay asked for {asked}, but the journal holds {holds}. The method must "
            "do the same on every execution: keep clocks, random numbers and state inside the "
            "service's own methods, and deploy incompatible changes as new methods."
        )
        self.where = where


# --- what user code can see -----------------------------------------------------


class TransactionException(Exception):
    """A transaction was aborted; everything it wrote is undone.

    :ivar message: why, as it was given.
    """

    def __init__(self, message: object = "Transaction aborted", *more: object) -> None:
        super().__init__(message, *more)
        self.message = message


class Cancelled(BaseException):
    """A wait was broken off: the request was cancelled, or the time of a timeout around is over.

    No Exception: ``except Exception`` is about what went wrong, and what tries again then would go
    on for ever. What must happen all the same stands in ``finally``.

    :ivar bound: by what (:mod:`core.bounds`); None: by nothing here, it is about another request.
    """

    bound: int | None = None


class RemoteError(MuError):
    """A callee raised an exception whose type this application does not define."""


class UnsupportedValue(MuError):
    """A value that cannot be stored or sent; the message says which and what can."""
