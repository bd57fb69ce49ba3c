"""Waiting in a reference run: time passes, and what is due meanwhile runs, until the wait ends."""

from __future__ import annotations

from collections.abc import Container

from compiler.api.pending import Ended, Pending
from compiler.api.undo import Undo
from core.bounds import REQUEST, Bounds
from core.errors import MuError
from core.events import late, nobody

__all__ = ["Waits"]


class Waits:
    """The waits of the requests of a run, and what breaks them off."""

    def __init__(self, pending: Pending, undo: Undo) -> None:
        self._pending = pending
        self._undo = undo

    def cancel(self, number: int) -> None:
        """Let what was started under a number go no further than where it next waits."""
        if self._pending.cancel(number):
            self._undo.record(self._pending.revive, number)

    def sleep(self, nanoseconds: int, bounds: Bounds) -> None:
        """Go on later.

        :raises Cancelled: it was broken off.
        """
        self._outside_transactions("sleep")
        self._until(self._pending.now() + nanoseconds, bounds)

    def result(self, number: int, bounds: Bounds) -> Ended | None:
        """What became of a request that was started; None: there is none of that number.

        :raises Cancelled: it was broken off.
        """
        self._outside_transactions("wait")
        pending = self._pending
        while True:
            if self._is_cancelled(bounds):
                raise bounds.reach(REQUEST)
            try:
                ended = pending.answer(number)
            except KeyError:
                return None
            if ended is not None:
                return ended
            over, due = bounds.next(None), pending.next_due
            if over is not None and (due is None or over[0] < due):
                self._until(None, bounds)
            elif due is None:
                raise MuError("a request waits for the answer of one that waits for it")
            else:
                pending.run_next()

    def event(
        self, event: bytes, happened: Container[bytes], at_most: int | None, bounds: Bounds
    ) -> None:
        """Wait until an event is among those that have happened.

        :raises TimeoutError: it has not after so many nanoseconds.
        :raises Cancelled: it was broken off.
        """
        self._outside_transactions("wait")
        pending = self._pending
        until = None if at_most is None else pending.now() + at_most
        while not self._is_cancelled(bounds) and event not in happened:
            over, due = bounds.next(until), pending.next_due
            if over is not None and (due is None or over[0] < due):
                self._until(until, bounds)
                if event not in happened:
                    raise TimeoutError(late(event))
            elif due is None:
                raise MuError(
                    f"{nobody(event)}: here one request runs at a time, so signal it before, or "
                    "start(...) what does"
                )
            else:
                pending.run_next()
        if self._is_cancelled(bounds):
            raise bounds.reach(REQUEST)

    def _until(self, time: int | None, bounds: Bounds) -> None:
        """Let time pass until then, or until the wait is broken off."""
        ends, number = bounds.next(time) or (0, None)
        if self._pending.pass_time(ends, lambda: self._is_cancelled(bounds)):
            raise bounds.reach(REQUEST)
        if number is not None:
            raise bounds.reach(number)

    def _is_cancelled(self, bounds: Bounds) -> bool:
        return bounds.heeds and self._pending.is_cancelled

    def _outside_transactions(self, what: str) -> None:
        if self._undo.open:
            raise MuError(
                f"a request cannot {what} in a transaction: {what} before it, or after it"
            )
