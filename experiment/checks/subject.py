"""The run under examination, with the indexes that several oracles need, each made once."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from core.event_keys import event_key, event_of
from core.ids import RequestId
from core.journal import METHOD_END, decode_intent, decode_record
from core.layout import DATA, EVENTS_BY_TIME, OBJECTS, RESTING, WATERMARK, journal_key, root_of
from core.messages import Failed, Origin, Outcome, Request
from core.protocol import PROTOCOLS
from core.store import ClearRange, Set
from experiment.checks.health import Health
from experiment.checks.joining import execution_of, joined
from experiment.checks.replay import Replayed, Snapshot, replay
from experiment.record.history import Answered, Asked, Committed, Sent
from experiment.record.readable import Readable

if TYPE_CHECKING:
    from compiler.application import Application
    from experiment.record.run import Run
    from experiment.scenario.model import Scenario

__all__ = ["Subject"]


class Executed(NamedTuple):
    """One execution of a request: its name, and its readings of the clock."""

    name: str
    clocks: list[int]


class Subject:
    """A run, its application and its scenario.

    :ivar sent: the first sending of each root request, by root id; of one that a request
        started, the commit that did.
    :ivar started: the root ids of those.
    :ivar replies: what clients were told until the final store was looked at.
    :ivar answers: the answers (not the failures) among them, by root id.
    :ivar commits: those made until then, in version order; what the closing retention pass
        commits later is not judged.
    :ivar trees: the commits of each request tree, in version order, by root id.
    :ivar started: root ids of requests that others started; ``ticks``: that time asked for.
    :ivar protocol: what decided, asked for what it is.

    Commits that only record that a request cannot be completed are in ``commits``, but not in
    ``trees``, for nothing happened in them (see :meth:`acts`).
    """

    def __init__(self, run: Run, application: Application, scenario: Scenario) -> None:
        self.run = run
        self.application = application
        self.program = application.program.keyed(run.secret)
        self.scenario = scenario
        self.history = run.history
        self.protocol = PROTOCOLS[run.protocol]()
        self.readable = Readable(self.program.codec)
        self.sent: dict[bytes, Sent] = {}
        for sent in self.history.sent:
            self.sent.setdefault(sent.id.root, sent)
        self.started: set[bytes] = set()
        self.ticks: set[bytes] = set()
        self.answers: dict[bytes, list[Answered]] = defaultdict(list)
        self.replies = [a for a in self.history.answers if a.time <= run.seconds]
        for answer in self.replies:
            if not isinstance(answer.outcome, Failed):
                self.answers[answer.id.root].append(answer)
        self.commits = [c for c in self.history.commits if c.time <= run.seconds]
        self._refusals = {
            commit.version
            for commit in self.commits
            if commit.request is not None and _is_refusal(commit)
        }
        self.trees: dict[bytes, list[Committed]] = defaultdict(list)
        for commit in self.commits:
            if commit.request is not None and self.acts(commit):
                self.trees[commit.request.root].append(commit)
                self._take_in_started(commit)
            elif commit.request is None:
                self._take_in_started(commit)

    def _take_in_started(self, commit: Committed) -> None:
        """The requests that a commit of another begins: it leaves what is needed to drive them."""
        intents: dict[bytes, bytes] = {}
        for mutation in commit.mutations:
            if isinstance(mutation, Set) and RESTING.begin <= mutation.key < RESTING.end:
                root = root_of(mutation.key)
                intents[root] = intents.get(root, b"") + mutation.value
        for root, data in intents.items():
            if commit.request is None and root in self.sent:
                continue  # it is laid to rest, and began before
            origin, identity = decode_intent(data).origin, RequestId(root)
            call = origin.service, origin.method, origin.args
            self.sent.setdefault(root, Sent(commit.time, identity, *call, 0, caller=origin.caller))
            (self.started if commit.request is not None else self.ticks).add(root)

    def heard(self, commit: Committed) -> dict[tuple[RequestId, int], Outcome]:
        """The answers of the outside that the regions of a commit took in, by request and place."""
        asked = (self._asked[name] for name in commit.units if name in self._asked)
        return {
            (each.request, each.place): each.outcome for each in asked if each.outcome is not None
        }

    @cached_property
    def _asked(self) -> dict[str, Asked]:
        return {each.unit: each for each in self.history.asked}

    @property
    def in_objects(self) -> bool:
        """Whether the protocol keeps data in objects, and its requests are many commits."""
        return self.protocol.section == OBJECTS

    def acts(self, commit: Committed) -> bool:
        """Whether a commit is a region of a request, and not maintenance or a refusal."""
        return commit.request is not None and commit.version not in self._refusals

    @cached_property
    def unfinished(self) -> set[bytes]:
        """Root ids of requests that may have been under way when the final store was looked at.

        They are those without an answer, where the system had not settled. That it had not is
        for :mod:`experiment.checks.liveness` to say; what they still had to do is nobody's fault.
        """
        if self.run.settled_after is not None:
            return set()
        return {root for root in self.sent if root not in self.answers}

    @cached_property
    def snapshots(self) -> list[Answered]:
        """Answers to read-only requests, by the version they read at."""
        answers = [a for found in self.answers.values() for a in found if a.version]
        return sorted(answers, key=lambda answer: answer.version)

    @cached_property
    def replayed(self) -> Replayed:
        """The recorded commits replayed in order on a plain map."""
        snapshots = [Snapshot(a.version, tuple(a.units)) for a in self.snapshots]
        history = self.history
        commits = self.commits
        if self.protocol.parts:
            commits = joined(commits, history.units)
        section = self.protocol.section
        return replay(history.initial, commits, history.units, snapshots, section)

    @cached_property
    def changed(self) -> set[bytes]:
        """Root ids of the requests that changed the application's data."""
        begin, end = self.protocol.section
        return {
            root
            for root, tree in self.trees.items()
            for commit in tree
            for mutation in commit.mutations
            if isinstance(mutation, Set) and begin <= mutation.key < end
        }

    def executed(self, root: bytes) -> dict[RequestId, Executed]:
        """The first execution of each request in a tree, where requests are many commits."""
        return self._executed.get(root, {})

    @cached_property
    def _executed(self) -> dict[bytes, dict[RequestId, Executed]]:
        found: dict[bytes, dict[RequestId, Executed]] = {}
        for unit in self.history.units.values():
            tree = found.setdefault(unit.request.root, {})
            name = execution_of(unit.name)
            first = tree.setdefault(unit.request, Executed(name, []))
            if first.name == name:
                first.clocks.extend(unit.clocks)
        return found

    @cached_property
    def watermark(self) -> bytes:
        """Root ids before this one may have been forgotten."""
        return self.run.final.get(WATERMARK, b"")

    def read_only(self, service: str, method: str) -> bool:
        """Whether the program's facts call the method read-only."""
        found = self.program.method(service, method)
        return found is not None and found.facts.read_only

    def is_snapshot(self, sent: Sent) -> bool:
        """Whether a request reads at one version, and leaves nothing."""
        started = sent.id.root in self.started  # their answers are kept
        return not started and self.read_only(sent.service, sent.method)

    def request(self, sent: Sent) -> Request:
        """The request as its client sent it, without the client's deadline."""
        origin = Origin(
            sent.service, sent.method, sent.args, sent.caller, sent.id.root in self.started
        )
        return Request(sent.id, sent.service, sent.method, sent.args, origin)

    def describe(self, request: RequestId) -> str:
        """``Service.method(args) (request id)`` of a root request, the tree's for a nested one."""
        sent = self.sent.get(request.root)
        if sent is None:
            return f"request {request}"
        call = f"{sent.service}.{sent.method}{self.readable.arguments(sent.args)}"
        below = "" if request.is_root else "a call below "
        return f"{below}{call} (request {request})"

    @property
    def health(self) -> Health:
        """The program where nothing fails."""
        return Health(self.program, self.scenario.platform, self.run.modelled)

    @cached_property
    def final_data(self) -> dict[bytes, bytes]:
        """The application's data in the final store."""
        return self.protocol.data(self.run.final)

    @cached_property
    def final_events(self) -> dict[bytes, bytes | None]:
        """The events that have happened, with their values, in the final store, by key.

        Those that were forgotten are none of them.
        """
        final, (begin, end) = self.run.final, EVENTS_BY_TIME
        keys = [event_key(event_of(key)) for key in final if begin <= key < end]
        return {key: final.get(key) for key in keys}


def _is_refusal(commit: Committed) -> bool:
    """Whether a commit of a request records a failure as its outcome."""
    assert commit.request is not None
    if commit.end != METHOD_END:
        return False
    record, key = b"", journal_key(commit.request, commit.place)
    for mutation in commit.mutations:
        touched = mutation.begin if isinstance(mutation, ClearRange) else mutation.key
        if touched[:1] == DATA.begin:
            return False
        if isinstance(mutation, Set) and mutation.key.startswith(key):
            record += mutation.value  # a long one spans several values
    try:
        return isinstance(decode_record(record).outcome, Failed)
    except msgspec.DecodeError:
        return False
