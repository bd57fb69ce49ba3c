"""Classes that an annotation has for keys, but whose values cannot be keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Final

import msgspec

from compiler.names import Scope
from core.keys import can_be_key

__all__ = ["unfit_keys"]

_ABSTRACT: Final = ("abc", "collections.abc", "types", "typing", "typing_extensions")
"""Modules of classes that stand for other types in an annotation."""


def unfit_keys(persistent: ast.expr | str, scope: Scope) -> Iterator[tuple[ast.AST, str, str]]:
    """What cannot be a key in ``dict[K, V]`` or ``set[K]``, why, and what can."""
    if not isinstance(persistent, ast.Subscript):
        return
    inside = persistent.slice
    for part in ast.walk(inside.elts[0] if isinstance(inside, ast.Tuple) else inside):
        value = scope.value(part) if isinstance(part, ast.Name | ast.Attribute) else None
        if not isinstance(value, type) or value is object or value.__module__ in _ABSTRACT:
            continue
        if not can_be_key(value):
            hashed = value.__hash__ is not None
            why = "who is equal to whom is not known" if hashed else "they cannot be hashed"
            what = f"values of {ast.unparse(part)} cannot be keys: {why}"
            yield part, what, _remedy(value)


def _remedy(kind: type) -> str:
    if is_dataclass(kind):
        return "@dataclass(frozen=True), with no __eq__ and __hash__ but those that it makes"
    if issubclass(kind, msgspec.Struct):
        return f"class {kind.__name__}(msgspec.Struct, frozen=True), with no __eq__ of its own"
    return "str, int, a tuple, a frozen dataclass, or another type that has an order of its own"
