"""Queues: never more at a time, nor in a while, than they let in; first come, first served.

What a request has to do with a queue is looked for in the order of the store's commits. It comes
with the commit that gives it a turn, begins with the first commit of its own, and has ended with
the commit that has its answer, or that sets its tree aside. Which line it stands in is computed
anew from what its client sent; of what others called, its place says so. For each line:

* when one begins, less than the limit are under way;
* of any so many that begin one after the other, as the rate says, the first began long enough
  before, by the clocks of those who let them in;
* nobody begins who came after somebody for whom there was no room any more;
* nobody waits though there is room for longer than the scenario gives the system to heal, and in
  the end nobody waits at all.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from dataclasses import dataclass, field

from core.ids import RequestId
from core.journal import METHOD_END
from core.layout import LINES, PLACES, SET_ASIDE, line_of, placed, root_of
from core.lines import IN, decode_line, decode_place, named
from core.program import Program, Queue
from core.store import Set
from experiment.checks.subject import Subject
from experiment.record.history import Committed, Sent
from experiment.verdict import Verdict, judge

__all__ = ["has_queues", "queue"]


def has_queues(program: Program) -> bool:
    """Whether any method has one."""
    return any(each.queue for found in program.services.values() for each in found.methods.values())


@dataclass(slots=True)
class _Line:
    """One line: who waits, in the order in which they came; who is under way; who began when.

    :ivar waiting: by request, since when, in Unix nanoseconds.
    :ivar changed: when somebody began or ended last, likewise.
    """

    queue: Queue
    changed: int = 0
    waiting: dict[RequestId, int] = field(default_factory=dict)
    inside: dict[RequestId, None] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    came: int = 0


def queue(subject: Subject) -> Verdict:
    """Check what the commits say of who was under way when."""
    return _Check(subject).run()


class _Check:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._queues = {
            method.queue.name: method.queue
            for service in subject.program.services.values()
            for method in service.methods.values()
            if method.queue is not None
        }
        self._lines: dict[str, _Line] = {}
        self._names: dict[bytes, str] = {}
        self._where: dict[RequestId, str] = {}
        self._begun: set[RequestId] = set()
        self._trees: dict[bytes, set[RequestId]] = defaultdict(set)
        self._evidence: list[str] = []

    def run(self) -> Verdict:
        """Look at one commit after the other."""
        for root, sent in self._subject.sent.items():
            name = self._of(sent)
            if name:
                self._where[RequestId(root)] = name
        for commit in self._subject.commits:
            self._take_in(commit)
        lines = self._lines.values()
        if self._subject.run.settled_after is not None:
            self._evidence += [
                f"{self._subject.describe(each)} is in line for {name} for ever"
                for name, line in self._lines.items()
                for each in line.waiting
            ]
        examined = {
            "request": len(self._begun), "wait": sum(each.came for each in lines),
            "line": len(self._lines),
        }  # fmt: skip
        return judge("queue", examined, self._evidence)

    def _of(self, sent: Sent) -> str:
        """The line in which what a client sent has to stand; empty: none."""
        program = self._subject.program
        method = program.method(sent.service, sent.method)
        if method is None or method.queue is None:
            return ""
        args, kwargs = program.codec.decode(sent.args)
        try:
            bound = method.check(*args, **kwargs)
        except TypeError:
            return ""
        assert isinstance(bound, inspect.BoundArguments)
        bound.apply_defaults()
        return named(method.queue, bound)

    def _line(self, name: str) -> _Line | None:
        queue = self._queues.get(name.partition(" for ")[0])
        return None if queue is None else self._lines.setdefault(name, _Line(queue))

    def _take_in(self, commit: Committed) -> None:
        for mutation in commit.mutations:
            if not isinstance(mutation, Set):
                continue
            if LINES.begin <= mutation.key < LINES.end and line_of(mutation.key) == mutation.key:
                line = decode_line(mutation.value)
                if line is not None:
                    self._names[mutation.key] = line.name
        for mutation in commit.mutations:
            if not isinstance(mutation, Set):
                continue
            if PLACES.begin <= mutation.key < PLACES.end:
                self._has_place(placed(mutation.key), mutation.value, commit)
            elif SET_ASIDE.begin <= mutation.key < SET_ASIDE.end:
                for each in self._trees.pop(root_of(mutation.key), ()):
                    self._is_over(each)
        if commit.request is None or not self._subject.acts(commit):
            return
        if commit.request in self._where:
            self._begins(commit.request, commit)
            if commit.end == METHOD_END:
                self._is_over(commit.request, self._time(commit))

    def _has_place(self, request: RequestId, data: bytes, commit: Committed) -> None:
        place = decode_place(data)
        assert place is not None
        name = self._where.setdefault(request, self._names.get(place.line, ""))
        line = self._line(name)
        if line is None:
            return
        self._trees[request.root].add(request)
        if place.turn == IN:
            self._begins(request, commit)
        elif request not in line.waiting:
            line.waiting[request] = self._time(commit)
            line.came += 1
            self._begun.discard(request)  # it was set aside, and resumed

    def _begins(self, request: RequestId, commit: Committed) -> None:
        """The first commit of a request's own."""
        line = self._line(self._where[request])
        if line is None or request in self._begun:
            return
        self._begun.add(request)
        self._trees[request.root].add(request)
        room, who = self._room(line, request, commit), self._subject.describe(request)
        before = len(line.waiting)
        if request in line.waiting:
            before = list(line.waiting).index(request)
            self._in_vain(line, request, commit, before < room)
            del line.waiting[request]
        if before >= room > 0:
            others = "one who" if before == 1 else f"{before} who"
            self._evidence.append(
                f"{who} began at {commit.version} before {others} came first, with room for {room}"
            )
        line.inside[request] = None
        line.changed = max(line.changed, self._time(commit))

    def _in_vain(self, line: _Line, request: RequestId, commit: Committed, had_room: bool) -> None:
        """Whether somebody waited for long though there was room."""
        starts, begun = line.queue.starts, line.begun[:-1]
        opened = begun[-starts] + line.queue.within if 0 < starts <= len(begun) else 0
        since = max(line.changed, line.waiting[request], opened)
        seconds = (self._time(commit) - since) / 1e9
        is_known = line.waiting[request] and self._time(commit)
        if is_known and had_room and seconds > self._subject.scenario.heal:
            who = f"{self._subject.describe(request)} began at {commit.version}"
            self._evidence.append(f"{who}, but there had been room for {seconds:,.1f} s")

    def _room(self, line: _Line, request: RequestId, commit: Committed) -> int:
        """How many could begin, the request among them; too few are evidence."""
        queue, where = line.queue, self._where[request]
        who = f"{self._subject.describe(request)} began at {commit.version}"
        room = [queue.limit - len(line.inside)] if queue.limit else []
        if room and room[0] < 1:
            self._evidence.append(f"{who}, but {len(line.inside)} were under way in {where}")
        if queue.starts and self._time(commit):
            now = max([self._time(commit), *line.begun[-1:]])
            recent = sum(begun + queue.within > now for begun in line.begun[-queue.starts :])
            if recent >= queue.starts:
                seconds = queue.within / 1e9
                self._evidence.append(
                    f"{who}, but {recent} had begun in {where} within {seconds:g} s before"
                )
            room.append(queue.starts - recent)
            line.begun.append(now)
        return min(room, default=0)

    def _time(self, commit: Committed) -> int:
        """What the clock showed whoever let a request in, in Unix nanoseconds; 0: unknown."""
        for name in commit.units[:1]:
            name = name if name.endswith(".line") else f"{name}.line"
            unit = self._subject.history.units.get(name)
            if unit is not None and unit.clocks:
                return unit.clocks[0]  # what comes later looks for others
        for mutation in commit.mutations:  # where not every reading is recorded
            if isinstance(mutation, Set) and mutation.key in self._names:
                line = decode_line(mutation.value)
                return line.begun[-1] if line is not None and line.begun else 0
        return 0

    def _is_over(self, request: RequestId, time: int = 0) -> None:
        line = self._line(self._where[request])
        if line is not None:
            line.changed = max(line.changed, time)
            line.waiting.pop(request, None)
            line.inside.pop(request, None)
