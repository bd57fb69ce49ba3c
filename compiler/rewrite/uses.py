"""Where a value is kept, copied, used up, tested, or iterated over."""

from __future__ import annotations

import ast

from compiler.rewrite.calls import Calls

__all__ = ["Uses"]


class Uses(Calls):
    """Rewrites expressions by what becomes of their values, see :class:`Rewriting`."""

    def consume(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression whose value is used up, and whose elements may be kept."""
        self.refuse_future(node)
        if self.shared(node):
            return node
        held = self.consume_field(node)
        if held is not None:
            return held
        if isinstance(node, ast.IfExp):
            node.test = self.truth(node.test)
            node.body = self.consume(node.body)
            node.orelse = self.consume(node.orelse)
        elif isinstance(node, ast.BoolOp):
            node.values = [self.consume(value) for value in node.values]
        else:
            return self.value(node)
        return node

    def copied(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression of which at most a deep copy is kept."""
        if isinstance(node, ast.IfExp):
            node.test = self.truth(node.test)
            node.body = self.copied(node.body)
            node.orelse = self.copied(node.orelse)
        elif isinstance(node, ast.BoolOp):
            node.values = [self.copied(value) for value in node.values]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            node.elts = [self.copied(element) for element in node.elts]
        elif isinstance(node, ast.Dict):
            node.keys = [key and self.value(key) for key in node.keys]
            node.values = [self.copied(value) for value in node.values]
        else:
            return self.consume(node)
        return node

    def truth(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression that is only tested."""
        self.refuse_future(node)
        if self.shared(node):
            return node
        field = self.container_of(node)
        if field is not None:
            return self.access(field, node, node, "truth")
        if isinstance(node, ast.BoolOp):
            node.values = [self.truth(value) for value in node.values]
            return node
        return self.value(node)

    def iterate(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression that is only iterated over."""
        elements = self.iterate_field(node)
        return self.consume(node) if elements is None else elements

    def receiver(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression of which an attribute or element is taken."""
        self.refuse_future(node)
        return node if self.shared(node) else self.value(node)

    # --- futures

    def refuse_future(self, node: ast.expr) -> None:
        """Record an error if ``node`` is a future where its result must be meant."""
        if not self.is_future(node):
            return
        shown = ast.unparse(node)
        waits = isinstance(self.function.node, ast.AsyncFunctionDef)
        self.error(
            node,
            f"{shown} is a future here, not the result: nothing has waited for it",
            f"await {shown}" if waits else f"wait({shown})",
        )

    def is_future(self, node: ast.expr) -> bool:
        """Whether ``node`` is certainly a future that nobody waits for here."""
        if isinstance(node, ast.Call) and node is not self.awaiting:
            return self.meaning(node) in ("spawn", "gather")
        return isinstance(node, ast.Name) and node.id in self.futures
