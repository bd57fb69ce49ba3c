"""Reference semantics: the plain classes, in commit order, say and leave the same.

The strongest oracle. The user's uncompiled classes are run once more, region by
region in the order in which the recorded commits took place: each request that
is not part of another's transaction is a strand (:mod:`experiment.checks.strands`),
and a commit lets its strand run from where it stands to where the commit says
the region ended. Between regions, strands are moved on only as far as others
need them to, and then they may neither write nor read the clock. (That they read
state there is not seen here; an answer that rests on it is, when the request is
sent again: :mod:`experiment.checks.exactly_once`.) Read-only requests run whole, at the
version they read at.

What the plain program needs beside the order of commits is fed from the record:
clock readings of the attempts that won. Random numbers follow from request ids.
Then every answer that was acknowledged, and the final state, must be the same, and
no request that made something durable may have anything left to do, nor anything that
it called, whether or not somebody awaited that: a method ends after all of its calls.
Requests that a run which did not settle left unfinished are no business of this oracle's.

The plain program shares its codec with the one that ran. So its copies of values, and
what clients asked, are compared with the originals (:mod:`experiment.faithful`).

The first thing that cannot be so ends the comparison, since nothing after it
would mean anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.api.reference import Reference
from core.event_keys import event_key, event_of
from core.ids import RequestId
from core.journal import decode_record, fingerprint
from core.layout import CANCELLED, EVENTS_BY_TIME, WATERMARK, journal_key, root_of
from core.messages import Origin, Request
from core.readable import shown_event
from core.store import ClearRange, Set
from experiment.checks.guard import Forbidden, guarded
from experiment.checks.strands import Boundary, Frame, Strand, StrandRunner, Waiting
from experiment.checks.subject import Subject
from experiment.faithful import Witness
from experiment.record.history import Answered, Committed
from experiment.verdict import Verdict, judge

__all__ = ["reference"]


class Divergence(Exception):
    """The plain program does not do what was recorded."""


def reference(subject: Subject) -> Verdict:
    """Compare the run with the plain program run in commit order."""
    plain = subject.application.reference(make_codec=Witness)
    with plain:
        plain.load(subject.history.initial)
        course = _Course(subject, plain)
        try:
            evidence = course.run()
        except Divergence as divergence:
            evidence = [str(divergence)]
        finally:
            course.discard()
    assert isinstance(plain.codec, Witness)
    evidence += [*subject.history.garbled, *plain.codec.damaged]
    examined = {
        "region": course.regions,
        "answer": course.answers,
        "key": len(subject.final_data) + len(subject.final_events) if subject.commits else 0,
    }
    return judge("reference", examined, evidence)


class _Course:
    """The course of the plain program through the recorded commits."""

    def __init__(self, subject: Subject, plain: Reference) -> None:
        self._subject = subject
        self._plain = plain
        callers = {root: sent.caller for root, sent in subject.sent.items()}
        self._runner = StrandRunner(plain, subject.program, callers)
        plain.runner = self._runner
        self._strands: dict[RequestId, Strand] = {}
        self._watermark = b""
        self.regions = 0
        self.answers = 0

    def run(self) -> list[str]:
        """Everything in its order; what differs in answers and state.

        :raises Divergence: the plain program cannot follow.
        """
        evidence: list[str] = []
        snapshots, position = self._snapshots(), 0
        for commit in self._subject.commits:
            while position < len(snapshots) and snapshots[position].version < commit.version:
                evidence += self._read_only(snapshots[position])
                position += 1
            if commit.request is not None and self._subject.acts(commit):
                self._region(commit, commit.request)
            elif commit.request is None:
                self._beside(commit)
        for answer in snapshots[position:]:
            evidence += self._read_only(answer)
        evidence += self._answered()
        evidence += self._unanswered()
        return evidence + self._asked() + self._runner.early[:1] + self._state()

    def discard(self) -> None:
        """Let go of strands that stand somewhere; what they do then changes nothing any more."""
        for strand in self._strands.values():
            if strand.greenlet is not None and not strand.greenlet.dead:
                try:
                    strand.greenlet.throw()
                except (Exception, Forbidden):
                    continue

    # --- regions in commit order

    def _region(self, commit: Committed, request: RequestId) -> None:
        """Run the region that ``commit`` made durable."""
        self.regions += 1
        strand = self._strand(request)
        self._stretch(strand, region=commit.place)
        if strand.region != commit.place or strand.outcome or isinstance(strand.event, Boundary):
            raise self._differs(
                strand, f"commits region {commit.place} at {commit.version}", "has no such region"
            )
        self._check_arguments(strand, commit)
        self._runner.set_clocks(self._clocks(commit.units))
        self._runner.heard = self._subject.heard(commit)
        while strand.outcome is None and not isinstance(strand.event, Boundary):
            if isinstance(strand.event, Waiting):  # a region goes on after it
                self._complete(strand.children[strand.event.place])
            self._resume(strand)
        end = strand.event.place if isinstance(strand.event, Boundary) else -1
        if end != commit.end:
            told = f"ends region {commit.place} {_place(commit.end)}"
            raise self._differs(strand, told, f"goes on to {_place(end)}")
        unread = self._runner.unread()
        if unread is not None:
            raise self._differs(strand, f"reads the clock more often in {unread}", "does not")
        self._runner.set_clocks({})
        self._runner.heard = {}
        if strand.outcome is not None:
            self._complete(strand)

    def _beside(self, commit: Committed) -> None:
        """Follow what no region does: cancelling and signals from outside, and forgetting these."""
        written = {each.key: each.value for each in commit.mutations if isinstance(each, Set)}
        self._watermark = written.get(WATERMARK, self._watermark)
        happened = self._plain.happened
        self._runner.cancelled.update(
            root_of(key) for key in written if key.startswith(CANCELLED.begin)
        )
        for mutation in commit.mutations:
            key = b"" if isinstance(mutation, ClearRange) else mutation.key
            if not EVENTS_BY_TIME.begin <= key < EVENTS_BY_TIME.end:
                continue
            event = event_of(key)
            if isinstance(mutation, Set):
                happened.keep(event, written[event_key(event)])
            elif key < EVENTS_BY_TIME.begin + self._watermark:
                happened.values.pop(event, None)
            else:
                who = f"{shown_event(event)} is forgotten at {commit.version}"
                raise Divergence(f"the event {who}, before the watermark has passed it")

    def _strand(self, request: RequestId) -> Strand:
        """The strand of a request, made to exist by moving its callers on."""
        found = self._strands.get(request)
        if found is not None:
            return found
        if request.is_root:
            return self._add(self._root(request))
        caller = self._strand(RequestId(request.root, request.path[:-1]))
        place = request.path[-1]
        if place not in caller.children:
            self._stretch(caller, place=place)
            event = caller.event
            if not isinstance(event, Boundary) or event.place != place or not event.service:
                raise self._differs(caller, f"calls something at place {place}", "does not")
            self._perform(caller, event)
        return caller.children[place]

    def _root(self, request: RequestId) -> Strand:
        """The strand of a root request: a client sent it, or the plain program has started it."""
        sent = self._subject.sent.get(request.root)
        if sent is None:
            raise Divergence(f"request {request} commits, but nobody sent it")
        strand = Strand(request, sent.service, sent.method, sent.args)
        if request.root in self._subject.started:
            call = self._runner.started.get(request.root)
            if call is None:
                raise self._differs(strand, "was started", "starts no such request")
            if call != (strand.service, strand.method, strand.args):
                raise self._differs(strand, "was started", "starts it otherwise")
        return strand

    def _add(self, strand: Strand) -> Strand:
        self._strands[strand.id] = strand
        return strand

    def _stretch(self, strand: Strand, region: int = -1, place: int = -1) -> None:
        """Move a strand on, in which nothing may happen, to a region, a place, or its end."""
        while strand.outcome is None and strand.region != region:
            event = strand.event
            if isinstance(event, Boundary):
                if event.place == place:
                    return
                self._perform(strand, event)
                continue
            if isinstance(event, Waiting):
                self._complete(strand.children[event.place])
            with guarded(self._plain):
                self._resume(strand)

    def _perform(self, strand: Strand, event: Boundary) -> None:
        """Let the call or transaction happen that the strand stands before."""
        strand.pass_boundary()
        if event.service:
            child = Strand(strand.id.child(event.place), event.service, event.method, event.args)
            child.inherited = event.inherited
            strand.children[event.place] = self._add(child)

    def _complete(self, strand: Strand) -> None:
        """Move a strand on to its end, and everything that it called, awaited or not."""
        self._stretch(strand)
        if not strand.is_complete:
            for child in strand.children.values():
                self._complete(child)
            strand.is_complete = True

    def _resume(self, strand: Strand) -> None:
        try:
            self._runner.resume(strand)
        except Forbidden as forbidden:
            raise self._differs(
                strand, f"committed no region {strand.region}", f"{forbidden.what} in it"
            ) from None

    def _check_arguments(self, strand: Strand, commit: Committed) -> None:
        """See that a call had the target and arguments that its journal remembers."""
        if strand.id.is_root:
            return
        key = journal_key(strand.id, commit.place)
        origin = Origin(strand.service, strand.method, strand.args)
        request = Request(strand.id, strand.service, strand.method, strand.args, origin)
        for mutation in commit.mutations:
            if isinstance(mutation, Set) and mutation.key == key:
                journaled = decode_record(mutation.value).fingerprint
                if journaled[8:] != fingerprint(request)[8:]:  # its own half, not the root's
                    raise self._differs(strand, "is journaled as another call", "makes this one")
                return

    def _clocks(self, units: Iterable[str]) -> dict[RequestId, list[int]]:
        readings: dict[RequestId, list[int]] = {}
        for name in units:
            unit = self._subject.history.units.get(name)
            if unit is not None and unit.clocks:
                readings.setdefault(unit.request, []).extend(unit.clocks)
        return readings

    # --- answers and state

    def _snapshots(self) -> list[Answered]:
        """Answers to read-only requests, in the order of their versions."""
        subject = self._subject
        found = []
        for root, answers in subject.answers.items():
            sent = subject.sent.get(root)
            if sent is not None:
                read_only = subject.is_snapshot(sent)
                found += [answer for answer in answers if answer.version or read_only]
        return sorted(found, key=lambda answer: answer.version)

    def _read_only(self, answer: Answered) -> list[str]:
        """Run a read-only request as a whole, here and now."""
        sent = self._subject.sent[answer.id.root]
        self.answers += 1
        self._runner.set_clocks(self._clocks(answer.units))
        try:
            with guarded(self._plain):
                frame = Frame(answer.id, True, None)
                outcome = self._runner.execute(sent.service, sent.method, sent.args, frame)
        except Forbidden as forbidden:
            who = self._subject.describe(answer.id)
            raise Divergence(
                f"{who} was answered without a commit, but the plain program {forbidden.what}"
            ) from None
        self._runner.set_clocks({})
        return self._compare(answer, outcome)

    def _answered(self) -> list[str]:
        """Compare the answers of all other requests."""
        evidence = []
        for root, answers in self._subject.answers.items():
            sent = self._subject.sent.get(root)
            answer = answers[0]
            if sent is None or answer.version or self._subject.is_snapshot(sent):
                continue
            strand = self._strand(answer.id)
            self._complete(strand)
            self.answers += 1
            evidence += self._compare(answer, strand.outcome)
        return evidence

    def _unanswered(self) -> list[str]:
        """Trees that made something durable and were not answered, yet have more to do.

        An answered one that has is found by :meth:`_answered`. What was set aside is no
        business of this oracle's, nor what there was no time for.
        """
        subject = self._subject
        evidence = []
        for root in {**subject.trees, **self._runner.started}:
            sent = subject.sent.get(root)
            if sent is None and root in self._runner.started:
                evidence.append(f"request {RequestId(root)} was to be started, and never was")
            if sent is None or root in subject.answers or root in subject.run.set_aside:
                continue
            if root in subject.unfinished:
                continue
            try:
                self._complete(self._strand(sent.id))
            except Divergence as more:
                evidence.append(f"{subject.describe(sent.id)} was left half-done: {more}")
        return evidence

    def _compare(self, answer: Answered, outcome: object) -> list[str]:
        if answer.outcome == outcome:
            return []
        readable, who = self._subject.readable, self._subject.describe(answer.id)
        return [
            f"{who} was told that it {readable.outcome(answer.outcome)}, but the plain program "
            f"{readable.outcome(outcome)}"  # type: ignore[arg-type]
        ]

    def _asked(self) -> list[str]:
        """What the outside was asked that the plain program does not ask."""
        subject, readable = self._subject, self._subject.readable
        evidence = []
        for each in subject.history.asked:
            root = each.request.root
            if root in subject.unfinished or root in subject.run.set_aside:
                continue
            function, args = self._runner.asked.get((each.request, each.place), ("", b""))
            for tried in each.tries:
                if (function, args) != (each.function, tried.args):
                    what = f"{each.function}{readable.arguments(tried.args)}"
                    instead = f"{function}{readable.arguments(args)}" if function else "nothing"
                    evidence.append(
                        f"{subject.describe(each.request)} asked {what} of the outside, where the "
                        f"plain program asks {instead}"
                    )
        return evidence

    def _state(self) -> list[str]:
        happened = {event_key(each): data for each, data in self._plain.happened.values.items()}
        expected = {**self._plain.dump(), **happened}
        final = {**self._subject.final_data, **self._subject.final_events}
        if expected == final:
            return []
        readable = self._subject.readable
        keys = [key for key in {**expected, **final} if expected.get(key) != final.get(key)]
        return [
            f"{readable.key(key)} is {readable.value(final.get(key))} in the end, but the plain "
            f"program leaves {readable.value(expected.get(key))}"
            for key in sorted(keys)
        ]

    def _differs(self, strand: Strand, recorded: str, plain: str) -> Divergence:
        call = f"{strand.service}.{strand.method}{self._subject.readable.arguments(strand.args)}"
        return Divergence(f"{call} (request {strand.id}) {recorded}, but the plain program {plain}")


def _place(end: int) -> str:
    return "with the method's end" if end == -1 else f"before place {end}"
