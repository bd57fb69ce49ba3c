"""One access, as one store transaction: the log, the locks and the objects together.

An access reads what it needs at one version and commits what it changes, with the record of its
step, in conflict with all it read; where the store refuses it is made again, as FoundationDB's own
client does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from core.errors import StoreError, TooLarge, Unknown
from core.ids import RequestId
from core.layout import lock_key, log_key, object_key
from core.messages import Failed
from core.popl23.log import Callee, Record, decode_record, encode_record
from core.popl23.part import Part
from core.ports import Commit, Effect, Pause, Read, ReadVersion
from core.store import KeyRange, Mutation, Pairs, ReadAnswer, Set, point

__all__ = ["AGAIN", "AT_ONCE", "Access", "GivenUp"]

Found = Callable[[ReadAnswer], list[bytes | None]]
Decision = tuple[Record, list[Mutation]]
"""What an access found, and what it changes."""
Recorded = Generator[Effect, Any, Record]


AT_ONCE = Pause(0)
"""Whoever found a lock taken goes on at once. A host may drop him when nobody waits for him any
more; the prototype's loops go on. With wait-die he may hold locks, as the dead do."""
AGAIN = Pause(0, aborted=True)
"""The same for a transaction that was aborted."""


class GivenUp(Exception):
    """The execution cannot go on; what it has done stays."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__()
        self.failed = outcome


class _Look:
    """What one store transaction reads."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.ranges: list[tuple[bytes, bytes, int]] = []

    def at(self, key: bytes) -> Callable[[ReadAnswer], bytes | None]:
        """Read a key; what finds its value in the answer."""
        place = len(self.keys)
        self.keys.append(key)
        return lambda answer: answer[0][place]

    def each(self, names: Sequence[bytes], key_of: Callable[[bytes], bytes]) -> Found:
        """Read one key for each object; the objects of a whole dict in one range."""
        if len(names) == 1:
            value = self.at(key_of(names[0]))
            return lambda answer: [value(answer)]
        place = len(self.ranges)
        self.ranges.append((key_of(names[0]), key_of(names[-1]) + b"\x00", 0))

        def found(answer: ReadAnswer) -> list[bytes | None]:
            pairs = dict(answer[1][place])
            return [pairs.get(key_of(name)) for name in names]

        return found

    @property
    def conflicts(self) -> list[KeyRange]:
        """Everything it reads."""
        return [*map(point, self.keys), *(KeyRange(begin, end) for begin, end, _ in self.ranges)]


class Access:
    """The accesses of one execution of ``request``, step by step.

    :param name: names the execution; unique among all.
    :param log: whether steps are recorded, and found again.
    :ivar acted: whether anything has become durable, as far as is known.
    """

    def __init__(self, request: RequestId, name: str, log: bool) -> None:
        self._request = request
        self._name = name
        self._log = log
        self._steps = 0
        self.acted = False

    def unit(self) -> str:
        """Names the present step, in which something beside the store is asked."""
        return f"{self._name}.{self._steps}.0"

    def _once(
        self, look: _Look, decide: Callable[[ReadAnswer], Decision | None], objects: int = 0
    ) -> Recorded:
        """Take the next step, unless the log has it.

        :param decide: what the access finds and changes, by what was read; None: to be read again.
        :param objects: how many objects it finds.
        """
        self._steps += 1
        step, tries, refusals = self._steps, 0, 0
        while True:
            tries += 1
            unit = f"{self._name}.{step}.{tries}"  # the last try of a step is the one that counts
            try:
                version = yield ReadVersion()
                known = yield from self._recorded(unit, version)
                if known is not None:
                    return self._known(decode_record(known), objects)
                answer = yield from self._read(look, unit, version)
                decided = decide(answer)
                if decided is None:
                    yield AT_ONCE
                    continue
                record, mutations = decided
                for _ in mutations:
                    yield from self._recorded(unit, version)
                if self._log:
                    key = log_key(self._request, step)
                    mutations = [*mutations, Set(key, encode_record(record))]
                if mutations:
                    conflicts = look.conflicts
                    if self._log:
                        conflicts.append(point(log_key(self._request, step)))
                    yield Commit(
                        self._request, step, step + 1, (unit,), version, conflicts, mutations
                    )
                    self.acted = True
                return record
            except TooLarge as error:
                raise GivenUp(Failed("TooLarge", not self.acted, str(error))) from None
            except StoreError as error:
                self.acted |= isinstance(error, Unknown)
                refusals += 1
                yield Pause(refusals, owed=self.acted)

    def _recorded(self, unit: str, version: int) -> Generator[Effect, Any, bytes | None]:
        """Look at the log, as the prototype does before each key that it reads or writes."""
        if not self._log:
            return None
        found: ReadAnswer = yield Read(unit, version, (log_key(self._request, self._steps),))
        return found[0][0]

    def _read(self, look: _Look, unit: str, version: int) -> Generator[Effect, Any, ReadAnswer]:
        """Read what there is to be read, key after key."""
        values: list[bytes | None] = []
        pairs: list[Pairs] = []
        for key in look.keys:
            if values:
                yield from self._recorded(unit, version)
            values += (yield Read(unit, version, (key,)))[0]
        for each in look.ranges:
            if values or pairs:
                yield from self._recorded(unit, version)
            pairs += (yield Read(unit, version, (), (each,)))[1]
        return values, pairs

    def _known(self, record: Record, objects: int) -> Record:
        """A record that was found; it may be of another access, if chance or the clock led here."""
        if not record.locked and len(record.objects) != objects:
            text = f"step {self._steps} is another than the one that the log has"
            raise GivenUp(Failed("NondeterminismError", False, text))
        return record

    # --- outside of transactions

    def make_sure(self, name: bytes, initial: bytes) -> Recorded:
        """See to it that an object exists."""
        look = _Look()
        stored = look.at(object_key(name))

        def decide(answer: ReadAnswer) -> Decision:
            missing = stored(answer) is None
            return Record(), [Set(object_key(name), initial)] if missing else []

        return self._once(look, decide)

    def alone(
        self,
        names: Sequence[bytes],
        change: Callable[[list[bytes | None]], Mapping[bytes, bytes]],
        heeds_locks: bool,
    ) -> Recorded:
        """Read objects and write what ``change`` makes of them, as soon as nobody has a lock.

        :returns: the objects as they were read.
        """
        look = _Look()
        holders = look.each(names, lock_key) if heeds_locks else None
        objects = look.each(names, object_key)

        def decide(answer: ReadAnswer) -> Decision | None:
            if holders is not None and any(holders(answer)):
                return None
            found = objects(answer)
            changed = change(found).items()
            return Record(objects=found), [Set(object_key(name), value) for name, value in changed]

        return self._once(look, decide, len(names))

    def put(self, contents: Mapping[bytes, bytes]) -> Recorded:
        """Write objects, whatever they are by now."""
        mutations: list[Mutation] = [
            Set(object_key(name), value) for name, value in contents.items()
        ]
        return self._once(_Look(), lambda _: (Record(), mutations))

    # --- in a transaction

    def read(self, part: Part, names: Sequence[bytes]) -> Recorded:
        """Take the locks of objects and read them, or their shadow copies."""
        look = _Look()
        listed, holders = look.at(part.locks), look.each(names, lock_key)
        copies, objects = look.each(names, part.copy), look.each(names, object_key)

        def decide(answer: ReadAnswer) -> Decision | None:
            if part.refused(held := holders(answer)):
                return None if part.must_wait(held) else (Record(locked=True), [])
            found = [
                stored if copy is None else copy
                for copy, stored in zip(copies(answer), objects(answer), strict=True)
            ]
            return Record(objects=found), part.lock(names, listed(answer))

        return self._once(look, decide, len(names))

    def write(self, part: Part, contents: Mapping[bytes, bytes]) -> Recorded:
        """Give objects new shadow copies."""
        look, names = _Look(), list(contents)
        listed, holders = look.at(part.locks), [look.at(lock_key(name)) for name in names]

        def decide(answer: ReadAnswer) -> Decision | None:
            if part.refused(held := [holder(answer) for holder in holders]):
                return None if part.must_wait(held) else (Record(locked=True), [])
            return Record(), [*part.lock(names, listed(answer)), *part.write(contents)]

        return self._once(look, decide)

    def end(self, part: Part, commits: bool) -> Recorded:
        """Commit or abort a part; the record has the callees to be told."""
        look = _Look()
        look.ranges.append((*part.all, 0))
        return self._once(look, lambda answer: part.end(answer[1][0], commits))

    # --- calls

    def calls(self, part: Part | None, callee: Callee) -> Generator[Effect, Any, None]:
        """Write down a call before it is made: in the part, if there is one, and in the log."""
        if part is not None:
            look = _Look()
            listed = look.at(part.callees)
            yield from self._once(
                look, lambda answer: (Record(), part.call(callee, listed(answer)))
            )
        if self._log:
            yield from self._once(_Look(), lambda _: (Record(), []))
