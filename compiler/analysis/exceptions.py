"""Which statements may raise TransactionException by themselves, and which handlers catch it."""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Iterator

from compiler.model import Declared, Function
from compiler.names import UNKNOWN, Scope
from compiler.rewrite.nodes import RUNTIME, root_of
from core.errors import TransactionException

__all__ = ["Caught", "Raises", "caught"]


class Caught(enum.Enum):
    """How much of a kind of exception a handler catches."""

    NO = enum.auto()
    SOME = enum.auto()
    ALL = enum.auto()


def caught(handler: ast.ExceptHandler, scope: Scope) -> dict[str, Caught]:
    """How much a handler catches of TransactionException, and of all others."""
    kinds: list[ast.expr | None] = [handler.type]
    if isinstance(handler.type, ast.Tuple):
        kinds = list(handler.type.elts)
    result = {"error": Caught.NO, "transaction": Caught.NO}
    for kind in kinds:
        value = Exception if kind is None else scope.value(kind)
        if not isinstance(value, type):
            error = transaction = Caught.SOME
        else:
            everything = issubclass(Exception, value)
            error = Caught.ALL if everything else Caught.SOME
            if value is TransactionException:
                error = Caught.NO
            transaction = Caught.NO
            if issubclass(TransactionException, value):
                transaction = Caught.ALL
            elif issubclass(value, TransactionException):
                transaction = Caught.SOME
        result["error"] = _more(result["error"], error)
        result["transaction"] = _more(result["transaction"], transaction)
    return result


def _more(first: Caught, second: Caught) -> Caught:
    return max(first, second, key=lambda each: each.value)


class Raises:
    """Knows what the plain parts of a function may raise."""

    def __init__(self, declared: Declared, function: Function) -> None:
        self.declared = declared
        self.scope = function.scope
        self.modules = {plain.source.name for plain in declared.plain_modules}
        self.methods = {
            name
            for plain in declared.plain_modules
            for value in plain.namespace.values()
            if isinstance(value, type) and value.__module__ in self.modules
            for name, member in vars(value).items()
            if inspect.isroutine(member)
        }

    def raised(self, node: ast.Raise) -> tuple[bool, bool]:
        """Whether a ``raise`` may raise others, and TransactionException."""
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        value = UNKNOWN if kind is None else self.scope.value(kind)
        if not isinstance(value, type):
            return True, True
        is_transaction = issubclass(value, TransactionException)
        return not is_transaction, is_transaction

    def transaction(self, node: ast.stmt) -> bool:
        """Whether the plain calls of a statement may raise TransactionException."""
        return any(self._may_raise(call) for call in _own_calls(node))

    def _may_raise(self, call: ast.Call) -> bool:
        root = root_of(call.func)
        if isinstance(root, ast.Name) and root.id == RUNTIME:
            return False
        value = self.scope.value(call.func)
        if value is not UNKNOWN:
            return getattr(value, "__module__", None) in self.modules
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in self.methods
        return True


def _own_calls(node: ast.stmt) -> Iterator[ast.Call]:
    """The calls in the expressions of a statement, without those of statements inside it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Call):
            yield part
        waiting += [
            child
            for child in ast.iter_child_nodes(part)
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
        ]
