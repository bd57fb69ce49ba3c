# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Statements: control, exceptions, transactions, and what may not stand in a method."""

from __future__ import annotations

import ast
from typing import TypeVar

from compiler.comments import carry
from compiler.model import Effect, EffectKind
from compiler.names import UNKNOWN
from compiler.rewrite.assignments import Assignments
from compiler.rewrite.nodes import load, locate, loop_targets, runtime_call, store
from compiler.vocabulary import operation
from core.errors import Cancelled

__all__ = ["Statements"]

S = TypeVar("S", bound=ast.stmt)

_BLOCKS = ("transaction", "timeout")
"""Operations of the user API that are entered."""


class Statements(Assignments):
    """Rewrites statements."""

    # --- control

    def visit_If(self, node: ast.If) -> ast.AST:
        """``if``."""
        node.test = self.truth(node.test)
        return self._blocks(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        """``while``."""
        node.test = self.truth(node.test)
        return self._blocks(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """``assert``."""
        node.test = self.truth(node.test)
        node.msg = node.msg and self.value(node.msg)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        """``for``."""
        node.iter = self.iterate(node.iter)
        self.settle()
        first: list[ast.stmt] = []
        leaves = loop_targets(node.target)
        for leaf in leaves:
            self.check_target(leaf)
        if any(self.is_stored(leaf) for leaf in leaves):
            name = self.temporary()
            first = self.assign_from(node.target, locate(load(name), node.target), node.target)
            node.target = locate(store(name), node.target)
        else:
            node.target = self.target(node.target)
        self._blocks(node)
        node.body[:0] = first
        return node

    def _blocks(self, node: S) -> S:
        """Rewrite the statements inside a compound statement."""
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if statements:
                setattr(node, name, self.block(statements))
        return node

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Rewrite a list of statements."""
        result: list[ast.stmt] = []
        self.settle()
        for statement in statements:
            rewritten = self.visit(statement)
            self.settle()
            became = rewritten if isinstance(rewritten, list) else [rewritten]
            carry(statement, became)
            result += became
        return result

    def visit_Return(self, node: ast.Return) -> ast.AST:
        """``return``: what leaves a service is a copy."""
        if node.value is not None:
            leaves = self.function.service is not None and not self.function.is_helper
            at_once = leaves and not self._finally_waits and not self._function_depth
            node.value = self.copied(node.value) if at_once else self.value(node.value)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """An expression as a statement."""
        node.value = self.value(node.value)
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        """``match``."""
        named = any(_names_subject(case.pattern) for case in node.cases)
        node.subject = self.value(node.subject) if named else self.consume(node.subject)
        self.settle()
        for case in node.cases:
            self._check_pattern(case.pattern)
            case.guard = case.guard and self.truth(case.guard)
            case.body = self.block(case.body)
        return node

    def _check_pattern(self, pattern: ast.pattern) -> None:
        """A pattern compares with values that are there; it waits for nothing."""
        for part in ast.walk(pattern):
            if isinstance(part, ast.expr) and self.is_state(part):
                shown = ast.unparse(part)
                self.error(part, "a pattern cannot read state", f"a guard: case x if x == {shown}:")
                return

    # --- exceptions and transactions

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """``try``."""
        for handler in node.handlers:
            self._check_handler(handler)
        for statement in node.finalbody:
            self._check_final(statement, in_loop=False)
        self._finally_waits += bool(node.finalbody)
        for handler in node.handlers:
            handler.body = self.block(handler.body)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        self._finally_waits -= bool(node.finalbody)
        node.finalbody = self.block(node.finalbody)
        return node

    def visit_TryStar(self, node: ast.TryStar) -> ast.AST:
        """``try`` with ``except*``."""
        return self.visit_Try(node)  # type: ignore[arg-type]  # the same fields

    def _check_handler(self, handler: ast.ExceptHandler) -> None:
        """No handler may swallow what is not an ``Exception``: the end of an attempt is one."""
        kinds: list[ast.expr] = []
        if handler.type is None:
            if not _reraises(handler.body):
                self.error(
                    handler,
                    "a bare except also catches the end of an execution, which is not yours",
                    "except Exception:",
                )
        elif isinstance(handler.type, ast.Tuple):
            kinds = handler.type.elts
        else:
            kinds = [handler.type]
        for kind in kinds:
            if self.is_state(kind):
                self.error(
                    kind,
                    "what a handler catches is asked for while an exception is under way, and "
                    "cannot read state or call",
                    "the exceptions by their names",
                )
                continue
            value = self.scope.value(kind)
            if isinstance(value, type) and not issubclass(value, Exception | Cancelled):
                self.error(
                    kind,
                    f"{ast.unparse(kind)} also catches the end of an execution, which is not yours",
                    "except Exception:",
                )

    def _check_final(self, statement: ast.AST, in_loop: bool) -> None:
        """``return`` in ``finally`` swallows any exception."""
        if isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        ):
            return
        leaves = isinstance(statement, ast.Return) or (
            isinstance(statement, ast.Break | ast.Continue) and not in_loop
        )
        if leaves:
            self.error(
                statement,
                "leaving a finally block this way swallows every exception, the end of an "
                "execution too",
                "the same statement after the try",
            )
        loop = in_loop or isinstance(statement, ast.For | ast.While)
        for child in ast.iter_child_nodes(statement):
            self._check_final(child, loop)

    def visit_With(self, node: ast.With) -> ast.AST:
        """``with transaction():`` and other context managers."""
        for item in node.items:
            if self._is(item, "timeout"):
                shown = ast.unparse(item.context_expr)
                remedy = f"async with {shown}:, in an async method"
                self.error(item.context_expr, f"{shown} is entered with async with", remedy)
                return node
        return self._with(node, node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        """``async with transaction():``."""
        for item in node.items:
            if not self._is(item, *_BLOCKS):
                self.error(
                    item.context_expr,
                    "inside a service, async with is for transactions and timeouts alone",
                    "async with transaction(): or a plain with",
                )
        return self._with(node, node)

    def _with(self, node: ast.With | ast.AsyncWith, place: ast.AST) -> ast.stmt:
        """One item at a time, from the inside out, as Python defines it."""
        for item in node.items:
            self._check_item(item)
            for meaning in _BLOCKS:
                if self._is(item, meaning) and isinstance(item.context_expr, ast.Call):
                    self.refuse_misfit(item.context_expr, meaning)
        rewritten = [self._item(item) for item in node.items]
        body = self.block(node.body)
        for item, meaning in reversed(rewritten):
            if meaning == "timeout":
                block: ast.stmt = locate(ast.AsyncWith([item], body), place)
            elif meaning == "transaction":
                block = locate(ast.AsyncWith([item], body), place)
                begin = Effect(EffectKind.BEGIN, place)
                end = Effect(EffectKind.COMMIT, place)
                self.function.effects += [begin, end]
                block.effect = (begin, end)  # type: ignore[attr-defined]
            else:
                block = locate(ast.With([item], body), place)
            body = [block]
        return body[0]

    def _is(self, item: ast.withitem, *meanings: str) -> bool:
        """Whether an item is one of these operations of the user API."""
        expression = item.context_expr
        if not isinstance(expression, ast.Call):
            return False
        value = self.scope.value(expression.func)
        return value is not UNKNOWN and operation(value) in meanings

    def _check_item(self, item: ast.withitem) -> None:
        if item.optional_vars is None:
            return
        for target in loop_targets(item.optional_vars):
            self.check_target(target)
            if self._is(item, *_BLOCKS) or self.is_stored(target):
                self.error(target, "this with statement can only set names", "with ...: alone")

    def _item(self, item: ast.withitem) -> tuple[ast.withitem, str]:
        """What is entered, and which of the user API's blocks it is."""
        if self._is(item, "transaction"):
            call = locate(runtime_call("Transaction"), item.context_expr)
            return ast.withitem(call, None), "transaction"
        if self._is(item, "timeout"):
            assert isinstance(item.context_expr, ast.Call)
            return ast.withitem(self.timeout(item.context_expr), None), "timeout"
        name = self.scope.canonical(
            item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
        )
        if name == "contextlib.suppress" and isinstance(item.context_expr, ast.Call):
            for kind in item.context_expr.args:
                value = self.scope.value(kind)
                if isinstance(value, type) and not issubclass(value, Exception | Cancelled):
                    self.error(
                        kind, "this also suppresses the end of an execution", "suppress(Exception)"
                    )
        item.context_expr = self.value(item.context_expr)
        if item.optional_vars is not None:
            item.optional_vars = self.target(item.optional_vars)
        return item, ""

    # --- what is refused, and what is nested

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        """``async for``."""
        self.error(
            node.iter, "asynchronous iteration is not available inside a service", "for ... in ..."
        )
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        """``import`` inside a method."""
        self._check_import(node, [alias.name for alias in node.names])
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """``from ... import`` inside a method."""
        self._check_import(node, [node.module or ""])
        return node

    def _check_import(self, node: ast.Import | ast.ImportFrom, modules: list[str]) -> None:
        """The plain run gives clock and chance to what stands at module level alone."""
        if {"time", "random", "uuid", "datetime"}.intersection(modules):
            self.error(node, "this import stands inside a method", "it at the top of the module")

    def visit_Global(self, node: ast.Global) -> ast.AST:
        """``global``."""
        self.error(
            node,
            f"{', '.join(node.names)} at module level is lost between requests",
            f"self.{node.names[0].lower()}: Persistent[...] = ... in __init__",
        )
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function inside the method is plain Python."""
        return self._nested(node, f"the function {node.name}")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """An asynchronous function inside the method."""
        self.error(
            node, "an asynchronous function inside a method is not compiled", "a helper method"
        )
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class inside the method is plain Python."""
        return self._nested(node, f"the class {node.name}")

    def _nested(self, node: ast.FunctionDef | ast.ClassDef, what: str) -> ast.AST:
        if self.is_state(node):
            self.error(
                node,
                f"{what} inside the method uses state or asks for effects",
                "a helper method of the service: def _name(self, ...)",
            )
            return node
        before, self._function_depth = self._function_depth, self._function_depth + 1
        node.body = self.block(node.body)
        self._function_depth = before
        return node

    _function_depth = 0
    """How many functions of the method's own are around what is being rewritten."""

    _finally_waits = 0
    """How many finally blocks run between a ``return`` here and the copy of its value."""


def _names_subject(pattern: ast.pattern) -> bool:
    """Whether a match gives the whole subject a name."""
    if isinstance(pattern, ast.MatchOr):
        return any(_names_subject(each) for each in pattern.patterns)
    if isinstance(pattern, ast.MatchClass):
        return bool(pattern.patterns)
    return isinstance(pattern, ast.MatchAs) and pattern.name is not None


def _reraises(body: list[ast.stmt]) -> bool:
    """Whether a handler ends by raising what it caught, and cannot leave before."""
    last = body[-1] if body else None
    leaves = any(
        isinstance(part, ast.Return | ast.Break | ast.Continue)
        for statement in body
        for part in ast.walk(statement)
    )
    return isinstance(last, ast.Raise) and last.exc is None and not leaves
