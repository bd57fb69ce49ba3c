"""A compiled application as the executor sees it: services, methods, facts, codec.

The compiler builds one of these from the graph (:mod:`compiler`); ``core`` never
looks at the graph itself.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.codec import Codec
from core.outside import Outside

__all__ = ["Facts", "Method", "Program", "Queue", "Schedule", "Service"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the analysis proved about a method; where it could not prove, the careful value.

    :ivar read_only: writes nothing, all the way down; it records no result.
    :ivar single_region: makes no effectful call outside a transaction, so it commits at most once.
    :ivar footprint: ``Service.field`` names it may touch, all the way down.
    :ivar callees: ``Service.method`` names it may call, directly.
    :ivar recursive: may reach itself through calls.
    :ivar starts: ``Service.method`` names it may start, directly.
    :ivar waits: may sleep or stand in line, itself or in what it calls.
    :ivar signals: the names of events that it may signal, directly.
    :ivar goes_out: may ask an outside function, itself or in what it calls.
    :ivar asks: the outside functions that it may ask, directly.
    """

    read_only: bool = False
    single_region: bool = False
    footprint: frozenset[str] = frozenset()
    callees: frozenset[str] = frozenset()
    recursive: bool = False
    starts: frozenset[str] = frozenset()
    waits: bool = False
    signals: frozenset[str] = frozenset()
    goes_out: bool = False
    asks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Queue:
    """How many requests are let in, over all processes; the others stand in line.

    See :mod:`core.lines`.

    :ivar name: whose it is: ``Service.method``, or ``Service`` for all of its methods together.
    :ivar limit: so many at a time; 0: any number.
    :ivar starts: so many begin ``within`` so many nanoseconds, whenever these are; 0: any number.
    :ivar per: the parameter for each value of which there is a line of its own; empty: it is one.
    """

    name: str
    limit: int = 0
    starts: int = 0
    within: int = 0
    per: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """One compiled method.

    :ivar function: ``function(instance, *args, **kwargs)`` returns the coroutine.
    :ivar check: binds arguments to the signature; raises ``TypeError`` when they do not fit.
    :ivar public: whether clients may call it (no leading underscore, not internal).
    :ivar allow: the roles of which a client must have one; empty: anybody may call it.
    :ivar scheduled: whether time asks for it, as clients may not.
    :ivar queue: in which its requests stand in line before they begin.
    """

    service: str
    name: str
    function: Callable[..., Coroutine[Any, Any, Any]]
    check: Callable[..., object]
    facts: Facts
    public: bool
    file: str
    line: int
    allow: frozenset[str] = frozenset()
    scheduled: bool = False
    queue: Queue | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a method without arguments is a request of its own (:mod:`core.schedules`).

    :ivar after: the first tick after a moment, both in Unix nanoseconds.
    :ivar shown: as its author wrote it.
    :ivar catch_up: what becomes of ticks that were missed.
    """

    service: str
    method: str
    after: Callable[[int], int]
    shown: str
    catch_up: str = "one"

    @property
    def name(self) -> str:
        """``Service.method``."""
        return f"{self.service}.{self.method}"


@dataclass(slots=True)
class Service:
    """One compiled service.

    :ivar instance: what compiled methods get as ``self``: constants set in ``__init__``
        and one :mod:`core.fields` object for each persistent field. It holds no state.
    """

    name: str
    instance: object
    methods: dict[str, Method]


@dataclass(slots=True)
class Program:
    """A whole application.

    :ivar initial: store keys and values that must be there before the first request.
    :ivar revision: the same wherever the same code runs (:mod:`core.revisions`).
    :ivar outside: the functions of the outside world, by name.
    :ivar schedules: which methods time asks for.
    :ivar secret: what the chance of its requests is keyed with (:mod:`core.chance`).
    """

    name: str
    services: dict[str, Service]
    codec: Codec
    initial: Mapping[bytes, bytes] = field(default_factory=dict)
    secret: bytes = field(default=b"", repr=False)
    revision: str = ""
    outside: Mapping[str, Outside] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()

    @property
    def beyond_baselines(self) -> str:
        """Why another protocol than ours does not run it; empty if one does."""
        if self.defers:
            return (
                "the application starts requests, sleeps, waits for events, or has schedules or "
                "queues, which needs the protocol mu2sls"
            )
        if self.outside:
            return "the application asks outside functions, which needs the protocol mu2sls"
        return ""

    @property
    def defers(self) -> bool:
        """Whether anything may be due later, so that somebody has to look for it."""
        return bool(self.schedules) or any(
            method.facts.starts
            or method.facts.waits
            or method.facts.signals
            or method.queue is not None
            for service in self.services.values()
            for method in service.methods.values()
        )

    def method(self, service: str, name: str) -> Method | None:
        """The method ``service.name``, or None."""
        found = self.services.get(service)
        return found.methods.get(name) if found else None

    def keyed(self, secret: bytes) -> Program:
        """The same, as a deployment with this secret runs it."""
        return replace(self, secret=secret)

    def standing_in(self, stand_ins: Mapping[str, Callable[..., Any]]) -> Program:
        """The same, with other functions in the place of outside functions."""
        outside = {
            name: replace(each, function=stand_ins.get(name, each.function))
            for name, each in self.outside.items()
        }
        return replace(self, outside=outside)

    def fit(self, service: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """See that arguments fit a method, as far as it is known.

        :raises TypeError: they do not; with the text that calling it plainly gives.
        """
        method = self.method(service, name)
        if method is None:
            return
        try:
            method.check(*args, **kwargs)
        except TypeError as error:
            misfit = error
        else:
            return
        method.function(self.services[service].instance, *args, **kwargs).close()
        raise misfit
