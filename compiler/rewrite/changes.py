"""Changes that would be lost: of copies, of constants, of memory at module level."""

from __future__ import annotations

import ast
import types
from typing import Any

from compiler.model import Field
from compiler.names import UNKNOWN, canonical_name
from compiler.rewrite.comprehensions import Comprehensions
from compiler.vocabulary import CHANGE_ARGUMENTS, CONTAINERS, MUTATORS

__all__ = ["Changes"]


class Changes(Comprehensions):
    """Refuses changes that would be lost, and second names through which they would be made."""

    # --- what all requests share

    def shared(self, node: ast.AST) -> bool:
        """Whether ``node`` names a container at module level, or a constant of the service."""
        return isinstance(self._shared_value(node), CONTAINERS)

    def _shared_value(self, node: ast.AST) -> Any:
        if self.service and isinstance(node, ast.Attribute) and self.is_self(node.value):
            return self.service.values.get(node.attr, UNKNOWN)
        return self.scope.value(node) if isinstance(node, ast.Name | ast.Attribute) else UNKNOWN

    def refuse_second_name(self, node: ast.expr) -> bool:
        """Record an error if ``node``, whose value is kept, names what all requests share."""
        value = self._shared_value(node)
        if not isinstance(value, CONTAINERS):
            return False
        shown = ast.unparse(node)
        self.error(
            node,
            f"this would make a second name for {shown}, which all requests share: what is "
            "changed through it is lost",
            f"{type(value).__name__}({shown}) for a copy, or use {shown} directly",
        )
        return True

    def is_library(self, function: ast.expr) -> bool:
        """Whether ``function`` is of Python's or another library, and leaves arguments as is."""
        value = self.scope.value(function)
        if value is UNKNOWN or canonical_name(value) in CHANGE_ARGUMENTS:
            return False
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            return False
        ours = {plain.source.name for plain in self.declared.plain_modules}
        return getattr(value, "__module__", None) not in ours

    # --- changes

    def refuse_change(self, node: ast.AST, owner: ast.expr) -> bool:
        """Record an error if changing ``owner`` would change a copy, or shared memory."""
        base: ast.expr = owner
        while True:
            field = self.field_of(base)
            if field is not None:
                self._refuse_copy(node, field, owner)
                return True
            if self.is_self(getattr(base, "value", None) or base) and isinstance(
                base, ast.Attribute
            ):
                if base.attr in (self.service.constants if self.service else ()):
                    self.error(
                        node,
                        f"self.{base.attr} is a constant: it is not Persistent",
                        f"self.{base.attr}: Persistent[...] = ... in __init__",
                    )
                    return True
                return False
            if isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            elif isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute):
                base = base.func.value
            else:
                break
        return isinstance(base, ast.Name) and self._refuse_global(node, base)

    def _refuse_copy(self, node: ast.AST, field: Field, owner: ast.expr) -> None:
        shown = ast.unparse(owner)
        self.error(
            node,
            f"this changes a copy: {shown} is read from self.{field.name}, and values read are "
            "copies",
            "x = {}; change x; {} = x".format(*_read_and_place(owner, field)),
        )

    def _refuse_global(self, node: ast.AST, base: ast.Name) -> bool:
        value = self.scope.value(base)
        if value is UNKNOWN or self.scope.is_local(base.id) or base.id not in self.scope.namespace:
            return False
        of_a_library = isinstance(value, types.ModuleType | type | types.FunctionType) and (
            getattr(value, "__module__", value.__name__)
            not in {plain.source.name for plain in self.declared.plain_modules}
        )
        if of_a_library and isinstance(node, ast.Call):
            return False  # a function of it, whatever its name
        if isinstance(node, ast.Call) and not isinstance(value, (*CONTAINERS, type)):
            return False
        self.error(
            node,
            f"{base.id} is shared memory at module level: it is lost between requests",
            f"self.{base.id.lower()}: Persistent[...] = ... in __init__",
        )
        return True


def _read_and_place(owner: ast.expr, field: Field) -> tuple[str, str]:
    """How to read the element or field inside which ``owner`` is, and how to store it again."""
    chain: list[ast.expr] = [owner]
    while isinstance(chain[-1], ast.Attribute | ast.Subscript | ast.Call):
        last = chain[-1]
        chain.append(last.func if isinstance(last, ast.Call) else last.value)
    *inside, whole, _ = chain
    shown = ast.unparse(whole)
    if not field.kind.is_container:
        return shown, shown
    for part in reversed(inside):
        if isinstance(part, ast.Subscript):
            return ast.unparse(part), ast.unparse(part)
        if isinstance(part, ast.Call) and part.args:
            return ast.unparse(part), f"{shown}[{ast.unparse(part.args[0])}]"
    return f"{field.kind.value}({shown})", shown
