"""``history.jsonl``: what a run was seen to do, one JSON object a line, for people and scripts.

The first line says what was run. Then come the store's initial content, what happened in
the order of time, and the units: what each attempt at a region read. Keys and values of
application data are written as Python would write them (``Hotel.rooms['h1']``, ``3``);
other bytes as text where they are text, and else as ``hex:...``.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import msgspec

from core.codec import Codec
from core.layout import DATA
from core.store import Atomic, Clear, KeyRange, Mutation, Set, point
from experiment.record.history import Answered, Committed, FaultStruck, History, Sent, Unit
from experiment.record.readable import Readable

if TYPE_CHECKING:
    from experiment.record.run import Run

__all__ = ["VERSION", "lines", "write"]

VERSION = 1
"""The version of the format, in the first line."""

_Line = dict[str, Any]


def write(file: IO[bytes], run: Run, codec: Codec, backend: str = "simulator") -> None:
    """Write the history of a run; ``backend`` as in ``result.json``."""
    encoder = msgspec.json.Encoder()
    for line in lines(run, codec, backend):
        file.write(encoder.encode(line) + b"\n")


def lines(run: Run, codec: Codec, backend: str) -> Iterator[_Line]:
    """The lines of ``history.jsonl``, as plain dictionaries."""
    scenario, history = run.scenario, run.history
    yield {
        "event": "run",
        "version": VERSION,
        "backend": backend,
        "protocol": run.protocol,
        "scenario": scenario.name,
        "app": scenario.app,
        "seed": scenario.seed,
    }
    writer = _Writer(codec)
    for key, value in sorted(history.initial.items()):
        yield {"event": "initial", "key": writer.key(key), "value": writer.value(key, value)}
    yield from heapq.merge(*writer.streams(history), key=lambda line: line["time"])
    for unit in history.units.values():
        yield writer.unit(unit)


class _Writer:
    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._readable = Readable(codec)

    def key(self, key: bytes) -> str:
        return self._readable.key(key)

    def value(self, key: bytes, value: bytes | None) -> str | None:
        if value is None:
            return None
        if key[:1] == DATA.begin:
            try:
                return repr(self._codec.decode(value))
            except Exception:  # a broken value is written as it is
                return _bytes(value)
        return _bytes(value)

    def streams(self, history: History) -> tuple[Iterator[_Line], ...]:
        """Everything that has a time, one stream for each kind, each in the order of time."""
        return (
            map(self._sent, history.sent),
            map(self._committed, history.commits),
            map(self._fault, history.faults),
            map(self._answered, history.answers),
        )

    def _sent(self, sent: Sent) -> _Line:
        return {
            "time": sent.time,
            "event": "sent",
            "request": str(sent.id),
            "attempt": sent.attempt,
            "call": f"{sent.service}.{sent.method}",
            "args": self._readable.arguments(sent.args),
        }

    def _answered(self, answered: Answered) -> _Line:
        return {
            "time": answered.time,
            "event": "answered",
            "request": str(answered.id),
            "attempt": answered.attempt,
            "outcome": self._readable.outcome(answered.outcome),
            "version": answered.version,
            "units": answered.units,
        }

    def _fault(self, fault: FaultStruck) -> _Line:
        return {
            "time": fault.time,
            "event": "fault",
            "fault": fault.fault,
            "kind": fault.kind,
            "where": fault.where,
            "nth": fault.nth,
        }

    def _committed(self, commit: Committed) -> _Line:
        return {
            "time": commit.time,
            "event": "committed",
            "version": commit.version,
            "read_version": commit.read_version,
            "request": str(commit.request) if commit.request else None,
            "place": commit.place,
            "end": commit.end,
            "units": commit.units,
            "travelling": commit.travelling,
            "reads": [self._range(read) for read in commit.reads],
            "writes": [self._mutation(mutation) for mutation in commit.mutations],
        }

    def _range(self, read: KeyRange) -> str | list[str]:
        if read == point(read.begin):
            return self.key(read.begin)
        return [self._end(read.begin), self._end(read.end)]

    def _end(self, key: bytes) -> str:
        """An end of a range, which need not be a whole key."""
        whole = key[:1] == DATA.begin and key.count(b"\x00") >= 2
        return self.key(key) if whole else _bytes(key)

    def _mutation(self, mutation: Mutation) -> _Line:
        if isinstance(mutation, Set):
            return {"set": self.key(mutation.key), "to": self.value(mutation.key, mutation.value)}
        if isinstance(mutation, Clear):
            return {"clear": self.key(mutation.key)}
        if isinstance(mutation, Atomic):
            operand = _bytes(mutation.operand)
            return {mutation.operation: self.key(mutation.key), "operand": operand}
        return {"clear_range": [self._end(mutation.begin), self._end(mutation.end)]}

    def unit(self, unit: Unit) -> _Line:
        """What an attempt at a region read."""
        return {
            "event": "unit",
            "unit": unit.name,
            "request": str(unit.request),
            "version": unit.version,
            "reads": [[self.key(key), self.value(key, value)] for key, value in unit.reads],
            "scans": [
                {
                    "begin": self._end(begin),
                    "end": self._end(end),
                    "limit": limit,
                    "pairs": [[self.key(key), self.value(key, value)] for key, value in pairs],
                }
                for begin, end, limit, pairs in unit.scans
            ],
            "clocks": unit.clocks,
        }


def _bytes(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"hex:{value.hex()}"
    return text if text.isprintable() and not text.startswith("hex:") else f"hex:{value.hex()}"
