"""Breaking rule 12: what breaks waits off."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from core import later
from core.layout import CANCELLED
from core.ports import Now, Read
from core.waits import Waits
from sim.planted.bug import Steps, bug, replace


@bug("every wait looks for the mark", "reference", "sleepers", "reminders")
def cancellations_unheeded() -> AbstractContextManager[Any]:
    """Let waits go on as if nobody had cancelled anything."""
    original, key = Waits._look, CANCELLED.begin

    def look(self: Waits, place: int, awaited: Any, until: int | None) -> Steps:
        steps, answer = original(self, place, awaited, until), None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield effect
            if isinstance(effect, Read) and any(each[:1] == key for each in effect.keys):
                values = [
                    None if asked[:1] == key else value
                    for asked, value in zip(effect.keys, answer[0], strict=True)
                ]
                answer = values, answer[1]

    return replace(Waits, "_look", look)


@bug("what was cancelled before it began never runs", "reference", "sleepers", "reminders")
def what_is_cancelled_begins() -> AbstractContextManager[Any]:
    """Let what was started begin, whatever became of it meanwhile."""

    def begin(_: Waits) -> Steps:
        yield from ()

    return replace(Waits, "begin", begin)


@bug("when a timeout is over is recorded", "reference", "sleepers", "reminders")
def timeouts_begin_anew() -> AbstractContextManager[Any]:
    """Let each execution count from its own present."""

    def open_timeout(self: later.Later, effect: Any) -> Steps:
        now = yield Now(self._regions.present.unit)
        return self._waits.bounds.open(now + effect.nanoseconds)

    return replace(later.Later, "open_timeout", open_timeout)
