# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Assignments. One that changes a field may become several statements: Python's order is kept."""

from __future__ import annotations

import ast

from compiler.rewrite.expressions import Expressions
from compiler.rewrite.fields import IN_PLACE
from compiler.rewrite.nodes import (
    assign,
    commute,
    is_plain_operand,
    load,
    locate,
    loop_targets,
    store,
)
from core.fields import FIELDS

__all__ = ["Assignments"]


class Assignments(Expressions):
    """Rewrites assignments and deletions."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        """``a = b = value``."""
        targets = [leaf for target in node.targets for leaf in loop_targets(target)]
        stored = [target for target in targets if self.is_stored(target)]
        for target in targets:
            self.check_target(target)
        unpacks = isinstance(node.targets[0], ast.Tuple | ast.List)
        if unpacks and len(node.targets) == 1:
            node.value = self.iterate(node.value)
        elif len(targets) == len(stored) == 1:
            node.value = self.copied(node.value)
        else:
            node.value = self.value(node.value)
        if not stored:
            node.targets = [self.target(target) for target in node.targets]
            return node
        return self._assign_stored(node)

    def _assign_stored(self, node: ast.Assign) -> list[ast.stmt]:
        if len(node.targets) == 1 and self.is_stored(node.targets[0]):
            target = node.targets[0]
            if not isinstance(target, ast.Subscript) or commute(target.slice, node.value):
                return self.store_field(target, node.value, node)
        name = self.temporary()
        result: list[ast.stmt] = [locate(assign(name, node.value), node)]
        for target in node.targets:
            result += self.assign_from(target, locate(load(name), node), node)
        return result

    def assign_from(self, target: ast.expr, value: ast.expr, node: ast.AST) -> list[ast.stmt]:
        """``target = value``, where ``value`` is a variable."""
        if self.is_stored(target):
            return self.store_field(target, value, node)
        leaves = loop_targets(target)
        if not any(self.is_stored(leaf) for leaf in leaves):
            return [locate(ast.Assign([self.target(target)], value), node)]
        names = {id(leaf): self.temporary() for leaf in leaves}
        unpacked = locate(ast.Assign([self._renamed(target, names)], value), node)
        result: list[ast.stmt] = [unpacked]
        for leaf in leaves:
            result += self.assign_from(leaf, locate(load(names[id(leaf)]), leaf), node)
        return result

    def _renamed(self, target: ast.expr, names: dict[int, str]) -> ast.expr:
        """The target with its innermost targets replaced by variables."""
        if isinstance(target, ast.Tuple | ast.List):
            parts = [self._renamed(part, names) for part in target.elts]
            return locate(type(target)(parts, ast.Store()), target)
        if isinstance(target, ast.Starred):
            renamed = self._renamed(target.value, names)
            return locate(ast.Starred(renamed, ast.Store()), target)
        return locate(store(names[id(target)]), target)

    def target(self, target: ast.expr) -> ast.expr:
        """A target that is no field: its parts may still read state."""
        if isinstance(target, ast.Subscript):
            target.value = self.receiver(target.value)
            target.slice = self.value(target.slice)
        elif isinstance(target, ast.Attribute):
            if not self.is_self(target.value):
                target.value = self.receiver(target.value)
        elif isinstance(target, ast.Tuple | ast.List):
            target.elts = [self.target(part) for part in target.elts]
        elif isinstance(target, ast.Starred):
            target.value = self.target(target.value)
        return target

    def check_target(self, target: ast.expr) -> None:
        """Record an error if ``target`` is a copy, a constant, unknown, or shared memory."""
        if self.is_self(target):
            self.error(target, "the service's own name is taken", "another variable")
        if self.is_stored(target) or isinstance(target, ast.Name):
            return
        if isinstance(target, ast.Attribute) and self.is_self(target.value):
            self._refuse_attribute(target)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self.refuse_change(target, target.value)

    def _refuse_attribute(self, target: ast.Attribute) -> None:
        assert self.service is not None
        name = target.attr
        remedy = f"self.{name}: Persistent[...] = ... in __init__"
        if name in self.service.constants:
            what = f"self.{name} is a constant: it is not Persistent"
        elif name in self.service.clients or name in self.service.methods:
            what, remedy = f"self.{name} cannot be assigned", "a field of another name"
        else:
            what = f"{self.service.name} has no field {name}{self.nearest(name)}"
            remedy = f"{name} = ..., a variable, for this request alone; to keep it, {remedy}"
        self.error(target, what, remedy)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.stmt]:
        """``target: T = value``."""
        self.check_target(node.target)
        if node.value is None:
            return node
        if self.is_stored(node.target):
            assignment = locate(ast.Assign([node.target], node.value), node)
            result: ast.AST | list[ast.stmt] = self.visit_Assign(assignment)
            return result
        node.value = self.value(node.value)
        node.target = self.target(node.target)  # type: ignore[assignment]
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        """``target op= value``: target, value, operation, target again; each evaluated once."""
        self.check_target(node.target)
        if not self.is_stored(node.target):
            node.target = self.target(node.target)  # type: ignore[assignment]
            node.value = self.consume(node.value)
            return node
        field = self.field_of(node.target)
        if field is not None and field.kind.is_container:
            return self._change_whole(node)
        setup: list[ast.stmt] = []
        target = node.target
        if isinstance(target, ast.Subscript):
            target = self._hold_key(target, node, setup)
        name = self.temporary()
        old = self.value(_as_load(target))
        change = ast.AugAssign(store(name), node.op, self.copied(node.value))
        setup += [locate(assign(name, old), node), locate(change, node)]
        return setup + self.store_field(target, locate(load(name), node), node)

    def _hold_key(
        self, target: ast.Subscript, node: ast.AST, setup: list[ast.stmt]
    ) -> ast.Subscript:
        """The target with a key that can be evaluated twice."""
        if is_plain_operand(target.slice):
            return target
        simple = isinstance(target.slice, ast.Name) and not any(
            isinstance(part, ast.NamedExpr) for part in ast.walk(node)
        )
        if simple:
            return target
        name = self.temporary()
        setup.append(locate(assign(name, self.key(target.slice)), target.slice))
        key = locate(load(name), target.slice)
        return locate(ast.Subscript(target.value, key, ast.Store()), target)

    def _change_whole(self, node: ast.AugAssign) -> list[ast.stmt]:
        """``self.list += items`` and the like on a field stored per element."""
        field = self.field_of(node.target)
        assert field is not None
        method = IN_PLACE.get(type(node.op))
        value = self.argument_of_field(node.value)
        self.settle()
        if method is not None and hasattr(FIELDS[field.kind], method):
            access = self.access(field, node.target, node, method, value)
            return [locate(ast.Expr(access), node)]
        name = self.temporary()
        whole = self.access(field, node.target, node, "load")
        change = ast.AugAssign(store(name), node.op, value)
        put = self.store_field(node.target, locate(load(name), node), node)
        return [locate(assign(name, whole), node), locate(change, node), *put]

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        """``(x := value)``."""
        node.value = self.value(node.value)
        return node

    def visit_Delete(self, node: ast.Delete) -> ast.AST | list[ast.stmt]:
        """``del a, b``."""
        result: list[ast.stmt] = []
        for target in node.targets:
            if isinstance(target, ast.Subscript) and self.container_of(target.value):
                result += self.delete_element(target, node)
                continue
            if self.is_stored(target):
                self.error(
                    target,
                    "a persistent field cannot be deleted",
                    f"{ast.unparse(target)}.clear(), or an empty value",
                )
            self.check_target(target)
            result.append(locate(ast.Delete([self.target(target)]), node))
        return result


def _as_load(target: ast.expr) -> ast.expr:
    """The target of an augmented assignment, as the expression that reads it."""
    if isinstance(target, ast.Subscript):
        return locate(ast.Subscript(target.value, target.slice, ast.Load()), target)
    assert isinstance(target, ast.Attribute)
    return locate(ast.Attribute(target.value, target.attr, ast.Load()), target)
