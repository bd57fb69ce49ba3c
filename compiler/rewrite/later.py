"""What goes on later, and what nobody waits for: sleeping, and when a request is started."""

from __future__ import annotations

import ast
from typing import Final

from compiler.model import EffectKind, Function
from compiler.rewrite.library import LibraryCalls
from compiler.rewrite.nodes import runtime_call
from core.durations import nanoseconds

__all__ = ["DUE", "LaterCalls"]

DUE: Final = ("after", "at")
"""What start takes besides the arguments of what it starts."""


class LaterCalls(LibraryCalls):
    """Rewrites calls that have to do with time."""

    awaiting: ast.AST | None = None
    """The operand of the ``await`` being rewritten."""

    def sleep(self, node: ast.Call) -> ast.AST:
        """A sleep: awaited in an async method, and without ``await`` in another."""
        if isinstance(self.function.node, ast.AsyncFunctionDef) and self.awaiting is not node:
            shown = ast.unparse(node)
            self.error(node, f"{shown} is not awaited", f"await {shown}")
        for duration in [*node.args, *(each.value for each in node.keywords)]:
            self.check_duration(duration)
        arguments = [self.copied(argument) for argument in node.args]
        call = runtime_call("sleep", arguments, self.keywords(node))
        return self.effect(EffectKind.SLEEP, node, call)

    def result(self, node: ast.Call) -> ast.AST:
        """Waiting for the answer of what was started: awaited, in an async method."""
        if self.awaiting is not node:
            shown = ast.unparse(node)
            self.error(node, f"{shown} is not awaited", f"await {shown}, in an async method")
        arguments = [self.copied(argument) for argument in node.args]
        call = runtime_call("result", arguments, self.keywords(node))
        return self.effect(EffectKind.RESULT, node, call)

    def timeout(self, node: ast.Call) -> ast.expr:
        """What is entered where a timeout begins."""
        for duration in [*node.args, *(each.value for each in node.keywords)]:
            self.check_duration(duration)
        call = runtime_call("timeout", list(map(self.copied, node.args)), self.keywords(node))
        return self.effect(EffectKind.TIMEOUT, node, call)

    def check_duration(self, node: ast.expr) -> None:
        """Record an error if a duration is written down that is none."""
        try:
            value = ast.literal_eval(node)
        except (TypeError, ValueError):
            return  # it is known when it is run
        try:
            nanoseconds(value)
        except (TypeError, ValueError) as error:
            what, _, remedy = str(error).partition(": ")
            self.error(node, what, remedy)

    def check_due(self, node: ast.Call, method: Function) -> None:
        """Record errors in what a start says of its time."""
        if method.is_private:
            self.error(
                node,
                f"{method.full_name} is private, and a start is a request of its own",
                "a method without an underscore, which may be @internal",
            )
        given = {each.arg: each for each in node.keywords if each.arg in DUE}
        arguments = method.node.args
        own = {each.arg for each in (*arguments.args, *arguments.kwonlyargs)}
        for name, keyword in given.items():
            if name in own:
                self.error(
                    keyword.value,
                    f"{name}=... says when {method.full_name} is started, and is a parameter of "
                    "it as well",
                    f"the parameter by position, or with another name than {name}",
                )
        if len(given) == len(DUE):
            self.error(node, "start takes after=... or at=..., not both", "one of them")
        if "after" in given and not _is_none(given["after"].value):
            self.check_duration(given["after"].value)
        if "at" in given and not _is_none(given["at"].value):
            at = given["at"].value
            if isinstance(at, ast.Constant | ast.JoinedStr):
                remedy = 'datetime(2031, 5, 1, 12, tzinfo=UTC), or after="3d"'
                self.error(at, f"at={ast.unparse(at)} is no datetime", remedy)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
