"""Which code may read the machine's clock inside a library: an input that no effect shows.

Where the compiler cannot know, it may: after a call that is the tree's last commit nothing may be
read that would have to be recorded (:mod:`compiler.analysis.last`). Chance is no input.
"""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Iterator
from typing import Any, Final

from compiler.model import Declared, Function
from compiler.modules import PlainModule
from compiler.names import UNKNOWN, Scope, canonical_name
from compiler.ordering import METHODS
from compiler.rewrite.nodes import RUNTIME
from compiler.vocabulary import RANDOM_METHODS, operation

__all__ = ["Readings", "own_parts"]

_CLOCKLESS: Final = frozenset(
    {
        *("_bisect", "_collections", "_decimal", "_functools", "_hashlib", "_heapq", "_json"),
        *("_operator", "_random", "_statistics", "base64", "binascii", "bisect", "builtins"),
        *("collections", "copy", "core", "dataclasses", "decimal", "enum", "fractions"),
        *("functools", "hashlib", "heapq", "hmac", "html", "itertools", "json", "logging", "math"),
        *("numbers", "operator", "random", "re", "secrets", "statistics", "string", "struct"),
        *("textwrap", "typing", "unicodedata", "uuid", "zlib"),
    }
)
"""Modules that read no clock: nothing depends on this list but how soon an intent is cleared."""
_PLAIN: Final = (str, bytes, int, float, complex, tuple, list, dict, set, frozenset, type(None))


class Readings:
    """Knows which code of an application may read the clock without an effect."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._known: dict[int, bool] = {}
        self._running: set[int] = set()

    def may_read(self, function: Function, node: ast.AST) -> bool:
        """Whether ``node``, in ``function``, may; statements inside it count for themselves."""
        return any(self._reads(function.scope, function, part) for part in own_parts(node))

    def _function_reads(self, function: Function) -> bool:
        return self._once(function, function.node.body, function.scope, function)

    def _once(self, key: object, body: list[Any], scope: Scope, function: Function | None) -> bool:
        """Whether a body may; what is asked again while it is looked at may not by itself."""
        found = self._known.get(id(key), False if id(key) in self._running else None)
        if found is None:
            self._running.add(id(key))
            parts = (part for statement in body for part in ast.walk(statement))
            found = any(self._reads(scope, function, part) for part in parts)
            self._running.remove(id(key))
            if found or not self._running:  # else it may rest on what is still looked at
                self._known[id(key)] = found
        return found

    def _reads(self, scope: Scope, function: Function | None, node: ast.AST) -> bool:
        if isinstance(node, ast.Call) and scope.value(node.func) is UNKNOWN:
            return self._unknown_reads(scope, function, node.func)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            value = scope.value(node)
            return value is not UNKNOWN and self._value_reads(value)
        return False

    def _unknown_reads(self, scope: Scope, function: Function | None, called: ast.expr) -> bool:
        """Whether something that only a run could tell may read."""
        if not isinstance(called, ast.Attribute):
            return self._local_reads(scope, function, called)
        owner = called.value
        if isinstance(owner, ast.Name) and owner.id == RUNTIME:
            return False
        if function is not None and function.service is not None:
            if isinstance(owner, ast.Name) and owner.id == function.self_name:
                method = function.service.methods.get(called.attr)
                if method is not None:
                    return self._function_reads(method)
            if _is_field(function, owner):
                return False
        return called.attr not in METHODS | RANDOM_METHODS and not _is_clockless(scope.value(owner))

    def _local_reads(self, scope: Scope, function: Function | None, called: ast.expr) -> bool:
        """Whether what a variable holds may: only functions defined in its function are known."""
        if not isinstance(called, ast.Name) or function is None:
            return True
        defined = [
            node
            for node in ast.walk(function.node)
            if isinstance(node, ast.FunctionDef) and node.name == called.id
        ]
        if not defined:
            return not called.id.startswith("_mu")
        return any(self._once(node, node.body, scope, function) for node in defined)

    def _value_reads(self, value: Any) -> bool:
        function = self._declared.function_of(value)
        if function is not None:
            return self._function_reads(function)
        if operation(value) is not None or self._declared.service_of(value) is not None:
            return False
        if isinstance(value, (types.ModuleType, *_PLAIN)) or not callable(value):
            return False
        if isinstance(value, type):
            for plain in self._declared.plain_modules:
                if plain.source.name == value.__module__:
                    return self._class_reads(plain, value)
            if value is getattr(builtins, value.__name__, None):
                return False
        return not _is_clockless(value)

    def _class_reads(self, plain: PlainModule, cls: type) -> bool:
        for node in plain.source.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                return self._once(node, [node], Scope(plain.namespace, node, plain.source), None)
        return True


def _is_clockless(value: Any) -> bool:
    return (canonical_name(value) or "").split(".")[0] in _CLOCKLESS


def _is_field(function: Function, node: ast.expr) -> bool:
    """Whether ``node`` is ``self.field``."""
    assert function.service is not None
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == function.self_name
        and node.attr in function.service.fields
    )


def own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """``node`` and what is in it, but for the statements of its blocks."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [each for each in ast.iter_child_nodes(part) if not isinstance(each, ast.stmt)]
