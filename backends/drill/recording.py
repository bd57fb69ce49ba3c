"""Nodes that record: what attempts read and commit, kept where no kill can take it away.

What an attempt read goes with its commit into the store's log, in the same commit. What a
travelling callee read goes along with its reply, to whoever commits; what a request read that
commits nothing goes along with its answer, to the client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from backends.drill.remote import STORE_PATH, StoreService
from backends.runtime.caller import Caller
from backends.runtime.host import Execution, Host
from backends.runtime.http import Handler
from backends.runtime.node import Make, Node
from backends.runtime.wire import Answer, Wire
from core.ids import RequestId
from core.messages import Outcome, Reply, Request
from core.outside import Outside, Told
from core.ports import Ask, Commit, Now, Read
from core.store import KeyRange, Mutation, Pairs

__all__ = ["Entry", "Noted", "Recorded", "Recording", "RecordingHost", "Tried", "decode_noted"]


class Tried(msgspec.Struct, array_like=True):
    """One try at asking the outside; see :class:`experiment.record.history.Tried`."""

    time: float
    key: str
    args: bytes
    gave: Outcome | None = None
    told: Outcome | None = None


class Asked(msgspec.Struct, array_like=True):
    """What the outside was asked; see :class:`experiment.record.history.Asked`."""

    time: float
    place: int
    function: str
    tries: list[Tried] = []
    outcome: Outcome | None = None


class Noted(msgspec.Struct, array_like=True):
    """What one attempt at one region read; see :class:`experiment.record.history.Unit`.

    :ivar asked: what it asked of the outside, if it is no region but an answer of that.
    """

    name: str
    request: RequestId
    version: int
    reads: list[tuple[bytes, bytes | None]] = []
    scans: list[tuple[bytes, bytes, int, Pairs]] = []
    clocks: list[int] = []
    asked: Asked | None = None


class Entry(msgspec.Struct, array_like=True):
    """What the log of commits holds of a commit; see :class:`experiment.record.history.Committed`.

    :ivar seen: what the units in the commit read, each an encoded :class:`Noted`.
    """

    time: float
    read_version: int
    request: RequestId | None
    place: int
    end: int
    units: list[str]
    reads: list[KeyRange]
    mutations: list[Mutation]
    travelling: bool
    seen: list[bytes]


_encode = msgspec.msgpack.Encoder().encode
_decode_noted = msgspec.msgpack.Decoder(Noted).decode


def decode_noted(data: bytes) -> Noted:
    """What one region attempt read, as it came along."""
    return _decode_noted(data)


class Recording(Make):
    """Makes nodes that record.

    :param now: the time of the experiment, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now

    def host(self, node: Node, caller: Caller) -> Host:
        """See :class:`backends.runtime.node.Make`."""
        return RecordingHost(node, caller, self.now)

    def handlers(self, node: Node, wire: Wire) -> Mapping[str, Handler]:
        """See :class:`backends.runtime.node.Make`: whoever has the key may look at the store."""
        return {STORE_PATH: StoreService(node.store, wire).handle}


class RecordingHost(Host):
    """A host whose executions are recorded."""

    def __init__(self, node: Node, caller: Caller, now: Callable[[], float]) -> None:
        program = node.application.program
        super().__init__(program, node.store, caller.call, node.settings, node.protocol)
        self.now = now

    def execution(self, request: Request | None) -> Execution:
        """See :class:`backends.runtime.host.Host`."""
        return Recorded(self, request)


class Recorded(Execution):
    """An execution that records what it reads and commits."""

    __slots__ = ("_came_along", "_noted", "_now_seconds")

    def __init__(self, host: RecordingHost, request: Request | None) -> None:
        super().__init__(host, request)
        self._now_seconds = host.now
        self._noted: dict[str, Noted] = {}
        self._came_along: dict[str, bytes] = {}

    def notes(self, reply: Reply) -> list[bytes]:
        """What the units in a reply read: whoever commits or judges them needs it."""
        travelled = reply.travelled
        return self._seen(travelled.units if travelled is not None else reply.units)

    def _seen(self, names: Iterable[str]) -> list[bytes]:
        found = []
        for name in names:
            own = self._noted.get(name)
            if own is not None:
                found.append(_encode(own))
            elif name in self._came_along:
                found.append(self._came_along[name])
        return found

    def _unit(self, name: str, version: int) -> Noted | None:
        """The record of a region attempt, made when it is first heard of; None for upkeep."""
        if self.request is None:
            return None
        found = self._noted.get(name)
        if found is None:
            found = self._noted[name] = Noted(name, self.request.id, version)
        elif not found.version:
            found.version = version
        return found

    async def _read(self, effect: Read) -> Any:
        answer = await super()._read(effect)
        unit = self._unit(effect.unit, effect.version)
        if unit is not None:
            values, ranges = answer
            unit.reads.extend(zip(effect.keys, values, strict=True))
            for (begin, end, limit), pairs in zip(effect.ranges, ranges, strict=True):
                unit.scans.append((begin, end, limit, list(pairs)))
        return answer

    async def _commit(self, effect: Commit) -> int:
        """Commit, with the entry in the log that tells of it."""
        request = self.request
        entry = Entry(
            self._now_seconds(),
            effect.version,
            effect.request,
            effect.place,
            effect.end,
            list(effect.units),
            effect.reads,
            effect.mutations,
            request is not None and request.travel is not None,
            self._seen(effect.units),
        )
        store = self.host.store
        return await store.commit(effect.version, effect.reads, effect.mutations, _encode(entry))

    async def _call(self, request: Request, once: bool) -> Answer:
        answer = await super()._call(request, once)
        for note in answer.notes:
            self._came_along[decode_noted(note).name] = note
        return answer

    async def _answer(self, effect: Ask) -> Outcome:
        asked = Asked(self._now_seconds(), effect.place, effect.function)
        self._noted[effect.unit] = Noted(effect.unit, effect.request, 0, asked=asked)
        asked.outcome = await super()._answer(effect)
        return asked.outcome

    async def _try(self, function: Outside, effect: Ask, tried: int) -> Told:
        made = Tried(self._now_seconds(), effect.key, effect.args)
        asked = self._noted[effect.unit].asked
        assert asked is not None
        asked.tries.append(made)
        told = await super()._try(function, effect, tried)
        made.told = told.outcome
        return told

    async def _now(self, effect: Now) -> int:
        now = await super()._now(effect)
        unit = self._unit(effect.unit, 0)
        if unit is not None:
            unit.clocks.append(now)
        return now
