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

from compiler.errors import Problems
from compiler.modules import PlainModule
from compiler.names import Scope
from compiler.sources import Layout
from core.program import Facts

__all__ = ["Declared", "Effect", "EffectKind", "Field", "FieldKind", "Function", "Service"]


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
    BEGIN = "begin"
    COMMIT = "commit"
    ABORT = "abort"
    ROLLBACK = "rollback"
    TIME = "time"
    RANDOM = "random"
    UUID = "uuid"
    HELPER = "helper"


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

    :ivar annotation: what stands in ``Persistent[...]``; None if nothing does.
    """

    service: str
    name: str
    kind: FieldKind
    node: ast.stmt
    annotation: ast.expr | None = None

    @property
    def full_name(self) -> str:
        """``Service.field``."""
        return f"{self.service}.{self.name}"


@dataclass(slots=True, eq=False)
class Function:
    """A method, or a module-level function of the application.

    :ivar node: as the user wrote it; ``compiled`` is what it became.
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
    is_static: bool = False
    is_helper: bool = True
    effectful: bool = False
    is_decorated: bool = False
    is_used: bool = False
    compiled: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    effects: list[Effect] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)

    @property
    def is_private(self) -> bool:
        """Whether only its own service may call it."""
        return self.name.startswith("_")

    @property
    def is_coroutine(self) -> bool:
        """Whether the compiled function is ``async def``."""
        if self.service is None or self.is_static:
            return self.effectful or isinstance(self.node, ast.AsyncFunctionDef)
        return self.effectful or not self.is_private or isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def self_name(self) -> str | None:
        """What the method calls its instance."""
        if self.service is None or self.is_static:
            return None
        arguments = [*self.node.args.posonlyargs, *self.node.args.args]
        return arguments[0].arg if arguments else None

    @property
    def full_name(self) -> str:
        """``Service.method``, or ``module.function``."""
        owner = self.service.name if self.service else self.plain.source.name
        return f"{owner}.{self.name}"


@dataclass(slots=True, eq=False)
class Service:
    """A service class.

    :ivar constants: attributes that ``__init__`` or the class body sets and that never change.
    :ivar values: the constants' values, as far as they are known.
    :ivar clients: attributes that hold a client of another service (the paper's style).
    """

    name: str
    cls: type
    node: ast.ClassDef
    plain: PlainModule
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
    """

    plain_modules: list[PlainModule]
    problems: Problems
    layout: Layout
    services: dict[str, Service] = field(default_factory=dict)
    functions: dict[int, Function] = field(default_factory=dict)

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
