"""The reference run: the uncompiled classes as they are, one request at a time.

Its answers and its state are what the compiled application is measured against.
Each service is one object of a subclass of the user's class whose persistent
fields are properties. A call runs in an activation of its own, on copies of its
arguments; what it returns or raises is copied back.
"""

from __future__ import annotations

import functools
import inspect
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any

from compiler.api.access import access
from compiler.api.activation import Activation
from compiler.api.containers import (
    Keeper,
    StoredDict,
    StoredField,
    StoredList,
    StoredSet,
    make_field,
)
from compiler.api.current import PlainRun
from compiler.api.futures import driven
from compiler.api.happened import Happened
from compiler.api.outside import Known, asked_here
from compiler.api.paper import Client, wants_clients
from compiler.api.pending import Ended, Pending, Started
from compiler.api.runner import Runner
from compiler.api.services import found_in
from compiler.api.undo import Undo
from compiler.api.waits import Waits
from core.alarms import unknown
from core.bounds import UNBOUND, Bounds, Inherited, of_another
from core.callers import NOBODY, Caller, decode_caller, encode_caller, turned_away
from core.codec import Codec
from core.context import holding
from core.errors import BadRequest, Cancelled, Forbidden, MuError, TransactionException
from core.exceptions import ENDINGS, answerable
from core.ids import RequestId, uuid7
from core.messages import Raised, Returned
from core.outside import Outside, outside_key

__all__ = ["Activation", "ImmediateRunner", "Reference"]


_NUMBER = (1 << 62) - 1
"""The bits of the id of what was started that are its number."""

# A context variable, so that each greenlet of a pausing runner has its own.
_activation: ContextVar[Activation | None] = ContextVar("activation", default=None)


class Reference(PlainRun):
    """A reference run.

    :param classes: the service classes by name.
    :param persistent: the kind (``dict``, ``list``, ``set``, ``value``) of each persistent field,
        by service and field.
    :param clock: Unix time in nanoseconds; the system's if None.
    :param rng: random numbers and uuids; seeded by the system if None.
    :ivar runner: what calls, transactions and clock readings do; see :mod:`compiler.api.runner`.
    :ivar undo: the open transactions.
    :ivar asking: the caller of the request that runs.
    :ivar pending: what was started and has not run yet.
    :ivar asked: numbers what is asked of the outside.
    :ivar happened: the named events that have.
    :ivar stand_ins: what runs in place of outside functions, by their names.
    """

    def __init__(
        self,
        classes: Mapping[str, type],
        persistent: Mapping[str, Mapping[str, str]],
        codec: Codec,
        clock: Callable[[], int] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        for stored, plain in ((StoredDict, dict), (StoredList, list), (StoredSet, set)):
            codec.encode_as(stored, plain)
        self.codec = codec
        self.clock = clock or time.time_ns
        self.rng = rng or random.Random()
        self.undo = Undo()
        self.asking = NOBODY
        self.pending = Pending(self._run_started, lambda: self.clock())
        self.stand_ins: Mapping[str, Callable[..., Any]] = {}
        self.asked = count()
        self.happened = Happened(codec, self.undo)
        self.runner: Runner = ImmediateRunner(self)
        self._keeper = Keeper(codec, self.undo)
        self.copy = self._keeper.copy
        self._fields: dict[str, StoredField] = {}
        self._signatures: dict[tuple[str, str], inspect.Signature] = {}
        self._instances: dict[str, Any] = {}
        with self:
            for name, cls in classes.items():
                self._instances[name] = self._instantiate(name, cls, persistent.get(name, {}))

    def _instantiate(self, service: str, cls: type, kinds: Mapping[str, str]) -> Any:
        """The service's object, its persistent fields replaced by properties."""
        fields = {
            name: make_field(self._keeper, service, name, kind) for name, kind in kinds.items()
        }
        self._fields.update((f"{service}.{name}", field) for name, field in fields.items())
        namespace = {**fields, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        for name, function in found_in(cls).items():
            if inspect.iscoroutinefunction(function):
                namespace[name] = self._callable_from_outside(service, function)
        made = type(cls.__name__, (cls,), namespace)
        return made(Client) if wants_clients(cls) else made()

    def _callable_from_outside(
        self, service: str, function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """An async method that set-up and invariants can call: there, nobody drives a coroutine.

        Called outside of methods it runs at once, and gives its result; to a coroutine, which
        may await it, something to await.
        """

        @functools.wraps(function)
        def method(*args: Any, **kwargs: Any) -> Any:
            coroutine = function(*args, **kwargs)
            if self.activation is not None:
                return coroutine
            with self._active(Activation(service, function.__name__)):
                result = driven(coroutine, f"{service}.{function.__name__}")
            in_coroutine = sys._getframe(1).f_code.co_flags & inspect.CO_COROUTINE
            return Known(result) if in_coroutine else result

        return method

    @contextmanager
    def _active(self, activation: Activation) -> Iterator[None]:
        """While a method runs. What it leaves of its transactions is undone."""
        with holding(_activation, activation):
            try:
                with self.reading():
                    yield
                if self.undo.rollback_all(activation):
                    raise TransactionException(
                        f"{activation.service}.{activation.method} returned with a transaction "
                        "open: commit or abort it before"
                    )
            except BaseException as error:
                self.undo.rollback_all(activation)
                if isinstance(error, Cancelled):
                    raise activation.bounds.left(error) from error
                if type(error) in ENDINGS:  # others are of whoever drives the run
                    raise answerable(error) from None
                raise

    def instance(self, service: str) -> Any:
        """The object of ``service``.

        :raises TypeError: there is no such service.
        """
        if service not in self._instances:
            raise TypeError(f"the application has no service {service}")
        return self._instances[service]

    @property
    def activation(self) -> Activation | None:
        """The method that is running, in this greenlet; None outside of methods."""
        return _activation.get()

    # --- running

    def run(
        self,
        service: str,
        method: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        tag: Any = None,
        caller: Caller = NOBODY,
    ) -> Any:
        """Run one request, as a client: its result, or its own exception is raised.

        What it started runs after it, as far as it is due by then.

        :raises BadRequest: no such public method, or arguments that do not fit it.
        :raises Forbidden: the method is not for this caller.
        """
        kwargs = dict(kwargs or {})
        if method.startswith("_"):
            raise BadRequest(f"{service}.{method} is private to its service")
        self._check_arguments(service, method, args, kwargs)
        is_internal, roles = access(type(self._instances[service]).__mro__[1], method)
        if is_internal:
            raise BadRequest(f"{service}.{method} is not called from outside")
        if why := turned_away(f"{service}.{method}", roles, caller):
            raise Forbidden(why)
        before, self.asking = self.asking, caller
        try:
            with self:
                try:
                    return self._activate(service, method, args, kwargs, tag)
                finally:
                    if self.pending.next_due is not None:
                        self.pending.run_due(self.now())
        finally:
            self.asking = before

    def now(self) -> int:
        """The clock, as far as sleeping has moved it."""
        return self.pending.now()

    def run_pending(self, most: int) -> None:
        """Run what was started, and what that starts: so many requests at most."""
        with self:
            for _ in range(most):
                if self.pending.next_due is None:
                    return
                self.pending.run_next()

    def _run_started(self, started: Started) -> Ended:
        try:
            args = started.args, started.kwargs
            return Ended(
                started, self._activate(started.service, started.method, *args, None), None
            )
        except (Exception, Cancelled) as exception:  # whatever it raises: nobody waits for it
            return Ended(started, None, exception)

    def invoke(
        self,
        service: str,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tag: Any = None,
        inherited: Inherited | None = None,
    ) -> Any:
        """Run one call, as a service: exceptions cross as they do between services."""
        try:
            return self._activate(service, method, args, kwargs, tag, inherited)
        except (Exception, Cancelled) as exception:
            raise self.crossed(exception) from exception

    def crossed(self, exception: Exception | Cancelled) -> Exception | Cancelled:
        """An exception as who asked gets it."""
        return self.codec.decode_exception(self.codec.encode_exception(exception))

    def _activate(
        self,
        service: str,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tag: Any,
        inherited: Inherited | None = None,
    ) -> Any:
        function = self._function(service, method)
        args, kwargs = self.copy((args, kwargs))
        activation = Activation(service, method, tag, Bounds(inherited or UNBOUND))
        with self._active(activation):
            result = driven(function(*args, **kwargs), f"{service}.{method}")
        return self.copy(result)

    def _function(self, service: str, method: str) -> Callable[..., Any]:
        function = getattr(self._instances.get(service), method, None)
        if service in self._instances and callable(function):
            return function  # type: ignore[no-any-return]
        raise BadRequest(f"there is no method {service}.{method}")

    def _check_arguments(
        self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        signature = self._signatures.get((service, method))
        if signature is None:
            signature = inspect.signature(self._function(service, method))
            self._signatures[service, method] = signature
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadRequest(f"{service}.{method}: {error}") from None

    # --- the state

    def dump(self) -> dict[bytes, bytes]:
        """The state of all services as store content."""
        content: dict[bytes, bytes] = {}
        for each in self._fields.values():
            content.update(each.dump())
        return content

    def load(self, pairs: Mapping[bytes, bytes]) -> None:
        """Set the state of all services from store content."""
        for each in self._fields.values():
            each.load(pairs)


def _number(root: bytes) -> int:
    """The number of what was started, in its id."""
    return int.from_bytes(root, "big") & _NUMBER


@dataclass(frozen=True, slots=True)
class _Ended:
    """A spawned call that has run."""

    result: Any
    exception: Exception | Cancelled | None
    place: int = 0


class ImmediateRunner:
    """Plain Python: a call runs when it is made, a spawn too."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._calls = count()
        self._waits = Waits(reference.pending, reference.undo)

    @property
    def _bounds(self) -> Bounds:
        activation = self.reference.activation
        return Bounds(UNBOUND) if activation is None else activation.bounds

    def call(self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See :class:`Runner`."""
        return self.join([self.spawn(service, method, args, kwargs)])[0]

    def spawn(
        self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """See :class:`Runner`."""
        args, kwargs = self.reference.copy((args, kwargs))
        place = next(self._calls)
        inherited = self._bounds.inherit(place)
        try:
            result = self.reference.invoke(service, method, args, kwargs, None, inherited)
        except (Exception, Cancelled) as exception:
            return _Ended(None, exception, place)
        return _Ended(result, None)

    def join(self, handles: Sequence[object]) -> list[Any]:
        """See :class:`Runner`."""
        results = []
        for ended in handles:
            assert isinstance(ended, _Ended)
            if isinstance(ended.exception, Cancelled):
                raise self._bounds.arrived(ended.place, ended.exception) from ended.exception
            if ended.exception is not None:
                raise ended.exception
            results.append(self.reference.copy(ended.result))
        return results

    def ask(self, function: Outside, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """See :class:`Runner`."""
        if self.reference.undo.open:
            raise MuError(
                f"{function.name} cannot be asked in a transaction: before it, or after it"
            )
        function.check(*args, **kwargs)
        reference, codec = self.reference, self.reference.codec
        key = outside_key(b"", RequestId(bytes(16)), next(reference.asked))
        run = reference.stand_ins.get(function.name, function.function)
        outcome = asked_here(function, run, codec, key, codec.encode((args, kwargs)))
        if isinstance(outcome, Raised):
            return _Ended(None, codec.decode_exception(outcome))
        assert isinstance(outcome, Returned)
        return _Ended(codec.decode(outcome.value), None)

    def start(
        self,
        service: str,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        after: int,
        at: int,
    ) -> bytes:
        """See :class:`Runner`."""
        args, kwargs = self.reference.copy((args, kwargs))
        due, pending = max(self.clock() + after, at), self.reference.pending
        number = pending.add(Started(due, service, method, args, kwargs))
        self.reference.undo.record(pending.remove, number)
        return uuid7(due // 1_000_000, number)

    def sleep(self, nanoseconds: int) -> None:
        """See :class:`Runner`."""
        self._waits.sleep(nanoseconds, self._bounds)

    def open_timeout(self, nanoseconds: int) -> int:
        """See :class:`Runner`."""
        return self._bounds.open(self.clock() + nanoseconds)

    def close_timeout(self, number: int) -> None:
        """See :class:`Runner`."""
        self._bounds.close(number)

    def cancel(self, root: bytes) -> None:
        """See :class:`Runner`."""
        self._waits.cancel(_number(root))

    def result(self, root: bytes) -> Any:
        """See :class:`Runner`."""
        ended = self._waits.result(_number(root), self._bounds)
        if ended is None:
            raise LookupError(unknown(root))
        if ended.exception is not None:
            raise of_another(self.reference.crossed(ended.exception)) from ended.exception
        return self.reference.copy(ended.result)

    def event(self, event: bytes, at_most: int | None) -> Any:
        """See :class:`Runner`."""
        happened = self.reference.happened
        self._waits.event(event, happened, at_most, self._bounds)
        return happened.value(event)

    def signal(self, event: bytes, value: Any) -> None:
        """See :class:`Runner`."""
        self.reference.happened.signal(event, value)

    def begin(self) -> int:
        """See :class:`Runner`."""
        return self.reference.undo.begin(self.reference.activation)

    def commit(self, scope: int) -> None:
        """See :class:`Runner`."""
        self.reference.undo.commit(self.reference.activation, scope)

    def rollback(self, scope: int) -> None:
        """See :class:`Runner`."""
        self.reference.undo.rollback(self.reference.activation, scope)

    def clock(self) -> int:
        """See :class:`Runner`."""
        return self.reference.now()

    def caller(self) -> Caller:
        """See :class:`Runner`."""
        return decode_caller(encode_caller(self.reference.asking))  # a copy

    def random(self) -> random.Random:
        """See :class:`Runner`."""
        return self.reference.rng
