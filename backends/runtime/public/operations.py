"""The methods that clients can call, with the types that their annotations name.

Types come from the plain classes (:mod:`compiler.json_types`) and texts from the source, while what
the analysis knows comes from the program and the graph.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import networkx as nx

from backends.runtime.public.members import strict_decoder
from compiler.application import Application
from compiler.json_types import json_type
from compiler.model import Function
from compiler.type_variables import type_variables
from core.program import Facts

__all__ = ["Operation", "Parameter", "find_operations"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method.

    :ivar type: what values of it are converted to; Any takes them as JSON gives them.
    :ivar shown: the annotation as the user wrote it, or an empty text.
    :ivar default: the default as the user wrote it; None if there is none.
    :ivar decode: JSON in, the value out; raises msgspec.MsgspecError, also for a member too many.
    """

    name: str
    kind: inspect._ParameterKind
    type: Any
    shown: str
    default: str | None
    decode: Callable[[bytes | msgspec.Raw], Any]

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is None and not self.many

    @property
    def many(self) -> bool:
        """Whether it takes any number of values: ``*args`` or ``**kwargs``."""
        return self.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Operation:
    """One public method.

    :ivar signature: of its parameters alone.
    :ivar own: the name of the parameter before them, mostly ``self``.
    :ivar shown: ``reserve(hotel: str) -> bool``, as the user wrote it.
    :ivar returns: the type of its result; Any if unknown.
    :ivar documentation: the docstring, or an empty text.
    :ivar allow: the roles of which a caller must have one; empty: anybody may call it.
    :ivar transactional: whether it may begin a transaction itself.
    """

    service: str
    name: str
    parameters: tuple[Parameter, ...]
    signature: inspect.Signature
    own: str
    shown: str
    returns: Any
    documentation: str
    facts: Facts
    transactional: bool
    allow: frozenset[str]

    @property
    def full_name(self) -> str:
        """``Service.method``."""
        return f"{self.service}.{self.name}"

    @property
    def summary(self) -> str:
        """The first line of the documentation, or the full name."""
        return self.documentation.partition("\n")[0] or self.full_name


def find_operations(application: Application) -> dict[str, Operation]:
    """Every public method by its full name, in the order of the source."""
    found = {}
    for service in application.declared.services.values():
        compiled = application.program.services[service.name].methods
        for function in service.methods.values():
            method = compiled.get(function.name)
            if method is not None and method.public:
                cls = application.classes[service.name]
                plain = inspect.unwrap(getattr(cls, function.name))
                begins = _begins(application.graph, function.full_name)
                variables = type_variables(cls, function.owner)
                operation = _operation(function, plain, method.facts, begins, variables)
                found[operation.full_name] = operation
    return found


def _operation(
    function: Function,
    plain: Any,
    facts: Facts,
    transactional: bool,
    variables: Mapping[Any, Any],
) -> Operation:
    assert function.service is not None
    node = function.node
    arguments = node.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    listed += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    shown = {each.arg: ast.unparse(each.annotation) for each in listed if each.annotation}
    signature = inspect.signature(plain)
    own, *given = signature.parameters.values()
    signature = signature.replace(parameters=given)
    defaults = _defaults(arguments)
    parameters = []
    for each in signature.parameters.values():
        kind: Any = json_type(plain, each.name, True, variables)
        parameters.append(
            Parameter(
                each.name,
                each.kind,
                kind,
                shown.get(each.name, ""),
                defaults.get(each.name),
                strict_decoder(kind),
            )
        )
    return Operation(
        service=function.service.name,
        name=function.name,
        parameters=tuple(parameters),
        signature=signature,
        own=own.name,
        shown=_shown(node),
        returns=json_type(plain, "return", False, variables),
        documentation=inspect.getdoc(plain) or "",
        facts=facts,
        transactional=transactional,
        allow=function.allow,
    )


def _shown(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    copied = ast.parse(f"def f({ast.unparse(node.args)}): pass").body[0]
    assert isinstance(copied, ast.FunctionDef)
    del (copied.args.posonlyargs or copied.args.args)[:1]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(copied.args)}){returns}"


def _defaults(arguments: ast.arguments) -> dict[str, str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    given: list[tuple[ast.arg, ast.expr | None]] = list(
        zip(
            positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True
        )
    )
    given += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {each.arg: ast.unparse(value) for each, value in given if value is not None}


def _begins(graph: nx.MultiDiGraph[str], method: str) -> bool:
    """Whether the method begins a transaction, itself or in a function that it calls directly."""
    waiting, seen = [method], {method}
    while waiting:
        edges: Any = graph.out_edges(waiting.pop(), data="kind")
        for _, node, kind in edges:
            if graph.nodes[node].get("effect") == "begin":
                return True
            if kind in ("contains", "helper") and node not in seen:
                seen.add(node)
                waiting.append(node)
    return False
