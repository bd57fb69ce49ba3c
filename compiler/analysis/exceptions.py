"""What may raise TransactionException by itself, and which handlers catch it."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator

from compiler.model import Declared
from compiler.names import UNKNOWN, Scope
from core.errors import TransactionException

__all__ = ["Caught", "Raises", "caught", "may_raise"]


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
            error = Caught.SOME  # Cancelled is no Exception
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
    """Knows what the plain parts of the application's functions may raise.

    :ivar transaction: whether they may raise TransactionException: only the application's own
        code does, where it is plain and says ``raise``.
    """

    def __init__(self, declared: Declared) -> None:
        compiled = {
            id(function.written) for function in declared.all_functions() if function.is_coroutine
        }
        self.transaction = any(
            may_raise(statement, Scope(plain.namespace, function, plain.source))[1]
            for plain in declared.plain_modules
            for function, statement in _raises(plain.source.tree, None)
            if statement.exc is not None and id(function) not in compiled
        )


def may_raise(node: ast.Raise, scope: Scope) -> tuple[bool, bool]:
    """Whether a ``raise`` may raise others, and TransactionException."""
    kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    value = UNKNOWN if kind is None else scope.value(kind)
    if not isinstance(value, type):
        return True, True
    is_transaction = issubclass(value, TransactionException)
    return not is_transaction, is_transaction


def _raises(node: ast.AST, function: ast.AST | None) -> Iterator[tuple[ast.AST | None, ast.Raise]]:
    """The ``raise`` statements inside ``node``, and the function in which each stands."""
    if isinstance(node, ast.Raise):
        yield function, node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node
    for child in ast.iter_child_nodes(node):
        yield from _raises(child, function)
