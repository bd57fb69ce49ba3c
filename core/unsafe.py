"""The protocol switched off: the baseline that measurements are made against.

:func:`unsafe` has the signature of :func:`core.attempt.attempt` and asks its host
for the same effects, so every host runs it unchanged. It runs the same compiled
methods the way a service without any protocol would:

* a read takes a read version and reads at it; the next read takes a new one;
* a write is one commit of that one mutation, which conflicts with nothing. So that it
  costs one round trip, it is made at whatever version the attempt saw last;
* transactions begin and end, and mean nothing;
* a call is sent, and its answer is waited for; nothing travels, nothing is remembered.

What that loses, and what the checks of the simulator see of it:

* a request that is executed again, after a crash or a lost answer or by a slow
  survivor, writes again (``exactly_once``), reads other values and another clock, and
  may answer otherwise; one that is given up half-way stays half-done for ever;
* what stands between a read and a write is not protected: updates are lost
  (``strict_serializable``, the application's invariants);
* what an aborted transaction wrote stays, and half of a transaction can be seen;
* a commit whose fate is unknown is made once more, though it may be applied twice.

Where nothing fails, nothing is aborted, and neither requests nor the parallel calls of
one request meet on the same data, it is the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any

from core import effects
from core.acceptance import accept
from core.callers import decode_caller
from core.calls import UserError
from core.chance import Chance, request_chance
from core.errors import (
    Cancelled,
    StoreError,
    TooLarge,
    TransactionException,
    Unfamiliar,
    Unknown,
    UnsupportedValue,
)
from core.exceptions import answerable
from core.messages import Failed, Outcome, Reply, Request, Returned
from core.ports import Commit, Effect, Now, Pause, Read, ReadVersion, Receive, Send, Steps
from core.program import Method, Program
from core.revisions import told
from core.scopes import left_open
from core.store import Clear, ClearRange, Mutation, Pairs, Set

__all__ = ["unsafe"]


_TRIES = 10
"""A state access is given up when the store has refused it so many times in a row."""


def unsafe(program: Program, request: Request, name: str) -> Generator[Effect, Any, Reply]:
    """Execute ``request`` once, without any protocol.

    :param name: names this attempt; unique among all attempts.
    :returns: the reply. A host that gives up simply drops the generator.
    """
    if program.beyond_baselines:
        return Reply(request.id, Failed("BadRequest", True, program.beyond_baselines))
    try:
        method, args, kwargs = accept(program, request)
    except Unfamiliar as error:
        return Reply(request.id, told(request.id, error, (yield Now(f"{name}.told"))))
    outcome = yield from _Execution(program, request, method, name).run(args, kwargs)
    return Reply(request.id, outcome)


class _GivenUp(Exception):
    """The execution cannot go on; what it has done stays."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__()
        self.failed = outcome


class _Execution:
    """State of one execution; :meth:`run` runs it."""

    def __init__(self, program: Program, request: Request, method: Method, name: str) -> None:
        self._program = program
        self._request = request
        self._method = method
        self._name = name
        self._version = 0
        self._units = 0
        self._writes = 0
        self._acted = False
        self._place = 0
        self._scopes: list[int] = []
        self._tickets: dict[int, int] = {}
        self._answers: dict[int, Outcome] = {}
        self._random: Chance | None = None

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Generator[Effect, Any, Outcome]:
        """Run the method to its end, and wait for the calls that it did not wait for."""
        instance = self._program.services[self._method.service].instance
        coroutine = self._method.function(instance, *args, **kwargs)
        try:
            outcome = yield from self._drive(coroutine)
            yield from self._receive(list(self._tickets))
        except _GivenUp as given_up:
            return given_up.failed
        finally:
            with suppress(Exception):  # whatever a ``finally`` of the user raises: nobody listens
                coroutine.close()
        return outcome

    def _drive(self, coroutine: Coroutine[Any, Any, Any]) -> Generator[Effect, Any, Outcome]:
        """Send answers to user code until it ends."""
        answer: Any = None
        error: Exception | Cancelled | None = None
        while True:
            try:
                effect = coroutine.send(answer) if error is None else coroutine.throw(error)
            except StopIteration as stop:
                return self._returned(stop.value)
            except BaseException as exception:
                return self._program.codec.encode_exception(answerable(exception))
            error = None
            try:
                answer = yield from _HANDLERS[type(effect)](self, effect)
            except UserError as raised:
                error = raised.exception

    def _returned(self, value: Any) -> Outcome:
        codec = self._program.codec
        if self._scopes:
            return codec.encode_exception(left_open(self._method))
        try:
            return Returned(codec.encode(value))
        except UnsupportedValue as error:
            return codec.encode_exception(error)

    # --- state

    def _unit(self) -> str:
        """Names what was read since the last write or call, up to the next."""
        return f"{self._name}.{self._units}"

    def _ask(self, effect: Callable[[int], Effect]) -> Steps:
        """Ask the store for ``effect`` of a version; again, at a new version, if it refuses."""
        for tried in range(1, _TRIES + 1):
            try:
                if not self._version:
                    self._version = yield ReadVersion()
                return (yield effect(self._version))
            except TooLarge as error:
                raise _GivenUp(Failed("TooLarge", not self._acted, str(error))) from None
            except StoreError as error:
                self._acted |= isinstance(error, Unknown)
                self._version, refused = 0, str(error)
            if tried < _TRIES:
                yield Pause(tried)
        text = f"the store refused {_TRIES} times in a row, at last because {refused}"
        raise _GivenUp(Failed("Interrupted", False, text))

    def _get(self, effect: effects.Get) -> Steps:
        self._version = 0
        unit = self._unit()
        values, _ = yield from self._ask(lambda version: Read(unit, version, (effect.key,)))
        return values[0]

    def _scan(self, effect: effects.Scan) -> Generator[Effect, Any, Pairs]:
        self._version = 0
        unit, wanted = self._unit(), ((effect.begin, effect.end, effect.limit),)
        _, ranges = yield from self._ask(lambda version: Read(unit, version, (), wanted))
        pairs: Pairs = ranges[0]
        return pairs

    def _write(self, effect: effects.Put | effects.Delete | effects.DeleteRange) -> Steps:
        mutation: Mutation
        if isinstance(effect, effects.Put):
            mutation = Set(effect.key, effect.value)
        elif isinstance(effect, effects.Delete):
            mutation = Clear(effect.key)
        else:
            mutation = ClearRange(effect.begin, effect.end)
        request, place, units = self._request.id, self._writes, (self._unit(),)
        self._version = yield from self._ask(
            lambda version: Commit(request, place, place + 1, units, version, [], [mutation])
        )
        self._acted = True
        self._writes += 1
        self._units += 1

    # --- calls

    def _call(self, effect: effects.Call) -> Steps:
        place = yield from self._send(effect)
        yield from self._receive([place])
        return self._deliver(place)

    def _spawn(self, effect: effects.Spawn) -> Steps:
        return effects.Future((yield from self._send(effect)))

    def _join(self, effect: effects.Join) -> Steps:
        places = [future.place for future in effect.futures]
        yield from self._receive(places)
        return [self._deliver(place) for place in places]

    def _send(self, effect: effects.Call | effects.Spawn) -> Generator[Effect, Any, int]:
        place, request = self._take_place(), self._request
        try:
            self._program.fit(effect.service, effect.method, effect.args, effect.kwargs)
            args = self._program.codec.encode((effect.args, effect.kwargs))
        except (TypeError, UnsupportedValue) as error:
            raise UserError(error) from None
        self._acted = True
        self._units += 1
        self._tickets[place] = yield Send(
            Request(
                request.id.child(place),
                effect.service,
                effect.method,
                args,
                request.origin,
                last=False,
                deadline=request.deadline,
            )
        )
        return place

    def _receive(self, places: list[int]) -> Steps:
        waiting = [place for place in dict.fromkeys(places) if place not in self._answers]
        if not waiting:
            return
        replies = yield Receive(tuple(self._tickets[place] for place in waiting))
        self._units += 1
        for place, reply in zip(waiting, replies, strict=True):
            if isinstance(reply.outcome, Failed):
                text = f"a call failed: {reply.outcome.kind}: {reply.outcome.text}"
                raise _GivenUp(Failed("Interrupted", False, text))
            self._answers[place] = reply.outcome

    def _deliver(self, place: int) -> Any:
        outcome, codec = self._answers[place], self._program.codec
        if isinstance(outcome, Returned):
            return codec.decode(outcome.value)
        assert not isinstance(outcome, Failed)
        exception = codec.decode_exception(outcome)
        if isinstance(exception, TransactionException):
            self._leave(effects.INNERMOST)
        raise UserError(exception)

    def _take_place(self) -> int:
        """The next place of the program: calls have the ids that the protocol gives them."""
        place = self._place
        self._place += 1
        return place

    # --- time and chance

    def _clock(self, _: effects.Clock) -> Steps:
        return (yield Now(self._unit()))

    def _caller(self, _: effects.Asker) -> Steps:
        yield from ()
        return decode_caller(self._request.origin.caller)

    def _random_stream(self, _: effects.Random) -> Steps:
        if self._random is None:
            self._random = request_chance(self._program.secret, self._request.id)
        yield from ()
        return self._random

    # --- transactions: their scopes are kept, for the exceptions that misuse of them raises

    def _begin(self, _: effects.Begin) -> Steps:
        yield from ()
        place = self._take_place()
        self._scopes.append(place)
        return place

    def _commit_transaction(self, effect: effects.CommitTransaction) -> Steps:
        yield from ()
        if effect.scope == effects.INNERMOST and not self._scopes:
            raise UserError(TransactionException("there is no open transaction to commit"))
        self._leave(effect.scope)

    def _rollback(self, effect: effects.Rollback) -> Steps:
        yield from ()
        self._leave(effect.scope)

    def _leave(self, scope: int) -> None:
        """End a scope and those inside it, if it has not ended before."""
        if scope in self._scopes:
            del self._scopes[self._scopes.index(scope) :]
        elif scope == effects.INNERMOST and self._scopes:
            self._scopes.pop()


_HANDLERS: dict[type, Any] = {
    effects.Get: _Execution._get,
    effects.Scan: _Execution._scan,
    effects.Put: _Execution._write,
    effects.Delete: _Execution._write,
    effects.DeleteRange: _Execution._write,
    effects.Clock: _Execution._clock,
    effects.Random: _Execution._random_stream,
    effects.Asker: _Execution._caller,
    effects.Begin: _Execution._begin,
    effects.CommitTransaction: _Execution._commit_transaction,
    effects.Rollback: _Execution._rollback,
    effects.Call: _Execution._call,
    effects.Spawn: _Execution._spawn,
    effects.Join: _Execution._join,
}
