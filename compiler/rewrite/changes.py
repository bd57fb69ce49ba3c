"""Changes that would be lost: of copies, of constants, of memory at module level."""

from __future__ import annotations

import ast

from compiler.model import Field
from compiler.names import UNKNOWN
from compiler.rewrite.comprehensions import Comprehensions

__all__ = ["Changes"]


class Changes(Comprehensions):
    """Refuses changes that would be lost."""

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
            f"x = {shown}; change x; {shown} = x",
        )

    def _refuse_global(self, node: ast.AST, base: ast.Name) -> bool:
        value = self.scope.value(base)
        if value is UNKNOWN or self.scope.is_local(base.id):
            return False
        if isinstance(value, dict | list | set | bytearray) or (
            isinstance(value, type) and value.__module__ == self.function.plain.source.name
        ):
            self.error(
                node,
                f"{base.id} is shared memory at module level: it is lost between requests",
                f"self.{base.id.lower()}: Persistent[...] = ... in __init__",
            )
            return True
        return False
