"""The regions of one attempt: opened lazily, found in the journal, made durable.

This is where rules 1 to 5 of ``docs/protocol.md`` are kept. A region takes its
read version when something must be read or sent along. Its first read brings
the request's journal from the region's place on, and the watermark: a record
turns the region into a replay, the method's outcome ends the attempt. At its
end a region that took any input or wrote anything is committed with its journal
record, in conflict with the record's key and with everything it read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from core.aside import ended
from core.errors import Conflict, Expired, IdReused, NondeterminismError
from core.journal import (
    METHOD_END,
    Entry,
    Intent,
    Record,
    decode_record,
    encode_intent,
    encode_record,
    fingerprint,
    in_chunks,
)
from core.layout import (
    VERDICT,
    WATERMARK,
    intent_key,
    intent_range,
    journal_key,
    journal_place,
    journal_range,
    resting_key,
    set_aside_key,
)
from core.messages import Failed, Outcome, Request
from core.ports import Commit, Effect, Now, Read, ReadVersion, Steps
from core.region import Region
from core.revisions import astray
from core.store import ClearRange, KeyRange, Mutation, Pairs, point

__all__ = ["Answered", "Regions"]


class Answered(Exception):
    """The journal holds the method's outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Regions:
    """The regions of one attempt.

    :param snapshot: nobody commits: a read-only root request.
    :param where: names the user's statement that is being executed, for errors.
    :ivar present: the present region.
    :ivar fingerprint: of the request; empty if it leaves no records.
    :ivar anchored: whether this execution has passed a record, or made one.
    :ivar intent_recorded: whether the intent of the tree is known to have been recorded.
    :ivar intent_cleared: whether the tree's last commit is known to have cleared it.
    """

    def __init__(
        self,
        request: Request,
        name: str,
        snapshot: bool,
        where: Callable[[], str],
        revision: str = "",
    ) -> None:
        self.present: Region
        self.intent_recorded = request.intent_recorded
        self.intent_cleared = False
        self._request = request
        self._name = name
        self._snapshot = snapshot
        self._where = where
        self._revision = revision
        self._strayed: str | None = revision
        self._others: list[str | None] = []
        self.fingerprint = b"" if request.travel or snapshot else fingerprint(request)
        self._records: dict[int, Record] = {}
        self._units = 0
        self._place = 0

    def restart(self) -> None:
        """Begin a new execution; what is known of the journal stays known."""
        self._place = 0
        self.anchored = False
        self._begin(self._place)

    def _begin(self, place: int) -> None:
        """Begin a region."""
        self._units += 1
        unit = f"{self._name}.{self._units}"
        if self._request.travel is not None:
            self.present = Region.travelling(unit, self._request.travel)
        else:
            self.present = Region(place, unit, self._records.get(place))
            self.present.checked = self._snapshot

    def renew(self) -> None:
        """Begin the region anew, if nothing came of it: time has passed, and versions grow old."""
        before = self.present
        if before.is_untouched:
            self._begin(before.place)
            self.present.held_transaction = before.held_transaction

    def take_place(self) -> int:
        """The next place of the program."""
        place = self._place
        self._place += 1
        return place

    def open(self) -> Steps:
        """Take the region's read version, if it has none."""
        if not self.present.version:
            self.present.version = yield ReadVersion()

    def read(
        self, keys: tuple[bytes, ...] = (), ranges: tuple[tuple[bytes, bytes, int], ...] = ()
    ) -> Steps:
        """Read at the region's version; with its first read, look into the journal too.

        Afterwards the region may be one that is replayed: then the answer is void.

        :raises Expired: the watermark has passed the request.
        :raises Answered: the journal holds the method's outcome.
        """
        yield from self.open()
        region = self.present
        region.asked = next(iter(keys), ranges[0][0] if ranges else region.asked)
        if region.checked:
            return (yield Read(region.unit, region.version, keys, ranges))
        request = self._request.id
        journal = (journal_key(request, region.place), journal_range(request).end, 0)
        values, pairs = yield Read(
            region.unit, region.version, (*keys, WATERMARK), (*ranges, journal)
        )
        watermark = values.pop()
        if watermark is not None and watermark > request.root:
            yield from self._is_kept()
        self._take_in(pairs.pop())
        self._replay_found()
        return values, pairs

    def is_known(self) -> Steps:
        """Whether the journal has the region, or what comes after it: what it asks was asked.

        :raises Expired, Answered: see :meth:`read`.
        """
        region = self.present
        if region.record is None and not region.checked and not self._is_passed:
            yield from self.open()
            request = self._request.id
            journal = (journal_key(request, region.place), journal_range(request).end, 0)
            values, (pairs,) = yield Read(region.unit, region.version, (WATERMARK,), (journal,))
            if values[0] is not None and values[0] > request.root:
                yield from self._is_kept()
            self._take_in(pairs)
            if not self._is_passed:
                self._replay_found()
        return region.record is not None or self._is_passed

    @property
    def _is_passed(self) -> bool:
        """Whether the journal has something after the present region, but nothing of it."""
        place = self.present.place
        return place not in self._records and any(each > place for each in self._records)

    def _is_kept(self) -> Steps:
        """See that what the tree left is remembered for longer than what began when it did.

        :raises Expired: it was not set aside.
        """
        request, region = self._request.id, self.present
        values, _ = yield Read(region.unit, region.version, (set_aside_key(request.root),))
        if values[0] is None:
            raise Expired(f"request {request} is older than what is remembered")

    def _replay_found(self) -> None:
        """The journal was read from the region's place on: replay the region if it is there."""
        self.present.checked = True
        if self._is_passed:
            raise NondeterminismError("state or time", "none before the next call", self._where())
        found = self._records.get(self.present.place)
        if found is not None:
            self.present.begin_replay(found)

    def _take_in(self, pairs: Pairs) -> None:
        """:raises Answered: the method's outcome is among the records."""
        chunks: dict[int, bytes] = {}
        for key, value in pairs:
            place, _ = journal_place(self._request.id, key)
            chunks[place] = chunks.get(place, b"") + value
        for place, data in chunks.items():
            record = decode_record(data)
            self.compare(record.fingerprint, record.asker)
            if record.revision not in (self._revision, *self._others):
                self._others.append(record.revision)
            self._records[place] = record
            self._learn_intent(record)
            if record.outcome is not None:
                raise Answered(record.outcome)

    def compare(self, found: bytes, asker: str | None) -> None:
        """Refuse what was left by another request under the same id (rule 4).

        It was the caller that went astray then, whatever revision executes the callee.
        """
        if found == self.fingerprint:
            return
        if found[:8] != self.fingerprint[:8]:
            raise IdReused(
                "the id belongs to another request: use a new one for another method or other "
                "arguments"
            )
        own, other = self._request.asker, asker
        self._strayed, self._others = own, [other] if own is None or own != other else []
        made = f"{self._request.service}.{self._request.method}"
        raise NondeterminismError(
            f"{made} with these arguments", "another call at this place", "the caller"
        )

    def astray(self, error: NondeterminismError) -> Generator[Effect, Any, Failed]:
        """What is said of a request whose replay left the journal: whose code it was decides."""
        now = yield Now(f"{self._name}.astray")
        return astray(self._request.id, error, self._others, self._strayed, now)

    def _learn_intent(self, record: Record) -> None:
        """What a record tells about the tree's intent (rule 5)."""
        if isinstance(record.outcome, Failed):
            return
        self.intent_recorded = self.intent_recorded or not record.last
        self.intent_cleared = record.last

    def end(self, end: int, outcome: Outcome | None = None) -> Generator[Effect, Any, bool]:
        """End the region before ``end``, making durable what led there (rules 2 and 3).

        :returns: whether that took a commit.
        """
        region, committed = self.present, False
        if region.record is None and region.dirty and not region.checked:
            yield from self.read()
        if region.record is not None:
            what = "the method's end" if end == METHOD_END else f"call {end} of the method"
            region.replayed(end, what, self._where)
            self.anchored = True
        elif region.dirty:
            yield from self._commit(end, outcome)
            self.anchored = committed = True
        if end != METHOD_END:
            self._begin(self._place)
        return committed

    def fail(self, verdict: Failed) -> Generator[Effect, Any, Failed]:
        """Record that the method cannot be completed, so that no other attempt completes it.

        Nothing happened if the tree has made nothing durable, and then nothing will: every
        attempt at the request must pass this record. Otherwise the tree is set aside (rule 8).
        Which of the two holds is read from the store: a callee may have been cut off from here.

        :returns: the verdict as recorded.
        :raises Conflict: another attempt got further: see what it did.
        :raises NondeterminismError: one did, and what it did is known and does not help.
        """
        self._begin(self.present.place)
        if self.present.record is not None:
            raise NondeterminismError(
                f"what fails ({verdict.text})", "what followed its success", self._where()
            )
        root = self._request.id.root
        intents = (intent_key(root), resting_key(root))
        values, _ = yield from self.read(intents)
        if self.present.record is not None:
            raise Conflict
        self.present.reads += map(point, intents)
        self.intent_recorded |= any(value is not None for value in values)
        if self.intent_recorded or verdict.kind == "BadRequest":  # what is gone may have run before
            cause = verdict.cause or verdict.kind
            verdict = Failed("SetAside", False, verdict.text, cause)
        yield from self._refuse(verdict)
        return verdict

    def refuse(self, verdict: Failed) -> Steps:
        """Record a verdict on a request that is not to be executed any more.

        :raises Answered: the journal holds the method's outcome.
        :raises Expired, IdReused, NondeterminismError: as for an attempt.
        """
        self._begin(0)
        yield from self.open()
        region, own = self.present, journal_range(self._request.id)
        values, (pairs,) = yield Read(region.unit, region.version, (WATERMARK,), ((*own, 0),))
        if values[0] is not None and values[0] > self._request.id.root:
            yield from self._is_kept()
        self._take_in(pairs)
        yield from self._refuse(verdict)

    def _refuse(self, verdict: Failed) -> Steps:
        """Commit a verdict, in conflict with whatever attempts at the request commit."""
        region, request = self.present, self._request.id
        record = self._record(METHOD_END, [], verdict)
        mutations = in_chunks(journal_key(request, VERDICT), encode_record(record))
        journal = KeyRange(journal_key(request, region.place), journal_range(request).end)
        reads, units = [*region.reads, journal], tuple(region.units)
        if request.is_root and not verdict.definite:  # nothing is left to complete
            now = yield Now(region.unit)
            whose = request.root, self._request.origin, verdict, now
            left, more = yield from ended(*whose, region.version, region.unit)
            reads, mutations = reads + left, mutations + more
        yield Commit(request, VERDICT, METHOD_END, units, region.version, reads, mutations)

    def _commit(self, end: int, outcome: Outcome | None) -> Steps:
        region, request = self.present, self._request.id
        key = journal_key(request, region.place)
        entries = region.entries if outcome is None else []
        last = self._ends_tree(end)
        record = self._record(end, entries, outcome, last)
        mutations = region.writes.all()
        mutations += in_chunks(key, encode_record(record))
        mutations += self.intent(last)
        reads = [*region.reads, KeyRange(key, journal_range(request).end)]
        units = tuple(region.units)
        yield Commit(request, region.place, end, units, region.version, reads, mutations)
        self._records[region.place] = record
        self._learn_intent(record)

    def _record(
        self, end: int, entries: list[Entry], outcome: Outcome | None, last: bool = False
    ) -> Record:
        whose = self._revision, self._request.asker
        return Record(self.fingerprint, end, entries, outcome, last, *whose)

    def _ends_tree(self, end: int) -> bool:
        """Whether nothing in the tree commits after a region that ends at ``end``."""
        return end == METHOD_END and self._request.last

    def intent(self, last: bool) -> list[Mutation]:
        """What a commit does to the tree's intent (rule 5)."""
        root = self._request.id.root
        if last:
            return [ClearRange(*intent_range(root))] if self.intent_recorded else []
        if self.intent_recorded:
            return []
        intent = encode_intent(Intent(self._request.origin))
        return [ClearRange(*intent_range(root)), *in_chunks(intent_key(root), intent)]
