"""What one attempt reads and writes: the application's data, and the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.calls import Calls
from core.effects import Delete, DeleteRange, Get, Put, Scan
from core.journal import Got, Scanned, Ticked
from core.ports import Now, Steps
from core.regions import Regions
from core.store import Clear, ClearRange, Mutation, Pairs, Set
from core.writes import UNKNOWN

__all__ = ["Accesses"]


class Accesses:
    """The accesses of one attempt, inputs and writes of its present region.

    :param where: names the user's statement that is being executed, for errors.
    """

    def __init__(self, regions: Regions, calls: Calls, where: Callable[[], str]) -> None:
        self._regions = regions
        self._calls = calls
        self._where = where

    def get(self, effect: Get) -> Steps:
        """One key."""
        if self._calls.pending:
            yield from self._calls.settle()
        region, key = self._regions.present, effect.key
        if region.record is None:
            value: Any = region.known(key)
            if value is UNKNOWN:
                values, _ = yield from self._regions.read((key,))
                if region.record is None:
                    value = values[0]
                    region.saw(key, value)
        if region.record is not None:
            return region.replay(Got(key, None), self._where).value
        region.entries.append(Got(key, value))
        return value

    def scan(self, effect: Scan) -> Steps:
        """A range."""
        yield from self._calls.settle()
        region, begin, end, limit = self._regions.present, effect.begin, effect.end, effect.limit
        pairs: Pairs | None = None
        if region.record is None:
            pairs = region.scan_known(begin, end, limit)
            if pairs is None:
                reach = 0 if region.writes.touch(begin, end) else limit
                _, ranges = yield from self._regions.read((), ((begin, end, reach),))
                if region.record is None:
                    region.scanned(begin, end, reach, ranges[0])
                    pairs = region.scan_known(begin, end, limit)
        if region.record is not None:
            return region.replay(Scanned(begin, end, limit, []), self._where).pairs
        assert pairs is not None
        region.entries.append(Scanned(begin, end, limit, pairs))
        return pairs

    def write(self, effect: Put | Delete | DeleteRange) -> Steps:
        """A write, of one key or of a range."""
        yield from self._calls.settle()
        mutation: Mutation
        if isinstance(effect, Put):
            mutation = Set(effect.key, effect.value)
        elif isinstance(effect, Delete):
            mutation = Clear(effect.key)
        else:
            mutation = ClearRange(effect.begin, effect.end)
        self._regions.present.writes.add(mutation)
        self._regions.present.dirty = True

    def clock(self) -> Steps:
        """Read the clock, as an input of the region."""
        yield from self._calls.settle()
        region = self._regions.present
        if region.record is None and not region.checked:
            yield from self._regions.read()
        if region.record is not None:
            return region.replay(Ticked(0), self._where).time
        time = yield Now(region.unit)
        region.dirty = True
        region.entries.append(Ticked(time))
        return time
