"""What one attempt leaves for later: requests that it starts, and itself, when it sleeps.

Both are writes of the present region (:mod:`core.alarms`), so they become durable with it, travel
with it, and are undone with it (rule 11).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from core.alarms import started, started_root
from core.calls import Calls
from core.effects import Sleep, Start
from core.errors import Asleep, Unfamiliar
from core.layout import alarm_key
from core.messages import Failed, Origin, Request
from core.ports import Due, Effect, Steps
from core.program import Program
from core.regions import Regions
from core.scopes import Scopes
from core.store import Set

__all__ = ["Later"]


class Later:
    """Starting and sleeping.

    :param travels: whether the request is part of a region elsewhere.
    :param where: names the user's statement that is being executed, for errors.
    :param clock: reads the clock, as an input of the region.
    :param end_region: makes durable what led to the place given.
    """

    def __init__(
        self,
        program: Program,
        request: Request,
        regions: Regions,
        scopes: Scopes,
        calls: Calls,
        travels: bool,
        where: Callable[[], str],
        clock: Callable[[], Steps],
        end_region: Callable[[int], Steps],
    ) -> None:
        self._program = program
        self._request = request
        self._regions = regions
        self._scopes = scopes
        self._calls = calls
        self._travels = travels
        self._where = where
        self._clock = clock
        self._end_region = end_region

    def start(self, effect: Start) -> Steps:
        """Begin a request with the present region: its root id."""
        yield from self._calls.settle()
        args = self._calls.encode(effect)
        now = yield from self._clock()
        place, due = self._regions.take_place(), max(now + effect.after, effect.at)
        root = started_root(self._program.secret, self._request.id, place, due)
        region = self._regions.present
        for mutation in started(
            root, Origin(effect.service, effect.method, args, self._request.origin.caller)
        ):
            region.writes.add(mutation)
        region.dirty = True
        return root

    def sleep(self, effect: Sleep) -> Steps:
        """End the region, and go on if it is time.

        :raises Asleep: it is not yet.
        """
        yield from self._calls.settle()
        if self._travels or self._scopes:  # to another revision it does not sleep
            raise Unfamiliar(f"{self._where()}: it sleeps, and was called inside a transaction")
        yield from self._calls.asking.hear_all()  # keys are not kept for as long as it may sleep
        until = (yield from self._clock()) + effect.nanoseconds
        self._regions.present.writes.add(Set(alarm_key(until, self._request.id.root), b""))
        yield from self._end_region(self._regions.take_place())
        if not (yield Due(until)):
            raise Asleep(until)

    def rest(self, asleep: Asleep) -> Generator[Effect, Any, Failed]:
        """End an attempt of which one part waits, when all others have ended or wait, too."""
        yield from self._calls.receive_all()
        return Failed(Asleep.__name__, False, str(asleep), until=asleep.until)
