"""The names of an application that a scenario uses, checked once the application is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiment.scenario.model import CLIENT, PLATFORM
from experiment.scenario.source import Node, Source, nearest

_NO_CALLERS = 'write CALLERS = {"ada": {"roles": ["clerk"]}} in the application\'s workload'

__all__ = ["PARTIES", "Known", "Names"]

PARTIES = ("store", CLIENT, PLATFORM, "*")
"""What a partition can stand between, beside the services."""


@dataclass(frozen=True)
class Known:
    """What an application has to offer.

    :ivar services: the methods of each service, and whether clients may call them.
    :ivar invariants: their names, ``application.function``.
    :ivar arguments: the methods whose arguments the application can make up, or that take none.
    :ivar mix: whether the application has a mix of its own.
    :ivar callers: the names in the application's ``CALLERS``.
    :ivar refuses: why a method ``Service.method`` does not take these arguments; empty if it does.
    """

    name: str
    services: Mapping[str, Mapping[str, bool]]
    invariants: Iterable[str] = ()
    arguments: Iterable[str] = ()
    mix: bool = False
    callers: Iterable[str] = ()
    refuses: Callable[[str, list[Any]], str] = lambda _name, _args: ""


@dataclass
class Names:
    """The names in a scenario file and where they stand."""

    _services: list[tuple[str, Node, tuple[str, ...]]] = field(default_factory=list)
    _methods: list[tuple[str, str, Node]] = field(default_factory=list)
    _calls: list[tuple[str, Node, list[Any] | None, Node]] = field(default_factory=list)
    _invariants: list[tuple[str, Node]] = field(default_factory=list)
    _mixless: list[tuple[str, Node]] = field(default_factory=list)
    _callers: list[tuple[str, Node]] = field(default_factory=list)

    def service(self, name: str, node: Node | None, besides: tuple[str, ...] = ()) -> None:
        """A service is named; ``besides`` are other names that may stand there."""
        if name and node is not None:
            self._services.append((name, node, besides))

    def method(self, service: str, name: str, node: Node | None) -> None:
        """A method is named, of ``service`` or, if that is empty, of any."""
        if name and node is not None:
            self._methods.append((service, name, node))

    def call(
        self,
        name: str,
        node: Node | None,
        args: list[Any] | None = None,
        args_node: Node | None = None,
    ) -> None:
        """A request ``Service.method`` is named, with its arguments if they are given."""
        if name and node is not None:
            self._calls.append((name, node, args, args_node or node))

    def caller(self, name: str, node: Node | None) -> None:
        """A caller is named."""
        if name and node is not None:
            self._callers.append((name, node))

    def invariant(self, name: str, node: Node | None) -> None:
        """An invariant is named."""
        if name and node is not None:
            self._invariants.append((name, node))

    def mixless(self, load: str, node: Node) -> None:
        """A load leaves its mix to the application."""
        self._mixless.append((load, node))

    def fit(self, source: Source, known: Known) -> None:
        """Note a mistake for every name that the application does not have."""
        for name, node, besides in self._services:
            if name not in known.services and name not in besides:
                remedy = nearest(name, (*known.services, *besides))
                source.mistake(node, f"{known.name} has no service '{name}'", remedy)
        for service, name, node in self._methods:
            self._fit_method(source, known, service, name, node)
        for name, node, args, args_node in self._calls:
            if self._fit_call(source, known, name, args, node) and args is not None:
                why = known.refuses(name, args)
                if why:
                    what = f"{name} does not take these arguments: {why}"
                    source.mistake(args_node, what, "write one value for each of its parameters")
        for name, node in self._callers:
            if name not in known.callers:
                what = f"{known.name} knows no caller '{name}'"
                remedy = nearest(name, known.callers) if known.callers else _NO_CALLERS
                source.mistake(node, what, remedy)
        for name, node in self._invariants:
            if name not in known.invariants:
                what = f"{known.name} has no invariant '{name}'"
                source.mistake(node, what, nearest(name, known.invariants))
        if not known.mix:
            for load, node in self._mixless:
                what = f"neither the load '{load}' nor {known.name} has a mix"
                example = f"{{call: {next(iter(_public(known)), 'Service.method')}}}"
                source.mistake(node, what, f"write 'mix: [{example}]', or MIX in the application")

    def _fit_method(
        self, source: Source, known: Known, service: str, name: str, node: Node
    ) -> None:
        if service in PARTIES or (service and service not in known.services):
            return
        among = [service] if service else list(known.services)
        methods = [method for each in among for method in known.services[each]]
        if name not in methods:
            what = f"{service or known.name} has no method '{name}'"
            source.mistake(node, what, nearest(name, dict.fromkeys(methods)))

    def _fit_call(
        self, source: Source, known: Known, name: str, args: list[Any] | None, node: Node
    ) -> bool:
        public = _public(known)
        if name not in public:
            what = f"{known.name} has no method '{name}' that clients may call"
            source.mistake(node, what, nearest(name, public))
            return False
        if args is None and name not in known.arguments:
            what = f"nothing says what arguments {name} gets"
            source.mistake(
                node, what, f"add 'args: [...]', or {name} to the application's ARGUMENTS"
            )
        return True


def _public(known: Known) -> list[str]:
    return [
        f"{service}.{method}"
        for service, methods in known.services.items()
        for method, public in methods.items()
        if public
    ]
