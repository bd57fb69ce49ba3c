"""One attempt at one request: the protocol.

:func:`attempt` is a generator: it yields the effects of :mod:`core.ports`, is
sent their answers, and returns the reply. It drives the compiled method, a
coroutine that yields the effects of :mod:`core.effects`, and decides what each
of them means for the store and for other services.

How it works (rule numbers are those of ``docs/protocol.md``):

* A request that may write runs in *owned* regions. A region opens lazily: its
  read version is taken when something must be read or sent along, and with its
  first read the request's journal is read from the region's place on. Finding
  a record turns the region into a replay; finding the method's outcome ends the
  attempt (rules 1, 2, 4).
* Before an effectful call leaves, and when the method ends, a region that took
  any input or wrote anything is committed together with its journal record, in
  conflict with that record's key (rules 2, 3), with the intent of the tree
  unless the commit is known to be the tree's only one (rule 5).
* In a transaction, and to read-only methods, calls *travel*: they take the
  region along and bring it back (rule 6). A read-only root request is a region
  that nobody commits.
* When the store refuses, the region's inputs are void. The attempt makes a new
  coroutine, feeds it what is already durable, and goes live from there (rule 8).
* What cannot be completed ends the attempt with a ``Failed`` outcome; it is
  never thrown into user code (rule 9).
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

from core import effects
from core.acceptance import accept
from core.accesses import Accesses
from core.admission import IN_TRANSACTION, admission
from core.aside import ended
from core.bounds import Bounds, Inherited
from core.callers import decode_caller
from core.calls import Calls, Stuck, UserError, failed
from core.chance import Chance, request_chance
from core.errors import (
    Asleep,
    Cancelled,
    Conflict,
    Failure,
    IdReused,
    NondeterminismError,
    StoreError,
    StoreUnavailable,
    TooLarge,
    TooOld,
    TooSlow,
    TransactionException,
    Unfamiliar,
    UnsupportedValue,
)
from core.events import Events
from core.exceptions import answerable
from core.journal import METHOD_END
from core.later import Later
from core.layout import DATA, LINES
from core.messages import Failed, Outcome, Reply, Request, Returned, Travelled
from core.ports import Commit, Effect, Now, Pause, ReadVersion, Release, Steps
from core.program import Method, Program
from core.regions import Answered, Regions
from core.revisions import told
from core.scopes import Scopes, left_open
from core.slowness import TOO_SLOW, Slowness, store_answers
from core.traces import standing
from core.waits import Waits

__all__ = ["Attempt", "attempt"]

_TAKE_TURNS = (DATA.begin, LINES.begin)
"""Where the keys are for which whoever is refused queues up."""
_MOST_FINALLY = 100
"""How many blocks of ``finally`` that want to act are left, at most, when user code is dropped."""


def attempt(program: Program, request: Request, name: str) -> Generator[Effect, Any, Reply]:
    """Execute ``request`` once.

    :param name: names this attempt; unique among all attempts.
    :returns: the reply. A host that gives up simply drops the generator.
    """
    try:
        method, args, kwargs = accept(program, request)
    except Unfamiliar as error:
        return Reply(request.id, told(request.id, error, (yield Now(f"{name}.told"))))
    return (yield from Attempt(program, request, method, args, kwargs, name).run())


class Attempt:
    """State of one attempt; :meth:`run` executes it."""

    def __init__(
        self,
        program: Program,
        request: Request,
        method: Method,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str,
    ) -> None:
        self.program = program
        self.request = request
        self.method = method
        self.args = args
        self.kwargs = kwargs
        self.name = name
        nothing_left = method.facts.read_only and not request.origin.started
        self.snapshot = request.travel is None and request.id.is_root and nothing_left
        self.travels = request.travel is not None or self.snapshot
        self.regions = Regions(request, name, self.snapshot, self.where, program.revision)
        self.scopes = Scopes(self.regions)
        ends = self.travels, self.where, self.end_region
        self.bounds = Bounds(Inherited(request.shielded, request.timeouts))
        self.calls = Calls(program, request, self.regions, self.scopes, self.bounds, *ends)
        self.waits = Waits(request, self.regions, self.scopes, self.calls, self.bounds, *ends)
        self.accesses = Accesses(self.regions, self.calls, self.where)
        uses = self.calls, self.waits, self.where, self.accesses.clock
        self.later = Later(program, request, self.regions, *uses)
        asked = request, self.regions, self.bounds
        self.admission = admission(program, method, args, kwargs, *asked)
        parts = self.regions, self.waits, self.accesses, self.where
        self.events = Events(program.codec, request.id, *parts)
        self._retry = 0
        self._slowness = Slowness()
        # Made anew by every execution:
        self.coroutine: Coroutine[Any, Any, Any]
        self._random: Chance | None = None

    def run(self) -> Generator[Effect, Any, Reply]:
        """Execute until there is an outcome; rewind when the store refuses (rule 8)."""
        verdict: Failed | None = None
        asleep: Asleep | None = None
        while True:
            try:
                if verdict is not None:
                    return self._reply((yield from self._fail(verdict)))
                if asleep is not None:
                    return self._reply((yield from self.later.rest(asleep)))
                return self._reply((yield from self._execute()))
            except Asleep as found:
                asleep = found if asleep is None else asleep.with_(found)
            except Answered as answered:
                return self._reply(answered.outcome)
            except Stuck as stuck:
                verdict = stuck.failed
            except TooLarge as error:
                verdict = Failed("TooLarge", True, f"{self.where()}: {error}")
            except NondeterminismError as error:
                return self._reply((yield from self._went_astray(error)))
            except StoreError as error:
                if self.request.travel is not None:
                    return self._reply((yield from self._told_caller(error)))
                verdict = yield from self._back_off(error)
            except IdReused as error:
                verdict = failed(error)
            except Unfamiliar as error:
                verdict = told(self.request.id, error, (yield Now(f"{self.name}.told")))
                if verdict.kind == Unfamiliar.__name__:
                    return self._reply(verdict)
            except Failure as failure:
                return self._reply(failed(failure))

    def _back_off(self, error: StoreError) -> Generator[Effect, Any, Failed | None]:
        """Wait before the method is run again, unless it will never fit the store's window."""
        yield from self._slowness.failed(error, self.regions.present)
        if self._slowness.is_certain:
            return failed(TooSlow(f"{self.where()}: {TOO_SLOW}"))
        keys = error.keys if isinstance(error, Conflict) else ()
        self._retry += 1
        if self._slowness.suspected:
            self.calls.deadline = 0  # the end is owed to whoever asks again
        contended = tuple(sorted(key for key in keys if key[:1] in _TAKE_TURNS))
        owed = self._slowness.suspected or self.calls.asking.has_answers
        yield Pause(self._retry, contended, owed, aborted=True)
        return None

    def _told_caller(self, error: StoreError) -> Generator[Effect, Any, Failed]:
        """What the caller of a travelling call is told: a version also grows old in an outage."""
        if isinstance(error, TooOld) and not (yield from store_answers(self.regions.present)):
            error = StoreUnavailable(str(error))
        return failed(error)

    def _reply(self, outcome: Outcome) -> Reply:
        regions, region, travelled = self.regions, self.regions.present, None
        if self.request.travel is not None and not isinstance(outcome, Failed):
            writes = region.writes.own()
            travelled = Travelled(region.reads, region.overlaid, writes, region.units)
        return Reply(
            self.request.id,
            outcome,
            travelled,
            regions.intent_recorded,
            regions.intent_cleared,
            region.version if self.snapshot else 0,
            region.units if self.snapshot else [],
        )

    def _fail(self, verdict: Failed) -> Generator[Effect, Any, Failed]:
        """End a method that no retry can complete (rule 8)."""
        yield from self.calls.drain()
        if self.travels:
            return verdict
        if verdict.kind != "IdReused":
            return (yield from self.regions.fail(verdict))
        if self.regions.intent_recorded:  # two trees with one id, and each did a part
            return (yield from self._set_aside(verdict))
        return verdict

    def _went_astray(self, error: NondeterminismError) -> Generator[Effect, Any, Failed]:
        """End a replay that asked for something else than the journal holds."""
        verdict = yield from self.regions.astray(error)
        aside = verdict.kind != Unfamiliar.__name__
        return (yield from self._set_aside(verdict)) if aside else verdict

    def _set_aside(self, why: Failed) -> Generator[Effect, Any, Failed]:
        """Keep a tree whose replay went astray for a person; its journal is as it is."""
        outcome = Failed("SetAside", False, why.text, why.kind)
        if self.travels:
            return outcome
        now = yield Now(f"{self.name}.aside")
        tree = self.request.id.root, self.request.origin, outcome, now
        try:
            version = yield ReadVersion()
            reads, mutations = yield from ended(*tree, version, self.name)
            yield Commit(None, 0, METHOD_END, (), version, reads, mutations)
        except StoreError as error:
            return failed(error)  # recovery comes here again
        return outcome

    def _execute(self) -> Generator[Effect, Any, Outcome]:
        """Run the method once from its start, replaying what is durable."""
        self.scopes.restart()
        self._random = None
        self.bounds.restart()
        self.calls.restart()
        self.regions.restart()
        outcome = yield from self._perform()
        yield from self.calls.receive_all()
        yield from self.calls.asking.hear_all()
        if not self.travels:
            yield from self.later.answered()
            yield from self.end_region(METHOD_END, outcome)
        return outcome

    def _perform(self) -> Generator[Effect, Any, Outcome]:
        """Run the method, if it is to begin at all: its outcome."""
        try:
            if self.admission is not None:
                if self.travels:  # to another revision it does not
                    raise Unfamiliar(f"{self.method.file}:{self.method.line}: {IN_TRANSACTION}")
                yield from self.admission.enter()
            if self.request.id.is_root and self.request.origin.started:
                yield from self.waits.begin()
        except UserError as never:
            return self.program.codec.encode_exception(never.exception)
        instance = self.program.services[self.method.service].instance
        self.coroutine = self.method.function(instance, *self.args, **self.kwargs)
        try:
            return (yield from self._drive())
        finally:
            self._discard()

    def end_region(self, end: int, outcome: Outcome | None = None) -> Steps:
        """End the region before ``end``; having got there, give back the turns taken."""
        if self.admission is not None:
            yield from self.admission.before(end)
        committed = yield from self.regions.end(end, outcome)
        if committed and self._retry:
            self._retry = 0
            self._slowness.forget()
            yield Release()

    def _discard(self) -> None:
        """Drop the coroutine without letting its ``finally`` blocks act."""
        for _ in range(_MOST_FINALLY):
            try:
                self.coroutine.close()
            except Exception:  # one that wanted to act, or whatever it raises: nobody listens
                continue
            return

    def _drive(self) -> Generator[Effect, Any, Outcome]:
        """Send answers to user code until it ends."""
        coroutine = self.coroutine
        answer: Any = None
        error: Exception | Cancelled | None = None
        codec = self.program.codec
        while True:
            codec.unreadable = None
            try:
                effect = coroutine.send(answer) if error is None else coroutine.throw(error)
            except StopIteration as stop:
                self._read_it_all()
                return (yield from self._returned(stop.value))
            except BaseException as exception:
                self._read_it_all()
                answer_to = answerable(exception)
                yield from self.calls.settle()
                self.scopes.undo_all()
                if isinstance(answer_to, Cancelled):
                    answer_to = self.bounds.left(answer_to)
                return self.program.codec.encode_exception(answer_to)
            error = None
            self._read_it_all()
            try:
                answer = yield from _HANDLERS[type(effect)](self, effect)
            except UserError as raised:
                error = raised.exception

    def _read_it_all(self) -> None:
        """See that user code was not given what cannot be read: whatever it made of that is void.

        :raises Unfamiliar: it was.
        """
        codec = self.program.codec
        if codec.unreadable is not None:
            why, codec.unreadable = str(codec.unreadable), None
            raise Unfamiliar(f"{self.where()}: {why}")

    def _returned(self, value: Any) -> Generator[Effect, Any, Outcome]:
        yield from self.calls.settle()
        codec = self.program.codec
        if self.scopes.undo_all():
            return codec.encode_exception(left_open(self.method))
        try:
            return Returned(codec.encode(value))
        except UnsupportedValue as error:
            return codec.encode_exception(error)

    def where(self) -> str:
        """``file:line`` of the statement that user code stands at."""
        return standing(self.coroutine, self.method.file, self.method.line)

    # --- what user code asks for

    def _random_stream(self, _: effects.Random) -> Steps:
        if self._random is None:
            self._random = request_chance(self.program.secret, self.request.id)
        yield from ()
        return self._random

    def _caller(self, _: effects.Asker) -> Steps:
        yield from ()
        return decode_caller(self.request.origin.caller)

    # --- transactions (rule 6)

    def _begin(self, _: effects.Begin) -> Steps:
        yield from self.calls.settle()
        place = self.regions.take_place()
        if not self.scopes and not self.travels:
            if self.regions.present.held_transaction:
                yield from self.end_region(place)
            self.regions.present.held_transaction = True
        self.scopes.begin(place)
        return place

    def _commit_transaction(self, effect: effects.CommitTransaction) -> Steps:
        yield from self.calls.settle()
        if effect.scope == effects.INNERMOST and not self.scopes:
            raise UserError(TransactionException("there is no open transaction to commit"))
        self.scopes.leave(effect.scope)

    def _rollback(self, effect: effects.Rollback) -> Steps:
        yield from self.calls.settle()
        self.scopes.roll_back(effect.scope)


_HANDLERS: dict[type, Any] = {
    effects.Get: lambda attempt, effect: attempt.accesses.get(effect),
    effects.Scan: lambda attempt, effect: attempt.accesses.scan(effect),
    **dict.fromkeys(
        (effects.Put, effects.Delete, effects.DeleteRange),
        lambda attempt, effect: attempt.accesses.write(effect),
    ),
    effects.Clock: lambda attempt, _: attempt.accesses.clock(),
    effects.Start: lambda attempt, effect: attempt.later.start(effect),
    effects.OpenTimeout: lambda attempt, effect: attempt.later.open_timeout(effect),
    effects.CloseTimeout: lambda attempt, effect: attempt.later.close_timeout(effect),
    effects.Cancel: lambda attempt, effect: attempt.later.cancel(effect),
    effects.Sleep: lambda attempt, effect: attempt.later.sleep(effect),
    effects.Result: lambda attempt, effect: attempt.later.result(effect),
    effects.Event: lambda attempt, effect: attempt.events.wait(effect),
    effects.Signal: lambda attempt, effect: attempt.events.signal(effect),
    effects.Random: Attempt._random_stream,
    effects.Asker: Attempt._caller,
    effects.Begin: Attempt._begin,
    effects.CommitTransaction: Attempt._commit_transaction,
    effects.Rollback: Attempt._rollback,
    effects.Call: lambda attempt, effect: attempt.calls.call(effect),
    effects.Spawn: lambda attempt, effect: attempt.calls.spawn(effect),
    effects.Join: lambda attempt, effect: attempt.calls.join(effect),
    effects.Outside: lambda attempt, effect: attempt.calls.ask(effect),
}
