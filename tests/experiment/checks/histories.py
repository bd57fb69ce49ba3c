"""Histories for the tests of the oracles: random correct ones, and a bare run around one."""

from __future__ import annotations

import random

from core.errors import Conflict
from core.ids import RequestId, root_id
from core.layout import journal_key
from core.memory import MemoryStore
from core.store import Clear, ClearRange, KeyRange, Set, point
from experiment.record.history import Answered, Committed, History, Unit

KEYS = [b"dBox\x00items\x00" + bytes((n,)) for n in range(6)]
BEGIN, END = b"dBox\x00items\x00", b"dBox\x00items\x01"


def request_id(number: int) -> RequestId:
    return RequestId(root_id(1_700_000_000_000 + number, random.Random(number)))


class Transactions:
    """Interleaved optimistic transactions on a real store, recorded as a history."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.history = History(initial=dict.fromkeys(KEYS[:3], b"\x00"))
        self.store = MemoryStore(clock=lambda: 0.0)
        self.store.load(self.history.initial.items())
        self.open: list[tuple[Unit, list[KeyRange]]] = []
        self.started = 0

    def run(self, steps: int) -> History:
        for _ in range(steps):
            choice = self.rng.random()
            if choice < 0.35 or not self.open:
                self.begin()
            elif choice < 0.7:
                self.read(*self.rng.choice(self.open))
            else:
                self.commit(*self.open.pop(self.rng.randrange(len(self.open))))
        return self.history

    def begin(self) -> None:
        unit = Unit(f"u{self.started}", request_id(self.started), self.store.read_version())
        self.started += 1
        self.history.units[unit.name] = unit
        self.open.append((unit, []))

    def read(self, unit: Unit, ranges: list[KeyRange]) -> None:
        if self.rng.random() < 0.7:
            key = self.rng.choice(KEYS)
            unit.reads.append((key, self.store.get(key, unit.version)))
            ranges.append(point(key))
        else:
            limit = self.rng.choice([0, 2])
            pairs = self.store.get_range(BEGIN, END, unit.version, limit)
            unit.scans.append((BEGIN, END, limit, pairs))
            reached = pairs[-1][0] + b"\x00" if limit and len(pairs) == limit else END
            ranges.append(KeyRange(BEGIN, reached))

    def commit(self, unit: Unit, ranges: list[KeyRange]) -> None:
        now = float(len(self.history.commits))
        if self.rng.random() < 0.3:
            answer = Answered(now, unit.request, None, 0, unit.version, [unit.name])
            self.history.answers.append(answer)
            return
        mutations = [Set(journal_key(unit.request, 0), b"record")]
        count = self.rng.randrange(3)
        mutations += [Set(self.rng.choice(KEYS), self.rng.randbytes(2)) for _ in range(count)]
        if self.rng.random() < 0.2:
            mutations.append(Clear(self.rng.choice(KEYS)))
        if self.rng.random() < 0.1:
            low, high = sorted(self.rng.sample(KEYS, 2))
            mutations.append(ClearRange(low, high))
        try:
            version = self.store.commit(unit.version, ranges, mutations)
        except Conflict:
            refused = self.history.refused_commits
            refused["Conflict"] = refused.get("Conflict", 0) + 1
            return
        self.history.commits.append(
            Committed(
                now, version, unit.version, unit.request, 0, -1, (unit.name,), ranges, mutations
            )
        )
