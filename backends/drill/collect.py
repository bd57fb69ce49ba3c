"""From what was recorded to a :class:`~experiment.record.run.Run`, which can be judged."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backends.drill.injection import Strike
from backends.drill.order import separate
from backends.drill.recording import Entry, decode_noted
from backends.drill.shared import Shared
from core.program import Program
from experiment.record.history import Asked, Committed, FaultStruck, History, Tried, Unit
from experiment.record.requests import Result
from experiment.record.run import Run, points_total, set_aside
from experiment.scenario.model import Scenario

__all__ = ["Recorded", "collect", "keep", "without_time"]


class Recorded(msgspec.Struct):
    """What is left of an experiment.

    :ivar log: the store's log of commits; ``strikes`` what nodes and the runner told.
    :ivar final: the store's content after healing, ``retained`` after a closing retention.
    :ivar settled_after: seconds from the end of the faults to a system at rest, or None.
    :ivar seconds: how long all of it took.
    """

    log: list[tuple[int, bytes]]
    strikes: list[Strike]
    results: list[Result]
    final: dict[bytes, bytes]
    retained: dict[bytes, bytes]
    settled_after: float | None
    seconds: float


def collect(
    scenario: Scenario, program: Program, history: History, shared: Shared, found: Recorded
) -> Run:
    """The run, with its history complete."""
    history.commits = [_committed(version, data, history) for version, data in found.log]
    history.faults = [
        FaultStruck(each.time, each.fault, scenario.faults[each.fault].kind, each.where, each.nth)
        for each in sorted(found.strikes, key=lambda strike: strike.time)
        if each.fault >= 0
    ]
    history.refused_commits = shared.refused()
    history.reads = shared.total("reads")
    history.read_versions = shared.total("read_versions")
    history.aborted = shared.total("aborted")
    history.points = {name: shared.total(name) for name in shared.names if "@" in name}
    history.answers.sort(key=lambda answer: answer.time)
    history.sent.sort(key=lambda sent: sent.time)
    separate(history)
    return Run(
        scenario,
        history,
        final=found.final,
        retained=found.retained,
        settled_after=found.settled_after,
        results=found.results,
        points_total=points_total(program, history.points, _calls(found.results)),
        fault_strikes=_strikes(scenario, history.faults),
        seconds=found.seconds,
        set_aside=set_aside(found.final),
    )


def _committed(version: int, data: bytes, history: History) -> Committed:
    entry = msgspec.msgpack.decode(data, type=Entry)
    for note in entry.seen:
        keep(history, note)
    return Committed(
        entry.time,
        version,
        entry.read_version,
        entry.request,
        entry.place,
        entry.end,
        tuple(entry.units),
        entry.reads,
        entry.mutations,
        entry.travelling,
    )


def keep(history: History, note: bytes) -> None:
    """Take what one region attempt read into the history."""
    noted = decode_noted(note)
    if noted.asked is not None:
        asked = noted.asked
        tries = [Tried(t.time, t.key, t.args, t.gave, t.told) for t in asked.tries]
        where = noted.name, noted.request, asked.place, asked.function
        history.asked.append(Asked(asked.time, *where, tries, asked.outcome))
        return
    history.units[noted.name] = Unit(
        noted.name, noted.request, noted.version, noted.reads, noted.scans, noted.clocks
    )


def without_time(data: bytes) -> bytes:
    """An entry of the log that does not say when it was written: 0, the beginning."""
    entry = msgspec.msgpack.decode(data, type=Entry)
    return msgspec.msgpack.encode(msgspec.structs.replace(entry, time=0.0))


def _strikes(scenario: Scenario, faults: Sequence[FaultStruck]) -> list[int]:
    strikes = [0] * len(scenario.faults)
    for fault in faults:
        strikes[fault.fault] += 1
    return strikes


def _calls(results: Sequence[Result]) -> list[str]:
    return sorted({result.call for result in results})
