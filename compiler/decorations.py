"""What decorators say of classes and methods: what these are, and who may call them.

Decorators that only say something are read; others would be given the compiled method.
"""

from __future__ import annotations

import abc
import ast
import inspect
import typing
from collections.abc import Callable
from typing import Final

import compiler as facade
from compiler.api.access import access, allowed
from compiler.api.schedules import timing_of
from compiler.model import Function, FunctionKind
from compiler.modules import PlainModule
from compiler.names import Scope

__all__ = ["bare", "is_service", "kind_of", "read_access", "read_timing", "see_decorators"]

_OVERRIDE: Final = tuple(filter(None, [getattr(typing, "override", None)]))  # since Python 3.12
_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_Error = Callable[[ast.AST, str, str], None]


def is_service(plain: PlainModule, node: ast.ClassDef) -> bool:
    """Whether a class is declared a service."""
    scope = Scope(plain.namespace, None, plain.source)
    return any(scope.value(bare(each)) is facade.service for each in node.decorator_list)


def bare(decorator: ast.expr) -> ast.expr:
    """What decorates, without what it is given: ``service`` of ``service(internal=True)``."""
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def kind_of(node: _Definition, scope: Scope) -> FunctionKind:
    """What a method is, as its decorators say."""
    for decorator in node.decorator_list:
        for meaning, kind in _KINDS.items():
            if scope.value(decorator) is meaning:
                return kind
    return FunctionKind.METHOD


_KINDS: Final[dict[object, FunctionKind]] = {
    staticmethod: FunctionKind.STATIC,
    classmethod: FunctionKind.CLASS,
    property: FunctionKind.PROPERTY,
}

_PLAIN: Final = (*_KINDS, abc.abstractmethod, typing.final, *_OVERRIDE, facade.internal)


_QUEUES: Final = (facade.queue, facade.Queue)


def _only_says(decorator: ast.expr, scope: Scope) -> bool:
    """Whether a decorator only says what a method is, or who may call it."""
    if isinstance(decorator, ast.Call):
        return scope.value(decorator.func) in (facade.allow, facade.every, facade.cron, *_QUEUES)
    return scope.value(decorator) in _PLAIN


def see_decorators(node: _Definition, scope: Scope, error: _Error) -> None:
    """Record an error for every decorator of a method that does something to it."""
    for decorator in node.decorator_list:
        name = ast.unparse(decorator)
        if _only_says(decorator, scope):
            continue
        if name.endswith((".setter", ".deleter")):
            verb = "set" if name.endswith(".setter") else "delete"
            error(
                decorator,
                f"a property that is {verb} is not compiled: what is stored is seen where it "
                "stands",
                f"a method: def {verb}_{node.name}(self, ...):",
            )
        else:
            error(
                decorator,
                f"the decorator {name} would be given the compiled method",
                "a call inside the method",
            )


def read_access(method: Function, error: _Error) -> None:
    """Set who may call a method; what makes no sense is recorded as an error."""
    assert method.service is not None
    assert method.owner is not None
    method.is_internal, method.allow = access(method.service.cls, method.name, method.owner)
    own = allowed(inspect.getattr_static(method.owner, method.name, None))
    if own and not method.is_public and method.owner is method.service.cls:
        what = "an internal method" if method.is_internal else f"a {method.kind}, not a public one"
        error(
            method.node,
            f"@allow says who may ask for {method.name} from outside, but it is {what}",
            "@allow on a public method",
        )


def read_timing(method: Function, error: _Error) -> None:
    """Set when time asks for a method; what makes no sense is recorded as an error."""
    assert method.owner is not None
    method.timing = timing_of(inspect.getattr_static(method.owner, method.name, None))
    if method.timing is None:
        return
    if not method.is_request or method.is_private:
        kind = "private method" if method.is_request else method.kind
        what = f"{method.name} has a schedule, but it is a {kind}, for which nobody asks"
        error(method.node, what, "a schedule on a method, which may be @internal")
    arguments = method.node.args
    positional = [*arguments.posonlyargs, *arguments.args][1:]
    needed = positional[: len(positional) - len(arguments.defaults)]
    needed += [
        each
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    if needed:
        names = ", ".join(each.arg for each in needed)
        what = f"{method.name} has a schedule, and time gives no arguments: {names}"
        error(method.node, what, f"def {method.name}(self), or defaults")
