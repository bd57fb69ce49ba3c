# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Expressions: operators, names, and what is not compiled."""

from __future__ import annotations

import ast
import pathlib
import types
from typing import Any

from compiler.names import UNKNOWN, canonical_name
from compiler.rewrite.nodes import locate
from compiler.rewrite.uses import Uses
from compiler.vocabulary import (
    MUTATORS,
    forbidden,
    is_nondeterministic,
    is_path,
    is_stateful,
    operation,
)

__all__ = ["Expressions"]


class Expressions(Uses):
    """Rewrites expressions."""

    # --- operators

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Comparisons; ``in`` asks the field."""
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            contained = self._contains(node)
            if contained is not None:
                return contained
        for operator, operand in zip(node.ops, [node.left, *node.comparators], strict=False):
            if isinstance(operator, ast.Is | ast.IsNot) and self.container_of(operand):
                self.error(operand, "a persistent field has no identity", "== or !=")
                return node
        identity = any(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
        rewritten, mark = self.value if identity else self.copied, self.held
        operands = [node.left, *node.comparators]
        node.left, *node.comparators = [rewritten(operand) for operand in operands]
        self.settle(mark)
        return node

    def _contains(self, node: ast.Compare) -> ast.expr | None:
        container = node.comparators[0]
        owner: ast.expr = container
        field = self.container_of(container)
        if field is None:
            field = self.view_of(container)
            if field is None:
                return None
            assert isinstance(container, ast.Call)
            assert isinstance(container.func, ast.Attribute)
            if container.func.attr != "keys":
                return None
            owner = container.func.value
        mark = self.held
        item = self.copied(node.left)
        self.settle(mark)
        test = self.access(field, owner, node, "contains", item)
        if isinstance(node.ops[0], ast.In):
            return test
        return locate(ast.UnaryOp(ast.Not(), test), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """``not x`` and the arithmetic ones."""
        if isinstance(node.op, ast.Not):
            node.operand = self.truth(node.operand)
        else:
            node.operand = self.consume(node.operand)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Arithmetic makes a new value, of the same elements; formatting makes a string."""
        text = isinstance(node.op, ast.Mod) and isinstance(self.scope.value(node.left), str)
        mark = self.held
        node.left = self.consume(node.left)
        node.right = self.copied(node.right) if text else self.consume(node.right)
        self.settle(mark)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """``a if test else b``."""
        node.test = self.truth(node.test)
        node.body = self.value(node.body)
        node.orelse = self.value(node.orelse)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """``{x}`` in an f-string."""
        mark = self.held
        node.value = self.copied(node.value)
        self.settle(mark)
        if node.format_spec is not None:
            node.format_spec = self.value(node.format_spec)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        """``*x`` in a display or a call."""
        if isinstance(node.ctx, ast.Load):
            mark = self.held
            node.value = self.iterate(node.value)
            self.settle(mark)
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """``{k: v, **x}``."""
        for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            if key is None:
                node.values[index] = self.consume(value)
            else:
                node.keys[index] = self.value(key)
                node.values[index] = self.value(value)
        return node

    # --- names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A variable, or a name of the module."""
        if not isinstance(node.ctx, ast.Load):
            return node
        if self.is_self(node):
            self.error(
                node,
                f"{node.id} is used as a value, but a service is not an object to pass around",
                f"the fields or methods themselves: {node.id}.field, {node.id}.method(...)",
            )
            return node
        value = self.scope.value(node)
        if value is not UNKNOWN:
            self.check_value(node, value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``x.name``: what a module or class holds, or a field."""
        if isinstance(node.ctx, ast.Load) and not self.is_self(node.value):
            value = self.scope.value(node)
            if value is not UNKNOWN:
                self.check_value(node, value)
                return node
            owner = self.scope.value(node.value)
            service = None if owner is UNKNOWN else self.declared.service_of(owner)
            if service is not None:
                self.unknown_method(node, service, node.attr)
                return node
            if self.shared(node.value) and node.attr in MUTATORS:
                self.refuse_change(node, node.value)
                return node
        return super().visit_Attribute(node)

    def check_value(self, node: ast.expr, value: Any) -> None:
        """A name of the module that is used as a value, not called."""
        shown = ast.unparse(node)
        name = canonical_name(_told_of(value))
        function = self.declared.function_of(value)
        service = self.declared.service_of(value)
        owner = getattr(node, "value", None)
        if service is None and owner is not None and self.scope.value(owner) is not UNKNOWN:
            service = self.declared.service_of(self.scope.value(owner))
            if service is not None and getattr(node, "attr", "") in service.constants:
                self.refuse_second_name(node)
                return
        if service is not None:
            self.error(
                node,
                f"the service {service.name} is used directly, but it runs elsewhere",
                f"call({service.name}.method, ...) or spawn({service.name}.method, ...)",
            )
        elif function is not None and function.effectful:
            self.error(
                node,
                f"the function {shown} is used as a value, but it asks for effects",
                f"a call: {shown}(...)",
            )
        elif operation(value) is not None:
            self.error(node, f"{shown} is used as a value", f"a call: {shown}(...)")
        elif is_stateful(value):
            self.error(
                node,
                f"{shown} is shared memory at module level: every process goes its own way with it",
                "one made in the method, or a Persistent field",
            )
        elif self.refuse_second_name(node):
            return
        elif name is not None:
            self._check_library(node, value, name, shown)

    def _check_library(self, node: ast.expr, value: Any, name: str, shown: str) -> None:
        refused = forbidden(name)
        if refused is not None:
            self.error(node, f"{shown}: {refused[0]}", refused[1])
        elif is_nondeterministic(name):
            self.error(
                node,
                f"{shown} is used as a value; only a call of it is remembered by the journal",
                f"a call: {shown}(...)",
            )
        elif isinstance(value, types.ModuleType) and name in ("random", "time", "uuid", "datetime"):
            self.error(node, f"the module {shown} is used as a value", f"{shown}.function(...)")

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """A lambda is plain Python: it may not use state."""
        if self.is_state(node):
            self.error(
                node,
                "this lambda uses state or asks for effects, but it is called from plain Python",
                "a loop or a comprehension, or read what it needs into a variable before",
            )
            return node
        return self.generic_visit(node)

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        """A method answers once."""
        return self._yields(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        """A method answers once."""
        return self._yields(node)

    def _yields(self, node: ast.Yield | ast.YieldFrom) -> ast.AST:
        if self.function.service is not None or self.function.effectful:
            self.error(node, "what asks for effects answers once, it cannot yield", "return a list")
            return node
        return self.generic_visit(node)


def _told_of(value: object) -> object:
    """What is said of ``value``, if not of it alone."""
    if is_path(value):
        return pathlib.Path
    return type(value) if type(value) is type(exit) else value
