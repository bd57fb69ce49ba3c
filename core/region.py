"""One region: the state accesses between two interactions with the outside.

Reads at one read version, writes buffered, one commit. A region is *owned* by
the request that will commit it, or *travels*: then its version and the writes
so far came in a message, and what it read and wrote goes back in the reply.

A region with a journal record is *replayed*: every outcome comes from the
record, in order, and its writes are known to be durable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.errors import NondeterminismError
from core.journal import METHOD_END, Entry, Heard, Record
from core.messages import Travel, Travelled
from core.store import KeyRange, Pairs, point
from core.writes import UNKNOWN, Writes

__all__ = ["Region"]

E = TypeVar("E", bound=Entry)


class Region:
    """State of one region during one execution.

    :ivar asked: a key that the store was asked for last, or where a range begins; empty: none yet.
    :ivar place: the region's number: its place in the program.
    :ivar version: the read version, 0 until one is needed.
    :ivar checked: whether the journal was seen, at this version, to hold no record of this
        region, nor the watermark to have passed the request; true of regions without journal.
    :ivar record: the journal record that is replayed, or None.
    :ivar entries: outcomes to be journaled.
    :ivar units: names of the region attempts that this region is made of (:mod:`core.ports`).
    :ivar reads: what was read from the store, in conflict with which the region commits.
    :ivar overlaid: what a travelling region read from the writes it was given, so that it is run
        again if an earlier branch changes that.
    :ivar held_transaction: whether a transaction was begun in it.
    :ivar dirty: whether it took any input or wrote anything, so that there is something to commit.
    """

    __slots__ = (
        "_cursor",
        "_scanned",
        "_seen",
        "asked",
        "checked",
        "dirty",
        "entries",
        "held_transaction",
        "overlaid",
        "place",
        "reads",
        "record",
        "travels",
        "units",
        "version",
        "writes",
    )

    def __init__(self, place: int, unit: str, record: Record | None = None) -> None:
        self.place = place
        self.asked = b""
        self.version = 0
        self.checked = False
        self.record = record
        self.entries: list[Entry] = []
        self.units = [unit]
        self.writes = Writes()
        self.reads: list[KeyRange] = []
        self.overlaid: list[KeyRange] = []
        self.travels = False
        self.held_transaction = False
        self.dirty = False
        self._seen: dict[bytes, bytes | None] = {}
        self._scanned: dict[tuple[bytes, bytes, int], Pairs] = {}
        self._cursor = 0

    @classmethod
    def travelling(cls, unit: str, travel: Travel) -> Region:
        """The region of a caller, continued here."""
        region = cls(0, unit)
        region.version = travel.version
        region.writes = Writes(travel.writes)
        region.checked = True
        region.travels = True
        return region

    @property
    def unit(self) -> str:
        """The name of this region attempt."""
        return self.units[0]

    @property
    def is_untouched(self) -> bool:
        """Whether nothing came of it yet, so that a new one may take its place."""
        return self.record is None and not self.dirty and not self.reads and not self.travels

    def take_in(self, heard: Heard, unit: str) -> None:
        """An answer of the outside, asked for under the name ``unit``, is an input."""
        self.entries.append(heard)
        self.units.append(unit)
        self.dirty = True

    # --- what is known without asking the store

    def known(self, key: bytes) -> object:
        """The value of ``key`` if the region wrote or read it before, else UNKNOWN."""
        found: object = self.writes.get(key)
        if self.travels and found is not UNKNOWN:
            self.overlaid.append(point(key))
        return self._seen.get(key, UNKNOWN) if found is UNKNOWN else found

    def saw(self, key: bytes, value: bytes | None) -> None:
        """The store answered a read of ``key``."""
        self._seen[key] = value
        self.reads.append(point(key))
        self.dirty = True

    def scan_known(self, begin: bytes, end: bytes, limit: int) -> Pairs | None:
        """The pairs of a range scanned before, or None.

        A cut scan says nothing about what lies behind it once a write removed a pair.
        """
        pairs = self._scanned.get((begin, end, 0))
        if pairs is None and limit and not self.writes.touch(begin, end):
            pairs = self._scanned.get((begin, end, limit))
        return None if pairs is None else self._overlaid(begin, end, limit, pairs)

    def scanned(self, begin: bytes, end: bytes, limit: int, pairs: Pairs) -> Pairs:
        """The store answered a scan with ``limit``: what the program sees of it."""
        self._scanned[begin, end, limit] = pairs
        reached = pairs[-1][0] + b"\x00" if limit and len(pairs) == limit else end
        self.reads.append(KeyRange(begin, reached))
        self.dirty = True
        return self._overlaid(begin, end, limit, pairs)

    def _overlaid(self, begin: bytes, end: bytes, limit: int, pairs: Pairs) -> Pairs:
        if self.writes.touch(begin, end):
            pairs = self.writes.merge(begin, end, pairs)
        return pairs[:limit] if limit else pairs

    # --- replay

    def begin_replay(self, record: Record) -> None:
        """The journal holds this region: go on from what was consumed already (own writes)."""
        self.record = record
        self._cursor = len(self.entries)

    def replay(self, asked: E, where: Callable[[], str]) -> E:
        """The next outcome in the record, which must answer what is asked.

        :param asked: an entry of the kind asked for, whatever its answer.
        :raises NondeterminismError: the record holds something else.
        """
        assert self.record is not None
        entries = self.record.entries
        if self._cursor == len(entries):
            raise NondeterminismError(str(asked), "nothing more", where())
        entry = entries[self._cursor]
        if not isinstance(entry, type(asked)) or entry.asked != asked.asked:
            raise NondeterminismError(str(asked), str(entry), where())
        self._cursor += 1
        return entry

    def replayed(self, end: int, what: str, where: Callable[[], str]) -> None:
        """The replay reached the end of the region at ``end``.

        :raises NondeterminismError: the journal says that it goes on, or ended elsewhere.
        """
        assert self.record is not None
        if self._cursor < len(self.record.entries):
            raise NondeterminismError(what, str(self.record.entries[self._cursor]), where())
        if end != self.record.end:
            held = "the method's end" if self.record.end == METHOD_END else "another call"
            raise NondeterminismError(what, held, where())

    # --- travelling

    def merge(self, travelled: Travelled) -> None:
        """Take over what a travelling callee read and wrote."""
        self.reads.extend(travelled.reads)
        if self.travels:
            self.overlaid.extend(travelled.overlaid)
        for mutation in travelled.writes:
            self.writes.add(mutation)
        self.units.extend(travelled.units)
        self.dirty = True
