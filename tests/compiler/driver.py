"""Runs compiled methods over a plain dict, one call at a time, beside the reference run."""

import gc
import random
import textwrap
import types

from compiler.application import load
from core import effects
from core.callers import NOBODY, decode_caller, encode_caller
from core.errors import TransactionException
from core.ids import RequestId

ROOT = RequestId(b"0" * 16)


class Clock:
    """A clock that goes on by a second at each reading."""

    def __init__(self):
        self.now = 1_700_000_000_000_000_000

    def __call__(self):
        self.now += 1_000_000_000
        return self.now


class Activation:
    """One running method.

    :ivar above: the methods that called it, and theirs.
    :ivar trace: what it asked for, at which depth of transactions, and on which line.
    :ivar places: the future that a spawn, by its index in the trace, was answered with.
    """

    def __init__(self, service, method, above=()):
        self.service = service
        self.method = method
        self.above = above
        self.trace = []
        self.places = {}


class Scope:
    def __init__(self, activation, number, before):
        self.activation = activation
        self.number = number
        self.before = before


class Driver:
    """Executes a program; ``store`` is its whole state."""

    def __init__(self, program, initial, rng):
        self.program = program
        self.store = dict(initial)
        self.rng = rng
        self.asking = NOBODY
        self.clock = Clock()
        self.scopes = []
        self.count = 0
        self.running = []
        self.effects = []
        self.futures = {}
        self.activations = {}

    def run(self, service, method, args=(), kwargs=None):
        """The result of a call as a client makes it, or its exception."""
        args, kwargs = self.copy((args, kwargs or {}))
        found = self.program.method(service, method)
        coroutine = found.function(self.program.services[service].instance, *args, **kwargs)
        activation = Activation(service, method, tuple(self.running))
        self.running.append(activation)
        try:
            result = self.copy(self.drive(coroutine, activation))
        except BaseException:
            self.leave(activation, undo=True)
            raise
        finally:
            self.running.pop()
        if self.leave(activation, undo=True):
            raise TransactionException(
                f"{service}.{method} returned with a transaction open: commit or abort it before"
            )
        return result

    def copy(self, value):
        return self.program.codec.decode(self.program.codec.encode(value))

    def leave(self, activation, undo, number=None):
        """End the scopes of an activation, from the outermost that fits on."""
        for index, scope in enumerate(self.scopes):
            if scope.activation is activation and number in (None, scope.number):
                if undo:
                    self.store = dict(scope.before)
                del self.scopes[index:]
                return True
        return False

    def end(self, activation, number, undo):
        mine = [s.number for s in self.scopes if s.activation is activation]
        if number == effects.INNERMOST:
            if not mine:
                return False
            number = mine[-1]
        return number in mine and self.leave(activation, undo, number)

    def drive(self, coroutine, activation):
        answer = error = None
        while True:
            try:
                effect = coroutine.throw(error) if error else coroutine.send(answer)
            except StopIteration as stop:
                return stop.value
            self.effects.append(effect)
            depth = sum(scope.activation is activation for scope in self.scopes)
            activation.trace.append((effect, depth, line_of(coroutine)))
            self.activations[id(activation)] = activation
            answer = error = None
            try:
                answer = self.perform(effect, activation)
            except Exception as exception:
                error = exception

    def call(self, effect, activation, fails=True):
        try:
            return self.run(effect.service, effect.method, effect.args, effect.kwargs)
        except TransactionException:
            if fails:
                self.end(activation, effects.INNERMOST, undo=True)
            raise

    def perform(self, effect, activation):
        match effect:
            case effects.Get(key):
                return self.store.get(key)
            case effects.Scan(begin, end, limit):
                found = sorted((k, v) for k, v in self.store.items() if begin <= k < end)
                return found[:limit] if limit else found
            case effects.Put(key, value):
                self.store[key] = value
            case effects.Delete(key):
                self.store.pop(key, None)
            case effects.DeleteRange(begin, end):
                self.store = {k: v for k, v in self.store.items() if not begin <= k < end}
            case effects.Call():
                return self.call(effect, activation)
            case effects.Spawn():
                future = effects.Future(len(self.futures))
                activation.places[len(activation.trace) - 1] = future.place
                try:
                    outcome = (self.call(effect, activation, fails=False), None)
                except Exception as exception:
                    outcome = (None, exception)
                self.futures[id(future)] = (future, outcome)
                return future
            case effects.Join(futures):
                return self.join(futures, activation)
            case effects.Begin():
                self.count += 1
                self.scopes.append(Scope(activation, self.count, dict(self.store)))
                return self.count
            case effects.CommitTransaction(scope):
                if not self.end(activation, scope, undo=False) and scope == effects.INNERMOST:
                    raise TransactionException("there is no open transaction to commit")
            case effects.Rollback(scope):
                self.end(activation, scope, undo=True)
            case effects.Clock():
                return self.clock()
            case effects.Asker():
                return decode_caller(encode_caller(self.asking))
            case effects.Random():
                return self.rng
            case _:
                raise AssertionError(effect)
        return None

    def join(self, futures, activation):
        results = []
        for future in futures:
            result, error = self.futures[id(future)][1]
            if error is not None:
                if isinstance(error, TransactionException):
                    self.end(activation, effects.INNERMOST, undo=True)
                raise error
            results.append(result)
        return results


def line_of(coroutine):
    """The line of the application at which a coroutine waits, in the innermost of its functions."""
    at = coroutine.cr_await
    line, file = 0, at.cr_frame.f_code.co_filename
    while at is not None:
        frame = getattr(at, "cr_frame", None) or getattr(at, "ag_frame", None)
        if frame is not None and frame.f_code.co_filename == file:
            line = frame.f_lineno
        at = getattr(at, "cr_await", None) or getattr(at, "ag_await", None) or generator_of(at)
    return line


def generator_of(step):
    """The asynchronous generator that a step of one belongs to, which does not tell; or None."""
    if type(step).__name__ not in ("async_generator_asend", "async_generator_athrow"):
        return None
    inside = gc.get_referents(step)
    return next((each for each in inside if isinstance(each, types.AsyncGeneratorType)), None)


HEADER = """\
from compiler import *
"""

count = 0


def write_app(folder, source, name=None):
    """Write a module; its path."""
    global count
    count += 1
    path = folder / f"{name or f'app{count}'}.py"
    path.write_text(HEADER + textwrap.dedent(source))
    return path


def compiled(folder, source, name=None):
    return load(write_app(folder, source, name))


def outcome(run, *call):
    try:
        return ("returned", run(*call))
    except Exception as error:
        return ("raised", type(error).__name__, str(error))


def compare(application, calls, seed=1):
    """Run calls compiled and plain; assert that answers and states are equal. The answers."""
    driver = Driver(application.program, application.initial_state(), random.Random(seed))
    reference = application.reference(clock=Clock(), rng=random.Random(seed))
    reference.load(application.initial_state())
    answers = []
    for target, *args in calls:
        service, method = target.split(".")
        plain = outcome(reference.run, service, method, tuple(args))
        ours = outcome(driver.run, service, method, tuple(args))
        assert ours == plain, f"{target}{args}\n{ours}\n{plain}"
        assert driver.store == reference.dump(), (target, args)
        answers.append(ours)
    return answers
