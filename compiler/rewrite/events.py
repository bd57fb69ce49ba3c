"""Named events: which one is meant is known before the program runs."""

from __future__ import annotations

import ast

from compiler.api.events import BadEvent, Event, name_of
from compiler.model import EffectKind
from compiler.names import UNKNOWN
from compiler.rewrite.later import LaterCalls
from compiler.rewrite.nodes import runtime_call

__all__ = ["EventCalls"]


class EventCalls(LaterCalls):
    """Rewrites waiting for events, and signalling them."""

    def event(self, node: ast.Call) -> ast.AST:
        """Waiting for an event: awaited, in an async method."""
        if self.awaiting is not node:
            shown = ast.unparse(node)
            self.error(node, f"{shown} is not awaited", f"await {shown}, in an async method")
        for keyword in node.keywords:
            if not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None):
                self.check_duration(keyword.value)
        return self._of_event(EffectKind.EVENT, "event", node)

    def signal(self, node: ast.Call) -> ast.AST:
        """Saying that an event has happened."""
        return self._of_event(EffectKind.SIGNAL, "signal", node)

    def _of_event(self, kind: EffectKind, operation: str, node: ast.Call) -> ast.AST:
        name = self._name(node)
        if name is None:
            return node
        mark = self.held
        given = [ast.Constant(name), *map(self.copied, node.args[1:])]
        call = runtime_call(operation, given, self.keywords(node))
        self.settle(mark)
        return self.effect(kind, node, call, name)

    def _name(self, node: ast.Call) -> str | None:
        """The event's name; None, with an error, if it is not written down."""
        shown, first = ast.unparse(node.func), node.args[0]
        value = self.scope.value(first)
        if value is UNKNOWN and isinstance(first, ast.Constant):
            value = first.value
        if isinstance(value, Event | str):
            try:
                return name_of(value)
            except BadEvent as error:
                self.error(first, error.what, error.remedy)
                return None
        self.error(
            first,
            f"{shown} needs to know which event is meant, before the program runs",
            f'{shown}("paid", ...), or PAID = Event[...]("paid") at module level and '
            f"{shown}(PAID, ...); what differs from one to another is the key",
        )
        return None
