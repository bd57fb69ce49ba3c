"""Strands: the plain methods of one request each, paused where the request gives way to others.

A strand runs a user's uncompiled method in a greenlet. It pauses

* at a *boundary*, where the executor's regions end: before an effectful call or one of the
  outside, where it sleeps,
  and before a transaction when the present region already held one;
* to *wait* for a child that has not ended.

Travelling calls (in a transaction, of a read-only method, from a method that
travels itself) run inside the strand, at once. Places are counted as the
executor counts them, for every call and every transaction begun.

Outside of a committed region a strand may not write, nor read the clock
(:mod:`experiment.checks.guard`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from compiler.api.reference import Activation, Reference
from core.alarms import started_root, unknown
from core.bounds import REQUEST, UNBOUND, Inherited, cancelled, of_another
from core.callers import Caller, decode_caller
from core.chance import request_chance
from core.errors import Cancelled
from core.events import late
from core.ids import RequestId
from core.messages import Outcome, Raised, Returned
from core.outside import Outside
from core.program import Program
from experiment.checks.guard import Forbidden, user_line

__all__ = ["Boundary", "Frame", "Strand", "StrandRunner", "Waiting"]


@dataclass(frozen=True, slots=True)
class Boundary:
    """A strand stands before an effectful call, or (``service`` empty) where a region just ends."""

    place: int
    service: str = ""
    method: str = ""
    args: bytes = b""
    waits: bool = False
    inherited: Inherited = UNBOUND


@dataclass(frozen=True, slots=True)
class Waiting:
    """A strand waits for the child at a place."""

    place: int


@dataclass(slots=True, eq=False)
class Frame:
    """One running method: of a strand itself, or of a travelling call inside it.

    :ivar strand: None in a read-only request, which is never paused.
    :ivar place: the next place.
    """

    id: RequestId
    travelling: bool
    strand: Strand | None
    place: int = 0
    stream: random.Random | None = None

    def take_place(self) -> int:
        """The next place."""
        place = self.place
        self.place += 1
        return place


@dataclass(slots=True, eq=False)
class Strand:
    """One request outside travelling.

    :ivar region: the number of the present region.
    :ivar held_transaction: whether that region held a transaction.
    :ivar event: what the strand stands before; None when it can simply be resumed.
    :ivar outcome: the method's, when it has ended.
    :ivar is_complete: whether it has ended, and everything that it called.
    :ivar awake: Unix nanoseconds until which it has slept.
    :ivar inherited: what its caller's waits are broken off by.
    """

    id: RequestId
    service: str
    method: str
    args: bytes
    region: int = 0
    held_transaction: bool = False
    event: Boundary | Waiting | None = None
    outcome: Outcome | None = None
    is_complete: bool = False
    awake: int = 0
    inherited: Inherited = UNBOUND
    children: dict[int, Strand] = field(default_factory=dict)
    greenlet: greenlet | None = None

    def pause(self, event: Boundary | Waiting) -> None:
        """Stand before ``event`` until resumed; called in the strand's own greenlet."""
        self.event = event
        getcurrent().parent.switch()

    def pass_boundary(self) -> None:
        """Enter the region after the boundary that the strand stands before."""
        assert isinstance(self.event, Boundary)
        self.region = self.event.place + 1
        self.held_transaction = False
        self.event = None


@dataclass(frozen=True, slots=True)
class _Ended:
    """The handle of a spawned call that travelled."""

    result: Any
    exception: Exception | Cancelled | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The handle of what the outside was asked at a place."""

    request: RequestId
    place: int
    function: str


@dataclass(frozen=True, slots=True)
class _Spawned:
    """The handle of a spawned call that is a strand of its own."""

    place: int


class StrandRunner:
    """A :class:`compiler.api.runner.Runner` that pauses strands where regions end.

    :param callers: who asks, as it travels, by root.
    :ivar clocks: the readings of the present region, by request; none outside of regions.
    :ivar started: service, method and arguments of the requests that were started, by root id.
    :ivar heard: the answers of the outside that the present region takes in, by request and place.
    :ivar asked: what is asked of the outside, and with what arguments, by request and place.
    :ivar answers: what those that have ended gave.
    :ivar cancelled: the root ids of the requests that are cancelled.
    :ivar early: requests that went on before they had slept as long as they were to.
    """

    def __init__(
        self, reference: Reference, program: Program, callers: Mapping[bytes, bytes]
    ) -> None:
        self.reference = reference
        self.program = program
        self.callers = callers
        self.clocks: dict[RequestId, Iterator[int]] = {}
        self.started: dict[bytes, tuple[str, str, bytes]] = {}
        self.answers: dict[bytes, Outcome] = {}
        self.cancelled: set[bytes] = set()
        self.early: list[str] = []
        self.heard: dict[tuple[RequestId, int], Outcome] = {}
        self.asked: dict[tuple[RequestId, int], tuple[str, bytes]] = {}
        self._known: dict[tuple[RequestId, int], Outcome] = {}

    def set_clocks(self, readings: Mapping[RequestId, Sequence[int]]) -> None:
        """The clock readings of the region that runs next."""
        self.clocks = {request: iter(times) for request, times in readings.items()}

    def unread(self) -> RequestId | None:
        """A request that has not read its clock as often as was recorded."""
        for request, times in self.clocks.items():
            if next(times, None) is not None:
                return request
        return None

    # --- running

    def resume(self, strand: Strand) -> None:
        """Run a strand until it pauses or ends."""
        if strand.greenlet is None:
            strand.greenlet = greenlet(self._body)
        strand.event = None
        strand.greenlet.switch(strand)

    def _body(self, strand: Strand) -> None:
        was_started = strand.id.is_root and strand.id.root in self.started
        read_only = strand.id.is_root and self._read_only(strand.service, strand.method)
        read_only = read_only and not was_started
        if was_started and strand.id.root in self.cancelled:
            strand.outcome = self.reference.codec.encode_exception(cancelled(REQUEST))
        else:
            frame = Frame(strand.id, read_only, strand)
            strand.outcome = self.execute(strand.service, strand.method, strand.args, frame)
        if was_started:
            self.answers[strand.id.root] = strand.outcome

    def execute(self, service: str, method: str, args: bytes, frame: Frame) -> Outcome:
        """Run a method to its end, in the greenlet of the caller: its outcome."""
        codec = self.reference.codec
        positional, named = codec.decode(args)
        inherited = UNBOUND if frame.strand is None else frame.strand.inherited
        call = service, method, positional, named, frame, inherited
        try:
            return Returned(codec.encode(self.reference.invoke(*call)))
        except (Exception, Cancelled) as crossed:
            own = crossed.__cause__
            kinds = Exception | Cancelled
            return codec.encode_exception(own if isinstance(own, kinds) else crossed)

    # --- what methods ask for

    def call(self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See :class:`compiler.api.runner.Runner`."""
        activation, frame = self._present()
        place = frame.take_place()
        if self._travels(activation, frame, service, method):
            child = Frame(frame.id.child(place), True, frame.strand)
            return self.reference.invoke(service, method, args, kwargs, child)
        self._depart(activation, place, service, method, (args, kwargs), waits=True)
        return self._deliver(activation, place)

    def spawn(
        self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """See :class:`compiler.api.runner.Runner`."""
        activation, frame = self._present()
        place = frame.take_place()
        if not self._travels(activation, frame, service, method):
            self._depart(activation, place, service, method, (args, kwargs), waits=False)
            return _Spawned(place)
        args, kwargs = self.reference.copy((args, kwargs))
        child = Frame(frame.id.child(place), True, frame.strand)
        try:
            return _Ended(self.reference.invoke(service, method, args, kwargs, child), None)
        except (Exception, Cancelled) as exception:
            return _Ended(None, exception)

    def join(self, handles: Sequence[object]) -> list[Any]:
        """See :class:`compiler.api.runner.Runner`."""
        activation, _ = self._present()
        results = []
        for handle in handles:
            if isinstance(handle, _Spawned):
                results.append(self._deliver(activation, handle.place))
                continue
            if isinstance(handle, _Asked):
                results.append(self._hear(handle))
                continue
            assert isinstance(handle, _Ended)
            if handle.exception is not None:
                raise handle.exception
            results.append(self.reference.copy(handle.result))
        return results

    def ask(self, function: Outside, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """See :class:`compiler.api.runner.Runner`."""
        _, frame = self._present()
        assert frame.strand is not None
        function.check(*args, **kwargs)
        encoded, place = self.reference.codec.encode((args, kwargs)), frame.take_place()
        frame.strand.pause(Boundary(place))
        self.asked[frame.id, place] = function.name, encoded
        return _Asked(frame.id, place, function.name)

    def _hear(self, asked: _Asked) -> Any:
        """An answer, which is an input of the region that it is taken in by."""
        where = asked.request, asked.place
        if where not in self._known:
            if where not in self.heard:
                raise Forbidden(
                    f"goes on{user_line()} with an answer of {asked.function} that is not recorded"
                )
            self._known[where] = self.heard[where]
        outcome, codec = self._known[where], self.reference.codec
        if isinstance(outcome, Raised):
            raise codec.decode_exception(outcome)
        assert isinstance(outcome, Returned)
        return codec.decode(outcome.value)

    def start(
        self,
        service: str,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        after: int,
        at: int,
    ) -> bytes:
        """See :class:`compiler.api.runner.Runner`."""
        _, frame = self._present()
        encoded = self.reference.codec.encode((args, kwargs))
        now = self.clock()
        place, due = frame.take_place(), max(now + after, at)
        root = started_root(self.program.secret, frame.id, place, due)
        self.reference.undo.record(self.started.pop, root, None)
        self.started[root] = service, method, encoded
        return root

    def sleep(self, nanoseconds: int) -> None:
        """See :class:`compiler.api.runner.Runner`."""
        self._wait(self.clock() + nanoseconds)

    def result(self, root: bytes) -> Any:
        """See :class:`compiler.api.runner.Runner`."""
        self._wait(None, lambda: root not in self.started or root in self.answers)
        if root not in self.started:
            raise LookupError(unknown(root))
        outcome, codec = self.answers[root], self.reference.codec
        if isinstance(outcome, Raised):
            raise of_another(codec.decode_exception(outcome))
        assert isinstance(outcome, Returned)
        return codec.decode(outcome.value)

    def event(self, event: bytes, at_most: int | None) -> Any:
        """See :class:`compiler.api.runner.Runner`."""
        happened = self.reference.happened
        until = None if at_most is None else self.clock() + at_most
        self._wait(until, lambda: event in happened)
        if event not in happened:
            raise TimeoutError(late(event))
        return happened.value(event)

    def signal(self, event: bytes, value: Any) -> None:
        """See :class:`compiler.api.runner.Runner`."""
        if self.reference.happened.signal(event, value):
            self.clock()

    def _wait(self, until: int | None, is_there: Callable[[], bool] = lambda: False) -> None:
        """A wait, which the region that follows has recorded the end of.

        Who goes on without what it waits for has waited until its time, or that of the timeout
        around that is over first: the clock then says so.
        """
        activation, frame = self._present()
        strand, bounds = frame.strand, activation.bounds
        assert strand is not None
        strand.pause(Boundary(frame.take_place()))
        if bounds.heeds and frame.id.root in self.cancelled:
            raise bounds.reach(REQUEST)
        if is_there():
            return
        ends = bounds.next(until)
        if ends is None:
            raise Forbidden("goes on without what it waits for")
        strand.awake, number = ends
        if number is not None:
            raise bounds.reach(number)

    def open_timeout(self, nanoseconds: int) -> int:
        """See :class:`compiler.api.runner.Runner`."""
        return self._present()[0].bounds.open(self.clock() + nanoseconds)

    def close_timeout(self, number: int) -> None:
        """See :class:`compiler.api.runner.Runner`."""
        self._present()[0].bounds.close(number)

    def cancel(self, root: bytes) -> None:
        """See :class:`compiler.api.runner.Runner`."""
        if root not in self.cancelled:
            self.reference.undo.record(self.cancelled.discard, root)
            self.cancelled.add(root)

    def begin(self) -> int:
        """See :class:`compiler.api.runner.Runner`."""
        activation, frame = self._present()
        place, strand = frame.take_place(), frame.strand
        if strand is not None and not frame.travelling and not self._in_transaction(activation):
            if strand.held_transaction:
                strand.pause(Boundary(place))
            strand.held_transaction = True
        return self.reference.undo.begin(activation)

    def commit(self, scope: int) -> None:
        """See :class:`compiler.api.runner.Runner`."""
        self.reference.undo.commit(self.reference.activation, scope)

    def rollback(self, scope: int) -> None:
        """See :class:`compiler.api.runner.Runner`."""
        self.reference.undo.rollback(self.reference.activation, scope)

    def clock(self) -> int:
        """See :class:`compiler.api.runner.Runner`."""
        _, frame = self._present()
        time = next(self.clocks.get(frame.id, iter(())), None)
        if time is None:
            raise Forbidden(f"reads the clock{user_line()}, which is not recorded")
        strand = frame.strand
        if strand is not None and time < strand.awake:
            who = f"{strand.service}.{strand.method} (request {strand.id})"
            seconds = (strand.awake - time) / 1e9
            self.early.append(f"{who} went on {seconds:g} s before it had slept to the end")
        return time

    def caller(self) -> Caller:
        """See :class:`compiler.api.runner.Runner`."""
        _, frame = self._present()
        return decode_caller(self.callers.get(frame.id.root, b""))

    def random(self) -> random.Random:
        """See :class:`compiler.api.runner.Runner`."""
        _, frame = self._present()
        if frame.stream is None:
            frame.stream = request_chance(self.program.secret, frame.id)
        return frame.stream

    # --- inside

    def _present(self) -> tuple[Activation, Frame]:
        activation = self.reference.activation
        assert activation is not None
        return activation, activation.tag

    def _read_only(self, service: str, method: str) -> bool:
        found = self.program.method(service, method)
        return found is not None and found.facts.read_only

    def _in_transaction(self, activation: Activation) -> bool:
        return any(scope.owner is activation for scope in self.reference.undo.open)

    def _travels(self, activation: Activation, frame: Frame, service: str, method: str) -> bool:
        return (
            frame.travelling or self._read_only(service, method) or self._in_transaction(activation)
        )

    def _depart(
        self,
        activation: Activation,
        place: int,
        service: str,
        method: str,
        args: object,
        waits: bool,
    ) -> None:
        strand, inherited = activation.tag.strand, activation.bounds.inherit(place)
        encoded = self.reference.codec.encode(args)
        strand.pause(Boundary(place, service, method, encoded, waits, inherited))

    def _deliver(self, activation: Activation, place: int) -> Any:
        strand: Strand | None = activation.tag.strand
        assert strand is not None
        while strand.children[place].outcome is None:
            strand.pause(Waiting(place))
        outcome = strand.children[place].outcome
        codec = self.reference.codec
        if isinstance(outcome, Raised):
            exception = codec.decode_exception(outcome)
            if isinstance(exception, Cancelled):
                raise activation.bounds.arrived(place, exception)
            raise exception
        assert isinstance(outcome, Returned)
        return codec.decode(outcome.value)
