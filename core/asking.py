"""What one attempt asks of the outside world (rule 13).

An outside function is asked like an effectful callee: the region before it is durable first. But
nobody there remembers the answer for us. So it is an input of the region in which the program is
given it, and stands in that region's journal record: durable before anything that depends on it
goes out. What led to the asking is durable, so the question is the same on every execution; an
answer is kept over the rewinds of an attempt, and only who does not have it asks again, under the
same key.

Whoever asks before anything of the request is durable commits a region that may be empty, for the
sake of the intent (rule 5): something has happened from here on, even if nobody asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core.effects import Outside
from core.journal import Heard, digest
from core.messages import Outcome, Request, Returned
from core.outside import outside_key
from core.ports import Ask, Hear, Steps
from core.program import Program
from core.regions import Regions

__all__ = ["Asking"]


class _Errand(NamedTuple):
    """Something that is asked, and whose answer the program was not given yet."""

    function: str
    args: bytes


class Asking:
    """The outside calls of one attempt, by their places.

    :param where: names the user's statement that is being executed, for errors.
    :param end_region: makes durable what led to the place given.
    """

    def __init__(
        self,
        program: Program,
        request: Request,
        regions: Regions,
        where: Callable[[], str],
        end_region: Callable[[int], Steps],
    ) -> None:
        self._program = program
        self._request = request
        self._regions = regions
        self._where = where
        self._end_region = end_region
        self._tickets: dict[int, tuple[int, str]] = {}
        self._answers: dict[int, tuple[str, Outcome]] = {}
        self.restart()

    def restart(self) -> None:
        """Begin a new execution; what was asked and answered is kept."""
        self._errands: dict[int, _Errand] = {}

    @property
    def is_open(self) -> bool:
        """Whether the program was not given some answer yet."""
        return bool(self._errands)

    @property
    def has_answers(self) -> bool:
        """Whether this attempt knows what nobody else does."""
        return bool(self._answers)

    def ask(self, effect: Outside, args: bytes, place: int) -> Steps:
        """End the region and ask, unless the journal has the answer."""
        if not self._regions.anchored:
            self._regions.present.dirty = True
        yield from self._end_region(place)
        self._errands[place] = _Errand(effect.function, args)
        if not (yield from self._regions.is_known()):
            yield from self._send([place])

    def hear(self, places: list[int]) -> Steps:
        """Wait for answers, as inputs of the present region: by place."""
        places = [place for place in dict.fromkeys(places) if place in self._errands]
        if places and (yield from self._is_live()):
            yield from self._send(places)
            yield from self._wait(places)
        region = self._regions.present
        heard: dict[int, Outcome] = {}
        for place in places:
            errand = self._errands.pop(place)
            entry = Heard(place, errand.function, digest(errand.args), _NOTHING)
            if region.record is not None:
                heard[place] = region.replay(entry, self._where).outcome
                continue
            unit, outcome = self._answers[place]
            region.take_in(Heard(place, errand.function, entry.args, outcome), unit)
            heard[place] = outcome
        return heard

    def hear_all(self) -> Steps:
        """Wait for the answers that the program did not wait for."""
        yield from self.hear(list(self._errands))

    def _is_live(self) -> Steps:
        """Whether the present region is executed for the first time, as the journal has it."""
        region = self._regions.present
        if region.record is None and not region.checked:
            yield from self._regions.read()
        return region.record is None

    def _send(self, places: list[int]) -> Steps:
        for place in places:
            if place in self._tickets:
                continue
            request, errand = self._request.id, self._errands[place]
            key = outside_key(self._program.secret, request, place)
            unit = f"{self._regions.present.unit}.outside.{place}"
            ticket = yield Ask(unit, request, place, errand.function, key, errand.args)
            self._tickets[place] = ticket, unit

    def _wait(self, places: list[int]) -> Steps:
        waiting = [place for place in places if place not in self._answers]
        if not waiting:
            return
        outcomes = yield Hear(tuple(self._tickets[place][0] for place in waiting))
        for place, outcome in zip(waiting, outcomes, strict=True):
            self._answers[place] = self._tickets[place][1], outcome
        self._regions.renew()  # it took its time
        yield from self._is_live()


_NOTHING = Returned(b"")
