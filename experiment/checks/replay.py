"""The replay: every recorded commit, in version order, on a plain map.

This is what strict serializability means for an optimistic store: although a
region read at one version and committed at a later one, it must be as if it had
happened at its commit in one instant. So just before a commit is applied, the
map must hold exactly what the commit's units read. Read-only requests happen at
the version they read at, so they are compared there.

Only application data counts: what an attempt reads of the journal or the
watermark is protected by the journal's own rules, and may be outdated harmlessly.

The loop is the hottest of all checks (benchmarks/checks.py): plain loops over
point reads, and an ordered index of data keys only from the first scan on. Intents,
which nearly every tree clears by a range, are few at a time and kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sortedcontainers import SortedList  # type: ignore[import-untyped]

from core.atomic import combine
from core.layout import DATA, INTENTS
from core.store import Atomic, Clear, ClearRange, KeyRange, Mutation, Pairs, Set
from experiment.record.history import Committed, Unit

__all__ = ["Difference", "Replayed", "Snapshot", "replay"]

_INTENT_BYTE = INTENTS.begin[0]


@dataclass(frozen=True, slots=True)
class Difference:
    """A read that does not fit its place in the order.

    :ivar version: where in the order: a commit's version, or a read-only request's.
    :ivar kind: ``read``, ``scan`` or ``version`` (made at another version than its commit's).
    :ivar expected: what the map held (for ``version``: the commit's read version).
    :ivar seen: what the unit saw (for ``version``: the unit's version).
    """

    version: int
    unit: Unit
    kind: str
    key: bytes
    expected: object
    seen: object


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A read-only request: the units that read, and the version they claim to have read at."""

    version: int
    units: tuple[str, ...]


@dataclass(slots=True)
class Replayed:
    """What a replay found.

    :ivar content: the map after the last commit.
    :ivar disorder: versions of commits that do not follow their predecessor's.
    """

    content: dict[bytes, bytes]
    differences: list[Difference] = field(default_factory=list)
    disorder: list[int] = field(default_factory=list)
    reads: int = 0
    scans: int = 0


class _Map:
    """The plain map, with an ordered index of its data keys once somebody needs one.

    :ivar intents: the keys of the intents in it.
    """

    def __init__(self, initial: Mapping[bytes, bytes], section: KeyRange) -> None:
        self.content = dict(initial)
        self.section = section
        self.data_byte = section.begin[0]
        self.intents = {key for key in initial if key[0] == _INTENT_BYTE}
        self.ordered: SortedList | None = None

    def index(self) -> SortedList:
        """The data keys in order."""
        if self.ordered is None:
            self.ordered = SortedList(key for key in self.content if key[0] == self.data_byte)
        return self.ordered

    def scan(self, begin: bytes, end: bytes, limit: int) -> Pairs:
        """The pairs of a range of data."""
        keys = self.index().irange(begin, end, inclusive=(True, False))
        pairs = [(key, self.content[key]) for key in keys]
        return pairs[:limit] if limit else pairs

    def put(self, key: bytes, value: bytes) -> None:
        """Set a key while the index is kept."""
        if key not in self.content and key[0] == self.data_byte:
            self.index().add(key)
        elif key[0] == _INTENT_BYTE:
            self.intents.add(key)
        self.content[key] = value

    def remove(self, key: bytes) -> None:
        """Remove a key if it is there."""
        if self.content.pop(key, None) is None:
            return
        if self.ordered is not None:
            self.ordered.discard(key)
        self.intents.discard(key)

    def remove_range(self, begin: bytes, end: bytes) -> None:
        """Remove every key of a range."""
        if self.section.begin <= begin and end <= self.section.end:
            keys = list(self.index().irange(begin, end, inclusive=(True, False)))
        elif INTENTS.begin <= begin and end <= INTENTS.end:
            keys = [key for key in self.intents if begin <= key < end]
        else:
            keys = [key for key in self.content if begin <= key < end]
        for key in keys:
            self.remove(key)

    def apply(self, mutation: Mutation) -> None:
        """Apply anything but a ``Set`` without an index, which the loop does itself."""
        if isinstance(mutation, Set):
            self.put(mutation.key, mutation.value)
        elif isinstance(mutation, Clear):
            self.remove(mutation.key)
        elif isinstance(mutation, ClearRange):
            self.remove_range(mutation.begin, mutation.end)
        else:
            self._combine(mutation)

    def _combine(self, mutation: Atomic) -> None:
        stored = self.content.get(mutation.key)
        self.put(mutation.key, combine(mutation.operation, stored, mutation.operand))


def replay(
    initial: Mapping[bytes, bytes],
    commits: Iterable[Committed],
    units: Mapping[str, Unit],
    snapshots: Sequence[Snapshot] = (),
    section: KeyRange = DATA,
) -> Replayed:
    """Apply ``commits`` in order, comparing every read with what the map holds at its place.

    :param snapshots: read-only requests, in the order of their versions.
    :param section: where the application's data lie.
    """
    state, data_byte = _Map(initial, section), section.begin[0]
    found = Replayed(state.content)
    content, get, find, intents = state.content, state.content.get, units.get, state.intents
    pending = iter(snapshots)
    upcoming = next(pending, None)
    reads = last = 0
    for commit in commits:
        version = commit.version
        while upcoming is not None and upcoming.version < version:
            _compare_snapshot(state, upcoming, find, found)
            upcoming = next(pending, None)
        if version <= last:
            found.disorder.append(version)
        last = version
        for name in commit.units:
            unit = find(name)
            if unit is None:
                continue
            for key, value in unit.reads:
                if get(key) != value and key[0] == data_byte:
                    found.differences.append(
                        Difference(version, unit, "read", key, get(key), value)
                    )
            reads += len(unit.reads)
            if unit.scans:
                _compare_scans(state, version, unit, found)
            if unit.version != commit.read_version and (unit.reads or unit.scans):
                found.differences.append(
                    Difference(version, unit, "version", b"", commit.read_version, unit.version)
                )
        for mutation in commit.mutations:
            if type(mutation) is Set and state.ordered is None:
                key = mutation.key
                content[key] = mutation.value
                if key[0] == _INTENT_BYTE:
                    intents.add(key)
            else:
                state.apply(mutation)
    while upcoming is not None:
        _compare_snapshot(state, upcoming, find, found)
        upcoming = next(pending, None)
    found.reads += reads
    return found


def _compare_scans(state: _Map, version: int, unit: Unit, found: Replayed) -> None:
    for begin, end, limit, pairs in unit.scans:
        if begin[0] != state.data_byte:
            continue
        found.scans += 1
        held = state.scan(begin, end, limit)
        if held != pairs:
            found.differences.append(Difference(version, unit, "scan", begin, held, pairs))


def _compare_snapshot(
    state: _Map, snapshot: Snapshot, find: Callable[[str], Unit | None], found: Replayed
) -> None:
    for name in snapshot.units:
        unit = find(name)
        if unit is None:
            continue
        for key, value in unit.reads:
            held = state.content.get(key)
            if held != value and key[0] == state.data_byte:
                found.differences.append(
                    Difference(snapshot.version, unit, "read", key, held, value)
                )
        found.reads += len(unit.reads)
        _compare_scans(state, snapshot.version, unit, found)
        if unit.version != snapshot.version and (unit.reads or unit.scans):
            found.differences.append(
                Difference(snapshot.version, unit, "version", b"", snapshot.version, unit.version)
            )
