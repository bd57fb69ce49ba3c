"""Calls that are no effects by name: of Python's library, of methods of values, of anything."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from compiler.model import EffectKind
from compiler.names import canonical_name
from compiler.rewrite.changes import Changes
from compiler.rewrite.nodes import locate, root_of, runtime_call
from compiler.vocabulary import BUILDERS, CLOCK, ITERATING, JUDGES, RANDOM_METHODS, UUIDS

__all__ = ["LibraryCalls"]

_COPYING: Final = {"dict": "dict", "list": "list", "set": "set"}
_ONE_ITERABLE: Final = ("sum", "enumerate", "iter", "sorted")
"""Builtins that iterate over their first argument alone."""
_MODULES: Final = ("json", "math", "statistics", "logging", "hashlib", "decimal")
"""Modules whose functions keep no reference to what they are given."""
_NOW_BY_DEFAULT: Final = {
    "time.asctime": 1,
    "time.strftime": 2,
}
"""Functions that read the clock when they are given fewer arguments than this."""


class LibraryCalls(Changes):
    """Rewrites calls of Python's library, and every call that stays."""

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        """The rewritten positional arguments."""
        return [self.value(argument) for argument in node.args]

    def keywords(self, node: ast.Call) -> list[ast.keyword]:
        """The rewritten keyword arguments of an effect: copied on their way."""
        return [
            locate(ast.keyword(keyword.arg, self.copied(keyword.value)), keyword)
            for keyword in node.keywords
        ]

    def library_call(self, node: ast.Call) -> ast.AST | None:
        """Clock readings, random numbers and uuids."""
        name = self.scope.canonical(node.func)
        if name is None:
            return None
        if name in CLOCK:
            call = runtime_call(CLOCK[name], self.arguments(node), self.keywords(node))
            return self.effect(EffectKind.TIME, node, call, name)
        if name in UUIDS:
            call = runtime_call(UUIDS[name], self.arguments(node), self.keywords(node))
            return self.effect(EffectKind.UUID, node, call, name)
        method = name.removeprefix("random.")
        if name.startswith("random.") and method in RANDOM_METHODS:
            stream = self.effect(EffectKind.RANDOM, node, runtime_call("random"), name)
            arguments = [self._random_argument(node, method, each) for each in node.args]
            function = ast.Attribute(stream, method, ast.Load())
            return locate(ast.Call(function, arguments, self.keywords(node)), node)
        if name in _NOW_BY_DEFAULT and len(node.args) < _NOW_BY_DEFAULT[name]:
            shown = ast.unparse(node.func)
            given = ", ".join([*map(ast.unparse, node.args), "time.localtime()"])
            self.error(node, f"{shown} reads the clock by itself", f"{shown}({given})")
            return node
        return None

    def _random_argument(self, node: ast.Call, method: str, argument: ast.expr) -> ast.expr:
        if method == "shuffle":
            if self.refuse_change(node, argument):
                return argument
            return self.value(argument)
        return (
            self.iterate(argument)
            if method in ("choice", "choices", "sample")
            else (self.consume(argument))
        )

    # --- everything else

    def plain_call(self, node: ast.Call) -> ast.AST:
        """A call that stays, with its arguments rewritten."""
        sets = self.scope.is_builtin(node.func, "setattr", "delattr")
        if sets and node.args and self.refuse_change(node, node.args[0]):
            return node
        if self.scope.is_builtin(node.func, "len", "bool") and len(node.args) == 1:
            asked = self._ask_field(node)
            if asked is not None:
                return asked
        generator = self.consumed_generator(node)
        if generator is not None:
            return generator
        copied = self._copied_field(node)
        if copied is not None:
            return copied
        node.func = self.value(node.func)
        mark = self.held
        node.args = [self._argument(node, index, each) for index, each in enumerate(node.args)]
        for keyword in node.keywords:
            unpacked = keyword.arg is None
            keyword.value = self._plain(node, keyword.value, self.consume if unpacked else None)
        self.settle(mark)
        return node

    def _argument(self, node: ast.Call, index: int, argument: ast.expr) -> ast.expr:
        """A positional argument, by what the called function does with it."""
        function = node.func
        if isinstance(argument, ast.Starred) or (
            index == 0 and self.scope.is_builtin(function, "map", "filter")
        ):
            return self.value(argument)
        if self.scope.is_builtin(function, "min", "max") and len(node.args) > 1:
            return self.value(argument)
        if self.scope.is_builtin(function, *ITERATING) or self._is_join(node):
            if index and (self.scope.is_builtin(function, *_ONE_ITERABLE) or self._is_join(node)):
                return self.value(argument)
            return self.iterate(argument)
        if self._judges(function):
            return self.copied(argument)
        if self._builds(function):
            return self.consume(argument)
        return self._plain(node, argument)

    def _plain(
        self,
        node: ast.Call,
        argument: ast.expr,
        otherwise: Callable[[ast.expr], ast.expr] | None = None,
    ) -> ast.expr:
        """An argument that the called function may keep; Python's library changes none."""
        if self.shared(argument) and self.is_library(node.func):
            return argument
        return (otherwise or self.value)(argument)

    def _judges(self, function: ast.expr) -> bool:
        """Whether the called function makes something that shares nothing with its arguments."""
        if self.scope.is_builtin(function, *JUDGES):
            return True
        return self.scope.canonical(function) in ("json.dumps", "json.encoder.dumps")

    def _builds(self, function: ast.expr) -> bool:
        """Whether what the called function makes shares with its arguments their elements only."""
        if self.scope.is_builtin(function, *BUILDERS):
            return True
        if (self.scope.canonical(function) or "").split(".")[0] in _MODULES:
            return True
        known = self.scope.value(root_of(function))
        return type(known).__module__ == "logging" or canonical_name(known) == "logging"

    def _is_join(self, node: ast.Call) -> bool:
        """Whether this is ``str.join`` or ``dict.fromkeys`` for certain."""
        if not _is_named_join(node):
            return False
        assert isinstance(node.func, ast.Attribute)
        owner = node.func.value
        known = self.scope.value(owner)
        return isinstance(owner, ast.JoinedStr) or isinstance(known, str) or known is dict

    def _ask_field(self, node: ast.Call) -> ast.expr | None:
        """``len(self.field)`` and ``bool(self.field)``."""
        argument = node.args[0]
        method = "length" if self.scope.is_builtin(node.func, "len") else "truth"
        field = self.container_of(argument)
        if field is not None:
            return self.access(field, argument, node, method)
        view = self.view_of(argument)
        if view is not None and isinstance(argument, ast.Call):
            assert isinstance(argument.func, ast.Attribute)
            return self.access(view, argument.func.value, node, method)
        return None

    def _copied_field(self, node: ast.Call) -> ast.expr | None:
        """``dict(self.rooms)``: the load is the copy."""
        if len(node.args) != 1 or node.keywords:
            return None
        field = self.container_of(node.args[0])
        if field is not None and self.scope.is_builtin(node.func, _COPYING[field.kind.value]):
            return self.access(field, node.args[0], node, "load")
        return None


def _is_named_join(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in ("join", "fromkeys")
        and len(node.args) >= 1
    )
