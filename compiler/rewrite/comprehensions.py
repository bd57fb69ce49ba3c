# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Comprehensions and generator expressions over state.

A comprehension inside a coroutine may await, so it keeps its form. A generator
expression may not: it would run when its consumer asks, not where it stands. It
is rewritten where its consumer uses it up at once, and refused elsewhere.
"""

from __future__ import annotations

import ast
from typing import Final

from compiler.rewrite.fields import FieldAccess
from compiler.rewrite.nodes import as_list, awaited, locate, runtime_call

__all__ = ["Comprehensions"]

_EARLY: Final = {"any": "any_of", "all": "all_of", "next": "first_of"}
_USES_UP: Final = ("sum", "list", "sorted", "min", "max", "set", "dict", "tuple", "frozenset")


class Comprehensions(FieldAccess):
    """Rewrites comprehensions."""

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        """``[...]``."""
        self._generators(node.generators)
        node.elt = self.value(node.elt)
        return node

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        """``{...}``."""
        self._generators(node.generators)
        node.elt = self.value(node.elt)
        return node

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        """``{k: v ...}``."""
        self._generators(node.generators)
        node.key = self.value(node.key)
        node.value = self.value(node.value)
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        """``(...)`` outside a consumer that uses it up."""
        if self.is_lazy_state(node):
            self.error(
                node,
                "this generator expression reads state when somebody asks for its elements, "
                "not here",
                f"a list: [{ast.unparse(node)[1:-1]}]",
            )
            return node
        return self._rewritten(node)

    def _rewritten(self, node: ast.GeneratorExp) -> ast.GeneratorExp:
        self._generators(node.generators)
        node.elt = self.value(node.elt)
        return node

    def is_lazy_state(self, node: ast.AST) -> bool:
        """Whether ``node`` is a generator expression that needs state after it was made."""
        if not isinstance(node, ast.GeneratorExp):
            return False
        first = node.generators[0]
        parts: list[ast.AST] = [node.elt, first.target, *first.ifs, *node.generators[1:]]
        for part in parts:
            for inner in ast.walk(part):
                if isinstance(inner, ast.Await):
                    self.error(inner, "a generator expression cannot await", "a list: [...]")
        return any(self.is_state(part) for part in parts)

    def _generators(self, generators: list[ast.comprehension]) -> None:
        for generator in generators:
            if generator.is_async:
                self.error(
                    generator.iter,
                    "asynchronous iteration is not available inside a service",
                    "for ... in ...",
                )
            for target in ast.walk(generator.target):
                if isinstance(target, ast.Attribute | ast.Subscript):
                    self.error(target, "a comprehension may only set names", "a for statement")
            mark = self.held
            generator.iter = self.iterate(generator.iter)
            self.settle(mark)
            generator.ifs = [self.truth(test) for test in generator.ifs]

    # --- consumers of generator expressions

    def consumed_generator(self, node: ast.Call) -> ast.expr | None:
        """A call that uses up a generator expression over state, rewritten; else None."""
        if not node.args or not self.is_lazy_state(node.args[0]):
            return None
        generator = node.args[0]
        assert isinstance(generator, ast.GeneratorExp)
        if self.scope.is_builtin(node.func, *_EARLY) and not node.keywords:
            assert isinstance(node.func, ast.Name)
            rest = [self.value(argument) for argument in node.args[1:]]
            call = runtime_call(_EARLY[node.func.id], [self._rewritten(generator), *rest])
            return locate(awaited(call), node)
        joins = (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "join"
            and isinstance(node.func.value, ast.Constant)
        )
        if joins or self.scope.is_builtin(node.func, *_USES_UP):
            node.args[0] = self.value(as_list(generator))
            node.args[1:] = [self.value(argument) for argument in node.args[1:]]
            for keyword in node.keywords:
                keyword.value = self.value(keyword.value)
            return node
        return None
