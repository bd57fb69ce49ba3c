"""What every part of the rewriting shares: the function at hand, its effects, its errors."""

from __future__ import annotations

import ast
from typing import Any

from compiler.model import Declared, Effect, EffectKind, Field, Function
from compiler.names import UNKNOWN
from compiler.rewrite.futures import future_names
from compiler.rewrite.nodes import awaited, locate

__all__ = ["Rewriting"]


class Rewriting(ast.NodeTransformer):
    """Rewrites the body of one function; the parts are in the sibling modules.

    ``visit`` rewrites an expression whose value the program keeps. A whole field may not stand
    there: the name it is given would be a second one for the live field, and compiled only for
    a copy. It may stand where no such name can be made: ``copied`` rewrites an expression of
    which at most a deep copy is kept, ``consume`` one whose value is used up but whose elements
    may be kept, ``truth`` one that is only tested, ``iterate`` one that is only iterated over,
    ``receiver`` one of which an attribute or element is taken.
    """

    def __init__(self, declared: Declared, function: Function) -> None:
        self.declared = declared
        self.function = function
        self.service = function.service
        self.scope = function.scope
        self.self_name = function.self_name
        self.futures = future_names(function.node, function.scope)
        self._temporaries = 0

    # --- errors, places, names

    def error(self, node: ast.AST, what: str, remedy: str) -> None:
        """Record that ``node`` cannot be compiled."""
        source = self.function.plain.source
        self.declared.problems.add(source.path, source.text, node, what, remedy)

    def temporary(self) -> str:
        """A fresh variable."""
        self._temporaries += 1
        return f"_mu_{self._temporaries}"

    def effect(
        self, kind: EffectKind, node: ast.AST, call: ast.Call, target: str = "", **details: Any
    ) -> ast.Await:
        """``await call``, known to the analysis as an effect at ``node``."""
        result = locate(awaited(call), node)
        found = Effect(kind, node, target, call=call, node_emitted=result, **details)
        self.function.effects.append(found)
        result.effect = found  # type: ignore[attr-defined]
        return result

    # --- what an expression is

    def is_self(self, node: ast.AST) -> bool:
        """Whether ``node`` is the method's instance."""
        return isinstance(node, ast.Name) and node.id == self.self_name

    def field_of(self, node: ast.AST) -> Field | None:
        """The persistent field that ``node`` names, as in ``self.rooms``."""
        if self.service and isinstance(node, ast.Attribute) and self.is_self(node.value):
            return self.service.fields.get(node.attr)
        return None

    def container_of(self, node: ast.AST) -> Field | None:
        """The field stored per element that ``node`` names."""
        found = self.field_of(node)
        return found if found is not None and found.kind.is_container else None

    def helper_of(self, node: ast.AST) -> Function | None:
        """The method of the same service, or function of the application, that ``node`` names."""
        if self.service and isinstance(node, ast.Attribute) and self.is_self(node.value):
            return self.service.methods.get(node.attr)
        if isinstance(node, ast.Name | ast.Attribute):
            value = self.scope.value(node)
            if value is not UNKNOWN:
                return self.declared.function_of(value)
        return None

    def client_of(self, node: ast.AST) -> str | None:
        """The service whose client ``node`` names, in the paper's style."""
        if self.service and isinstance(node, ast.Attribute) and self.is_self(node.value):
            return self.service.clients.get(node.attr)
        return None

    def is_state(self, node: ast.AST) -> bool:
        """Whether ``node`` reads state or asks for an effect anywhere inside."""
        from compiler.effectful import uses_effects

        return uses_effects(self.declared, self.function, node)

    # --- the ways to use an expression, see the class

    def consume(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression whose value is used up, and whose elements may be kept."""
        raise NotImplementedError

    def copied(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression of which at most a deep copy is kept."""
        raise NotImplementedError

    def shared(self, node: ast.AST) -> bool:
        """Whether ``node`` names a container that all requests share."""
        raise NotImplementedError

    def refuse_second_name(self, node: ast.expr) -> bool:
        """Record an error if ``node``, whose value is kept, names what all requests share."""
        raise NotImplementedError

    def refuse_future(self, node: ast.expr) -> None:
        """Record an error if ``node`` is a future where its result must be meant."""
        raise NotImplementedError

    def truth(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression that is only tested."""
        raise NotImplementedError

    def iterate(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression that is only iterated over."""
        raise NotImplementedError

    def receiver(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression of which an attribute or element is taken."""
        raise NotImplementedError

    def value(self, node: ast.expr) -> ast.expr:
        """Rewrite an expression whose value the program keeps."""
        result: ast.expr = self.visit(node)
        return result
