"""Functions of the outside world: asked by name, spawned, and where they cannot stand."""

from __future__ import annotations

import ast

from compiler.api.outside import OutsideFunction
from compiler.model import EffectKind
from compiler.names import UNKNOWN
from compiler.rewrite.events import EventCalls
from compiler.rewrite.nodes import runtime_call
from compiler.signatures import misfit

__all__ = ["OutsideCalls"]


class OutsideCalls(EventCalls):
    """Rewrites calls of outside functions."""

    def ask(self, node: ast.Call) -> ast.AST:
        """``charge(card, cents)``: awaited if the function is async."""
        function = self.scope.value(node.func)
        assert isinstance(function, OutsideFunction)
        shown = ast.unparse(node)
        if function.is_async and self.awaiting is not node:
            in_coroutine = isinstance(self.function.node, ast.AsyncFunctionDef)
            remedy = f"await {shown}" if in_coroutine else f"wait(spawn({_inside(node)}))"
            self.error(node, f"{ast.unparse(node.func)} is async and is not awaited", remedy)
        if not function.is_async and self.awaiting is node:
            self.error(node, f"{ast.unparse(node.func)} is not async", f"{shown} without await")
        return self._asked("ask", node, function, node.args)

    def spawn_outside(self, node: ast.Call, meaning: str) -> ast.AST | None:
        """``spawn(charge, card, cents)``; None if no outside function is named."""
        value = self.scope.value(node.args[0])
        if value is UNKNOWN or not isinstance(value, OutsideFunction):
            return None
        shown = ast.unparse(node.args[0])
        if meaning == "spawn":
            return self._asked("ask_spawned", node, value, node.args[1:])
        if meaning == "call":
            remedy = f"{shown}(...)"
        else:
            remedy = f"{ast.unparse(node.func)}(Service.method, ...) of a method that calls {shown}"
        self.error(node, f"{shown} is an outside function, not a method of a service", remedy)
        return node

    def _asked(
        self,
        name: str,
        node: ast.Call,
        function: OutsideFunction[..., object],
        arguments: list[ast.expr],
    ) -> ast.AST:
        problem = misfit(function.signature, arguments, node.keywords)
        if problem is not None:
            shown = f"{function.__name__}{function.signature}"
            self.error(node, f"{function.__name__}: {problem}", shown)
        mark = self.held
        given = [self.copied(each) for each in arguments]
        target = function.declaration.name
        call = runtime_call(name, [ast.Constant(target), *given], self.keywords(node))
        self.settle(mark)
        operation = "spawn" if name == "ask_spawned" else ""
        return self.effect(EffectKind.OUTSIDE, node, call, target, operation=operation)


def _inside(node: ast.Call) -> str:
    """``f, x`` of ``f(x)``."""
    arguments = ", ".join(map(ast.unparse, [*node.args, *node.keywords]))
    return ", ".join(part for part in (ast.unparse(node.func), arguments) if part)
