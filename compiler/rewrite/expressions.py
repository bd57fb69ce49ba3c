# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Expressions: where a value is kept, used up, tested, or iterated over."""

from __future__ import annotations

import ast
import random
import types
from collections.abc import Iterator
from typing import Any, Final

from compiler.names import UNKNOWN, canonical_name
from compiler.rewrite.calls import Calls
from compiler.rewrite.nodes import locate, runtime_call
from compiler.vocabulary import forbidden, is_nondeterministic, operation

__all__ = ["Expressions"]

_ORDERED: Final = (
    *(ast.Constant, ast.List, ast.Tuple, ast.ListComp, ast.Dict, ast.DictComp),
    *(ast.GeneratorExp, ast.JoinedStr),
)
_ORDERED_CALLS: Final = (
    *("range", "sorted", "list", "tuple", "enumerate", "zip", "reversed", "dict", "str"),
    *("map", "filter", "iter", "bytes"),
)
_TUPLES: Final = ("gather", "wait_all")
_ORDERED_METHODS: Final = ("items", "values", "split", "splitlines", "most_common")


class Expressions(Calls):
    """Rewrites expressions."""

    # --- the ways to use a value

    def consume(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression whose value is used up: a copy of a container will do."""
        copied = self.consume_field(node)
        if copied is not None:
            return copied
        if isinstance(node, ast.IfExp):
            node.test = self.truth(node.test)
            node.body = self.consume(node.body)
            node.orelse = self.consume(node.orelse)
        elif isinstance(node, ast.BoolOp):
            node.values = [self.consume(value) for value in node.values]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            node.elts = [self.consume(element) for element in node.elts]
        elif isinstance(node, ast.Dict):
            node.keys = [key and self.value(key) for key in node.keys]
            node.values = [self.consume(value) for value in node.values]
        elif isinstance(node, ast.Starred):
            node.value = self.iterate(node.value)
        else:
            return self.value(node)
        return node

    def truth(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression that is only tested."""
        field = self.container_of(node)
        if field is not None:
            return self.access(field, node, node, "truth")
        if isinstance(node, ast.BoolOp):
            node.values = [self.truth(value) for value in node.values]
            return node
        return self.value(node)

    def iterate(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression that is only iterated over, sets in the order of their keys."""
        elements = self.iterate_field(node)
        if elements is not None:
            return elements
        ordered = self.is_ordered(node)
        result = self.consume(node)
        return result if ordered else locate(runtime_call("ordered", [result]), node)

    def is_ordered(self, node: ast.expr) -> bool:
        """Whether ``node`` is certainly no set."""
        if isinstance(node, _ORDERED):
            return True
        if isinstance(node, ast.Await):
            return isinstance(node.value, ast.Call) and self._meaning(node.value) in _TUPLES
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                return node.func.attr in _ORDERED_METHODS
            return self.scope.is_builtin(node.func, *_ORDERED_CALLS)
        return False

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
        operands = [node.left, *node.comparators]
        node.left, *node.comparators = [self.consume(operand) for operand in operands]
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
        item = self.consume(node.left)
        test = self.access(field, owner, node, "contains", item)
        if isinstance(node.ops[0], ast.In):
            return test
        return locate(ast.UnaryOp(ast.Not(), test), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """``not x`` and the arithmetic ones."""
        if isinstance(node.op, ast.Not):
            node.operand = self.truth(node.operand)
        else:
            node.operand = self.value(node.operand)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Arithmetic makes a new value."""
        node.left = self.consume(node.left)
        node.right = self.consume(node.right)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """``a if test else b``."""
        node.test = self.truth(node.test)
        node.body = self.value(node.body)
        node.orelse = self.value(node.orelse)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """``{x}`` in an f-string."""
        node.value = self.consume(node.value)
        if node.format_spec is not None:
            node.format_spec = self.value(node.format_spec)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        """``*x`` in a display or a call."""
        if isinstance(node.ctx, ast.Load):
            node.value = self.iterate(node.value)
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
        return super().visit_Attribute(node)

    def check_value(self, node: ast.expr, value: Any) -> None:
        """A name of the module that is used as a value, not called."""
        shown = ast.unparse(node)
        name = canonical_name(value)
        function = self.declared.function_of(value)
        service = self.declared.service_of(value)
        owner = getattr(node, "value", None)
        if service is None and owner is not None and self.scope.value(owner) is not UNKNOWN:
            service = self.declared.service_of(self.scope.value(owner))
            if service is not None and getattr(node, "attr", "") in service.constants:
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
        elif isinstance(value, random.Random | Iterator):
            self.error(
                node,
                f"{shown} is shared memory at module level: every process goes its own way with it",
                "one made in the method, or a Persistent field",
            )
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
