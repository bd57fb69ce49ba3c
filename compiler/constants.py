"""What all requests share because it is made once: defaults of parameters, and constants.

A constant's value is known: the plain class is made once to see it. So it can be
told which constants are containers, of which methods must not get a second name
(:mod:`compiler.rewrite.changes`), and which cannot be constants at all.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any, Final

from compiler.api.paper import Client, wants_clients
from compiler.effectful import uses_effects
from compiler.errors import display_path, innermost_place
from compiler.model import Declared, Function, Service
from compiler.names import UNKNOWN, Scope
from compiler.vocabulary import CONTAINERS, is_stateful

__all__ = ["check_defaults", "read_values"]

_DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def check_defaults(declared: Declared, function: Function) -> None:
    """Record an error for every default that requests would share, or that is evaluated once."""
    node, plain = function.node, function.plain
    scope = Scope(plain.namespace, None, plain.source)
    outside = Function(node.name, node, plain, scope)
    for default in [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]:
        if _is_container(scope, default):
            declared.problems.add(
                plain.source.path,
                plain.source.text,
                default,
                "this default is one object that every request shares",
                "None, and make the object in the function",
            )
        if uses_effects(declared, outside, default):
            declared.problems.add(
                plain.source.path,
                plain.source.text,
                default,
                "a default is evaluated once, when the module is loaded",
                "None, and the value in the function",
            )


def _is_container(scope: Scope, node: ast.expr) -> bool:
    """Whether ``node`` makes or names a container."""
    if isinstance(node, ast.Call):
        made = scope.value(node.func)
        return isinstance(made, type) and issubclass(made, CONTAINERS)
    return isinstance(node, _DISPLAYS) or isinstance(scope.value(node), CONTAINERS)


def read_values(declared: Declared, service: Service) -> None:
    """Set ``service.values``; an error is recorded for what cannot be a constant."""
    instance = _make(declared, service)
    for name in sorted(service.constants):
        value = getattr(instance, name, UNKNOWN)
        if value is UNKNOWN:
            continue
        service.values[name] = value
        if is_stateful(value):
            declared.problems.add(
                service.plain.source.path,
                service.plain.source.text,
                _assignment(service, name),
                f"self.{name} is shared memory: every process goes its own way with it",
                "one made in the method, or a Persistent field",
            )


def _make(declared: Declared, service: Service) -> Any:
    """An object of the plain class, or the class itself if none can be made."""
    cls, plain = service.cls, service.plain
    if inspect.iscoroutinefunction(vars(cls).get("__init__")):
        return cls
    try:
        return cls(Client) if wants_clients(cls) else cls()
    except Exception as error:  # whatever the user's __init__ raises
        if not declared.problems:
            path, line = innermost_place(error, [p.source.path for p in declared.plain_modules])
            same = path == plain.source.path
            place = ast.Pass(lineno=line, col_offset=0) if same and line else service.init
            where = "" if same or path is None else f" ({display_path(path)}:{line})"
            declared.problems.add(
                plain.source.path,
                plain.source.text,
                place,
                f"__init__ fails here: {type(error).__name__}: {error}{where}",
                "an __init__ that runs without error",
            )
        return cls


def _assignment(service: Service, name: str) -> ast.AST:
    """Where a constant is set."""
    for node in ast.walk(service.node):
        if isinstance(node, ast.Attribute) and node.attr == name:
            if isinstance(node.ctx, ast.Store):
                return node
        elif isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return node
    return service.node
