"""One execution of a request under the paper's protocol.

It drives the compiled method, a coroutine, and answers each of its effects by accesses
(:mod:`core.popl23.access`), one after the other. Where the prototype's services begin a
transaction again by a loop of their own, this does it for them: the method is run anew and told
what it was told before the transaction began, then goes on live.

What the prototype forbids or leaves open, decided here:

* A transaction inside another one joins it. If it is aborted, all of it is: whatever the method
  still does in it raises TransactionException.
* Each try at a transaction has an id of its own, the request's with a number: a late message to
  abort the last try does not touch this one.
* Calls that the method has not waited for have ended when their transaction, or the method, does.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any

from core import effects
from core.acceptance import accept
from core.callers import decode_caller
from core.calls import UserError
from core.chance import Chance, execution_chance
from core.errors import Cancelled, TransactionException, Unfamiliar, UnsupportedValue
from core.exceptions import answerable
from core.layout import transaction_id
from core.messages import Failed, Inside, Outcome, Raised, Reply, Request, Returned
from core.popl23.access import AGAIN, Access, GivenUp
from core.popl23.log import Callee
from core.popl23.objects import (
    Operation,
    fields_of,
    instance_of,
    is_whole,
    objects_of,
    run,
    whole_content,
)
from core.popl23.operations import (
    Locked,
    alone,
    as_a_transaction,
    content_together,
    inside,
    unprotected,
)
from core.popl23.part import Part
from core.popl23.switches import Switches
from core.ports import Effect, Now, Receive, Send, Steps
from core.program import Method, Program
from core.revisions import told
from core.scopes import left_open

__all__ = ["popl23"]

ABORTED = "Aborted"
"""What a callee says whose access found a lock taken: its part is aborted."""

_Answer = Callable[[Any], Any]
"""Makes the answer to an effect, also when the method is run anew; may raise UserError."""
_Answers = Generator[Effect, Any, _Answer]


def popl23(switches: Switches) -> Callable[[Program, Request, str], Generator[Effect, Any, Reply]]:
    """The protocol with these switches, in the shape of :func:`core.attempt.attempt`."""

    def execute(program: Program, request: Request, name: str) -> Generator[Effect, Any, Reply]:
        sent = request.inside
        if sent is not None and sent.word != "execute":
            execution = _Execution(program, request, name, switches)
            return Reply(request.id, (yield from execution.end(sent.word == "commit")))
        try:
            method, args, kwargs = accept(program, request)
        except Unfamiliar as error:
            return Reply(request.id, told(request.id, error, (yield Now(f"{name}.0.0"))))
        execution = _Execution(program, request, name, switches)
        outcome = yield from execution.run(method, args, kwargs)
        return Reply(request.id, outcome, aborted=execution.aborted)

    return execute


class _Execution:
    """State of one execution.

    :ivar _joined: whether the transaction is the caller's.
    :ivar _part: the transaction's part in this service, in a transaction.
    :ivar _scopes: the open transactions of this method; all but the first have joined it.
    :ivar _doomed: whether the transaction is aborted, but the method still stands in it.
    :ivar _past: the kind of each effect of the method, with what makes its answer.
    :ivar _begun: how many there were when the outermost transaction began.
    """

    def __init__(self, program: Program, request: Request, name: str, switches: Switches) -> None:
        self._program = program
        self._request = request
        self._switches = switches
        self._access = Access(request.id, name, switches.log)
        self._name = name
        self._tries = 0
        self._place = 0
        self._tickets: dict[int, int] = {}
        self._answers: dict[int, Reply] = {}
        self._part: Part | None = None
        self._scopes: list[int] = []
        self._doomed = False
        self._past: list[tuple[type, _Answer]] = []
        self._begun = 0
        self._random: Chance
        self._joined = request.inside is not None
        if request.inside is not None and switches.transactions:
            self._part = Part(request.inside.transaction, request.service, switches.waits)

    @property
    def aborted(self) -> bool:
        """Whether the part in the caller's transaction is aborted, so that the rest has to be."""
        return self._joined and self._doomed

    def run(
        self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Generator[Effect, Any, Outcome]:
        """Run the method to its end."""
        service = self._program.services[method.service]
        try:
            yield from self._make_sure()
            while True:
                # Arguments are decoded anew for each run: the method may have changed them.
                coroutine = method.function(instance_of(service), *args, **kwargs)
                try:
                    return (yield from self._drive(method, coroutine))
                except Locked:
                    yield from self._abort()
                    if self._joined:
                        return Failed(ABORTED, False, "another transaction holds a lock")
                finally:
                    with suppress(Exception):  # a ``finally`` of the user's: nobody listens
                        coroutine.close()
                self._scopes.clear()
                del self._past[self._begun :]
                args, kwargs = self._program.codec.decode(self._request.args)
                yield AGAIN
        except GivenUp as given_up:
            return given_up.failed

    def _make_sure(self) -> Steps:
        """See to it that the objects exist that are whole fields."""
        initial, buckets = self._program.initial, self._switches.buckets
        for field in fields_of(self._program.services[self._request.service]):
            if is_whole(field, buckets):
                own = {key: each for key, each in initial.items() if key.startswith(field.prefix)}
                (name,) = objects_of(Operation(field, "load", (), {}), buckets)
                yield from self._access.make_sure(name, whole_content(own))

    def _drive(
        self, method: Method, coroutine: Coroutine[Any, Any, Any]
    ) -> Generator[Effect, Any, Outcome]:
        """Send answers to user code until it ends: those that it had before, then new ones."""
        self._random = execution_chance(self._program.secret, self._request.id, self._name)
        answer: Any = None
        error: Exception | Cancelled | None = None
        known = 0
        while True:
            try:
                effect = coroutine.send(answer) if error is None else coroutine.throw(error)
            except StopIteration as stop:
                return (yield from self._ended(method, stop.value))
            except BaseException as exception:
                return (yield from self._raised(answerable(exception)))
            error = None
            try:
                if known == len(self._past):
                    again = yield from _HANDLERS[type(effect)](self, effect)
                    self._past.append((type(effect), again))
                answer = self._told(known, effect)
            except UserError as raised:
                if known == len(self._past):
                    self._past.append((type(effect), _raises(raised.exception)))
                error = raised.exception
            known += 1

    def _told(self, place: int, effect: Any) -> Any:
        kind, again = self._past[place]
        if kind is not type(effect):
            text = f"run anew, the method asked for {type(effect).__name__}, not {kind.__name__}"
            raise GivenUp(Failed("NondeterminismError", False, text))
        return again(effect)

    def _ended(self, method: Method, value: Any) -> Generator[Effect, Any, Outcome]:
        codec = self._program.codec
        if self._scopes:
            return (yield from self._raised(left_open(method)))
        yield from self._settle()
        if self._doomed:
            return codec.encode_exception(_aborted())
        try:
            return Returned(codec.encode(value))
        except UnsupportedValue as error:
            return codec.encode_exception(error)

    def _raised(self, error: Exception | Cancelled) -> Generator[Effect, Any, Outcome]:
        if self._scopes:
            yield from self._undo(self._scopes[0])
        yield from self._settle()
        return self._program.codec.encode_exception(error)

    # --- state

    def _operate(self, effect: Operation) -> _Answers:
        self._see_that_it_stands()
        buckets = self._switches.buckets
        names = objects_of(effect, buckets)
        found: list[bytes | None] = []
        if names and self._part is not None:
            found = yield from inside(self._access, effect, names, self._part, buckets)
        elif names and self._switches.transactions and is_whole(effect.field, buckets):
            part = self._new_part()
            found = yield from as_a_transaction(self._access, effect, names, part, buckets)
        elif names and is_whole(effect.field, buckets):
            found = yield from unprotected(self._access, effect, names, buckets)
        elif names:
            locks = self._switches.transactions
            found = yield from alone(self._access, effect, names, locks, buckets)
        content = content_together(found)

        def answer(asked: Operation) -> Any:
            ran = run(asked, content)
            if ran.error is not None:
                raise UserError(ran.error)
            return ran.result

        return answer

    # --- calls

    def _call(self, effect: effects.Call) -> _Answers:
        place = yield from self._send(effect)
        yield from self._receive([place])
        return lambda _: self._deliver(place)

    def _spawn(self, effect: effects.Spawn) -> _Answers:
        place = yield from self._send(effect)
        return lambda _: effects.Future(place)

    def _join(self, effect: effects.Join) -> _Answers:
        places = [future.place for future in effect.futures]
        yield from self._receive(places)
        return lambda _: [self._deliver(place) for place in places]

    def _send(self, effect: effects.Call | effects.Spawn) -> Generator[Effect, Any, int]:
        self._see_that_it_stands()
        try:
            args = self._program.codec.encode((effect.args, effect.kwargs))
        except UnsupportedValue as error:
            raise UserError(error) from None
        callee, part = Callee(effect.service, effect.method), self._part
        yield from self._access.calls(part, callee)
        inside = Inside(part.transaction, "execute") if part is not None else None
        place, request = self._message(callee, args, inside)
        self._access.acted = True
        self._tickets[place] = yield Send(request, once=True)
        return place

    def _message(self, callee: Callee, args: bytes, inside: Inside | None) -> tuple[int, Request]:
        """The next call, under the id that a second execution gives it, too."""
        place, own = self._place, self._request
        self._place += 1
        request = Request(
            own.id.child(place),
            callee.service,
            callee.method,
            args,
            own.origin,
            last=False,
            deadline=own.deadline if inside is None or inside.word == "execute" else 0,
            inside=inside,
        )
        return place, request

    def _receive(self, places: list[int]) -> Steps:
        """Wait for calls, all of them, before one that failed ends the transaction."""
        waiting = [place for place in dict.fromkeys(places) if place not in self._answers]
        if waiting:
            replies = yield Receive(tuple(self._tickets[place] for place in waiting))
            self._answers.update(zip(waiting, replies, strict=True))
        outcomes = [self._answers[place].outcome for place in places]
        failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        for outcome in failures:
            if outcome.kind != ABORTED:
                text = f"a call failed: {outcome.kind}: {outcome.text}"
                raise GivenUp(Failed("Interrupted", False, text))
        if failures:
            raise Locked
        if self._part is not None and any(_aborts(self._answers[place]) for place in places):
            yield from self._undo(effects.INNERMOST)

    def _settle(self) -> Steps:
        """Wait for the calls that the method has not waited for."""
        yield from self._receive([each for each in self._tickets if each not in self._answers])

    def _deliver(self, place: int) -> Any:
        outcome, codec = self._answers[place].outcome, self._program.codec
        if isinstance(outcome, Returned):
            return codec.decode(outcome.value)
        assert isinstance(outcome, Raised)
        raise UserError(codec.decode_exception(outcome))

    # --- time and chance: not logged, so a second execution sees others

    def _clock(self, _: effects.Clock) -> _Answers:
        now = yield Now(self._access.unit())
        return lambda _: now

    def _chance(self, _: effects.Random) -> _Answers:
        yield from ()
        return lambda _: self._random

    def _caller(self, _: effects.Asker) -> _Answers:
        caller = decode_caller(self._request.origin.caller)
        yield from ()
        return lambda _: caller

    # --- transactions

    def _see_that_it_stands(self) -> None:
        if self._doomed:
            raise UserError(_aborted())

    def _new_part(self) -> Part:
        self._tries += 1
        name = transaction_id(self._request.id, self._tries)
        return Part(name, self._request.service, self._switches.waits)

    def _begin(self, _: effects.Begin) -> _Answers:
        yield from ()
        self._see_that_it_stands()
        scope = len(self._past)
        if not self._scopes and not self._joined:
            self._begun = scope
            if self._switches.transactions:
                self._part = self._new_part()
        self._scopes.append(scope)
        return lambda _: scope

    def _commit(self, effect: effects.CommitTransaction) -> _Answers:
        scope = effect.scope
        if scope == effects.INNERMOST:
            if not self._scopes:
                raise UserError(TransactionException("there is no open transaction to commit"))
            scope = self._scopes[-1]
        if scope in self._scopes:
            if self._doomed:
                self._leave(scope)
                raise UserError(_aborted())
            if scope == self._scopes[0] and not self._joined and self._part is not None:
                yield from self._settle()
                self._see_that_it_stands()
                part, self._part = self._part, None
                yield from self._end(part, commits=True)
            self._leave(scope)
        return _nothing

    def _rollback(self, effect: effects.Rollback) -> _Answers:
        if effect.scope == effects.INNERMOST or effect.scope in self._scopes:
            yield from self._undo(effect.scope)
        return _nothing

    def _undo(self, scope: int) -> Steps:
        """End a scope, and abort the whole transaction."""
        if self._part is not None and not self._doomed:
            self._doomed = True
            yield from self._abort()
        self._leave(scope)

    def _leave(self, scope: int) -> None:
        """End a scope and those inside it, if it has not ended before."""
        if scope in self._scopes:
            del self._scopes[self._scopes.index(scope) :]
        elif scope == effects.INNERMOST and self._scopes:
            self._scopes.pop()
        if not self._scopes and not self._joined:
            self._doomed = False

    def _abort(self) -> Steps:
        """Abort the part, when all calls have come back."""
        with suppress(Locked):
            yield from self._settle()
        part = self._part
        assert part is not None
        if not self._joined:
            self._part = None
        yield from self._end(part, commits=False)

    def _end(self, part: Part, commits: bool) -> Steps:
        """End a part and tell its callees, in nobody's way."""
        record = yield from self._access.end(part, commits)
        for callee in record.callees:
            yield from self._access.calls(None, callee)
            word = "commit" if commits else "abort"
            nothing = self._program.codec.encode(((), {}))
            _, request = self._message(callee, nothing, Inside(part.transaction, word))
            yield Send(request, once=True, awaited=False)

    def end(self, commits: bool) -> Generator[Effect, Any, Outcome]:
        """Do what a message says: end the part of its transaction here."""
        try:
            if self._part is not None:
                yield from self._end(self._part, commits)
        except GivenUp as given_up:
            return given_up.failed
        return Returned(self._program.codec.encode(None))


def _aborted() -> TransactionException:
    return TransactionException("the transaction was aborted further in, and all of it with that")


def _aborts(reply: Reply) -> bool:
    """Whether a callee ends the transaction that it was called in."""
    outcome = reply.outcome
    kind = TransactionException.__name__
    return reply.aborted or (isinstance(outcome, Raised) and outcome.type == kind)


def _raises(exception: Exception | Cancelled) -> _Answer:
    def again(_: Any) -> Any:
        raise UserError(exception)

    return again


def _nothing(_: Any) -> None:
    return None


_HANDLERS: dict[type, Any] = {
    Operation: _Execution._operate,
    effects.Clock: _Execution._clock,
    effects.Random: _Execution._chance,
    effects.Asker: _Execution._caller,
    effects.Begin: _Execution._begin,
    effects.CommitTransaction: _Execution._commit,
    effects.Rollback: _Execution._rollback,
    effects.Call: _Execution._call,
    effects.Spawn: _Execution._spawn,
    effects.Join: _Execution._join,
}
