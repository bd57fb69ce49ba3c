"""The application as declared: services, fields, methods, functions, and their effects.

:mod:`compiler.declarations` fills these in from the source,
:mod:`compiler.rewrite` adds the compiled code and the effects found in it, and
:mod:`compiler.analysis` reads them.
"""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass, field
from typing import Any

from compiler.api.outside import OutsideFunction
from compiler.api.schedules import Timing
from compiler.errors import Problems
from compiler.modules import PlainModule
from compiler.names import Scope
from compiler.sources import Layout
from core.program import Facts, Queue

__all__ = [
    "Declared",
    "Effect",
    "EffectKind",
    "Field",
    "FieldKind",
    "Function",
    "FunctionKind",
    "Service",
]


class FieldKind(enum.StrEnum):
    """How a persistent field is stored: per element, or whole."""

    DICT = "dict"
    LIST = "list"
    SET = "set"
    VALUE = "value"

    @property
    def is_container(self) -> bool:
        """Whether elements are stored one by one."""
        return self is not FieldKind.VALUE


class EffectKind(enum.StrEnum):
    """What compiled code asks for."""

    READ = "read"
    WRITE = "write"
    CALL = "call"
    SPAWN = "spawn"
    JOIN = "join"
    START = "start"
    SLEEP = "sleep"
    RESULT = "result"
    CANCEL = "cancel"
    TIMEOUT = "timeout"
    EVENT = "event"
    SIGNAL = "signal"
    OUTSIDE = "outside"
    BEGIN = "begin"
    COMMIT = "commit"
    ABORT = "abort"
    ROLLBACK = "rollback"
    TIME = "time"
    RANDOM = "random"
    CALLER = "caller"
    UUID = "uuid"
    HELPER = "helper"


class FunctionKind(enum.StrEnum):
    """What a function is to its service; only a method is a request."""

    METHOD = "method"
    STATIC = "static method"
    CLASS = "class method"
    PROPERTY = "property"


@dataclass(slots=True, eq=False)
class Effect:
    """One effect in the compiled code of a function.

    :ivar target: the field, the called method or the helper: ``Hotel.rooms``, ``Hotel.reserve``;
        for a helper the :class:`Function` is in ``helper``.
    :ivar call: the emitted call, to which ``last`` is added when it is proved.
    :ivar node_emitted: the emitted ``await``.
    :ivar last: proved that nothing follows that commits, see :mod:`compiler.analysis.last`.
    :ivar commit_due: whether the region before a call may hold something to commit.
    """

    kind: EffectKind
    node: ast.AST
    target: str = ""
    operation: str = ""
    reads: bool = False
    helper: Function | None = None
    call: ast.Call | None = None
    node_emitted: ast.Await | None = None
    last: bool = False
    commit_due: bool = False

    @property
    def line(self) -> int:
        """The user's line."""
        return int(getattr(self.node, "lineno", 0))


@dataclass(slots=True, eq=False)
class Field:
    """A persistent field.

    :ivar plain: the module in which it is declared, perhaps in a base of the service.
    :ivar owner: the class whose ``__init__`` declares it.
    :ivar annotation: what stands in ``Persistent[...]``; None if nothing does.
    """

    service: str
    name: str
    kind: FieldKind
    node: ast.stmt
    plain: PlainModule
    owner: type
    annotation: ast.expr | None = None

    @property
    def full_name(self) -> str:
        """``Service.field``."""
        return f"{self.service}.{self.name}"


@dataclass(slots=True, eq=False)
class Function:
    """A method, or a module-level function of the application.

    :ivar written: the definition as it stands in ``plain``, perhaps in a base of the service.
    :ivar node: the same with what is inherited written out (:mod:`compiler.inheritance`);
        ``compiled`` is what it became.
    :ivar owner: the class that defines it.
    :ivar is_internal: whether services alone may call it.
    :ivar allow: the roles of which a caller from outside must have one, if any are named.
    :ivar timing: when time asks for it.
    :ivar queue: in which its requests stand in line.
    :ivar is_helper: whether code of the application calls it directly, so that what it returns
        does not leave the service.
    :ivar is_used: whether a method reaches it; other functions are not the program's.
    :ivar effectful: whether it asks for effects, itself or through what it calls.
    :ivar compiled: the rewritten definition; a function without effects that nobody calls from
        outside stays as it is.
    """

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    plain: PlainModule
    scope: Scope
    service: Service | None = None
    kind: FunctionKind = FunctionKind.METHOD
    owner: type | None = None
    is_helper: bool = True
    effectful: bool = False
    is_internal: bool = False
    allow: frozenset[str] = frozenset()
    timing: Timing | None = None
    queue: Queue | None = None
    is_decorated: bool = False
    is_used: bool = False
    compiled: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    effects: list[Effect] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    written: ast.FunctionDef | ast.AsyncFunctionDef = field(init=False)

    def __post_init__(self) -> None:
        self.written = self.node

    @property
    def is_static(self) -> bool:
        """Whether it has no instance, and no class."""
        return self.kind is FunctionKind.STATIC

    @property
    def is_request(self) -> bool:
        """Whether it can be called as a request, if only by its own service."""
        return self.service is not None and self.kind is FunctionKind.METHOD

    @property
    def is_private(self) -> bool:
        """Whether only its own service may call it."""
        return self.name.startswith("_")

    @property
    def is_public(self) -> bool:
        """Whether it can be called from outside."""
        return self.is_request and not self.is_private and not self.is_internal

    @property
    def is_coroutine(self) -> bool:
        """Whether the compiled function is ``async def``."""
        if self.is_request and not self.is_private:
            return True
        return self.effectful or isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def self_name(self) -> str | None:
        """What the method calls its instance."""
        if self.service is None or self.is_static:
            return None
        arguments = [*self.node.args.posonlyargs, *self.node.args.args]
        return arguments[0].arg if arguments else None

    @property
    def owner_name(self) -> str:
        """The class that defines it."""
        return self.owner.__name__ if self.owner is not None else ""

    @property
    def full_name(self) -> str:
        """``Service.method``, or ``module.function``."""
        owner = self.service.name if self.service else self.plain.source.name
        return f"{owner}.{self.name}"


@dataclass(slots=True, eq=False)
class Service:
    """A service class.

    :ivar bases: the classes that it inherits from, with their modules, in Python's order.
    :ivar init: the ``__init__`` that makes it, perhaps that of a base.
    :ivar constants: attributes that ``__init__`` or the class body sets and that never change.
    :ivar values: the constants' values, as far as they are known.
    :ivar clients: attributes that hold a client of another service (the paper's style).
    """

    name: str
    cls: type
    node: ast.ClassDef
    plain: PlainModule
    bases: list[tuple[type, PlainModule, ast.ClassDef]] = field(default_factory=list)
    init: ast.FunctionDef | None = None
    fields: dict[str, Field] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    values: dict[str, Any] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)


@dataclass(slots=True)
class Declared:
    """Everything the application declares.

    :ivar functions: module-level functions by the identity of the plain function object.
    :ivar bases: classes that services inherit from and that are no services, by their identity.
    :ivar outside: the functions of the outside world by name.
    """

    plain_modules: list[PlainModule]
    problems: Problems
    layout: Layout
    services: dict[str, Service] = field(default_factory=dict)
    functions: dict[int, Function] = field(default_factory=dict)
    bases: dict[int, ast.ClassDef] = field(default_factory=dict)
    outside: dict[str, OutsideFunction[..., Any]] = field(default_factory=dict)

    def service_of(self, value: Any) -> Service | None:
        """The service whose class ``value`` is."""
        for service in self.services.values():
            if service.cls is value:
                return service
        return None

    def function_of(self, value: Any) -> Function | None:
        """The application's function that ``value`` is."""
        return self.functions.get(id(value))

    def all_functions(self) -> list[Function]:
        """Methods and module-level functions, in the order of their source."""
        methods = [m for service in self.services.values() for m in service.methods.values()]
        return [*methods, *self.functions.values()]
