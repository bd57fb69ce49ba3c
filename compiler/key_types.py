"""Classes that an annotation has for keys, but whose values cannot be keys."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, Final

import msgspec

from compiler.names import Scope
from core.keys import can_be_key

__all__ = ["unfit_keys"]

_ABSTRACT: Final = ("abc", "collections.abc", "types", "typing", "typing_extensions")
"""Modules of classes that stand for other types in an annotation."""


def unfit_keys(
    persistent: ast.expr | str, scope: Scope, variables: Mapping[str, Any]
) -> Iterator[tuple[ast.AST, str, str]]:
    """What cannot be a key in ``dict[K, V]`` or ``set[K]``, why, and what can.

    :param variables: what the type variables are in the service, by their names.
    """
    if not isinstance(persistent, ast.Subscript):
        return
    inside = persistent.slice
    for part in ast.walk(inside.elts[0] if isinstance(inside, ast.Tuple) else inside):
        if not isinstance(part, ast.Name | ast.Attribute):
            continue
        written = ast.unparse(part)
        for kind in _classes(variables.get(written, scope.value(part))):
            if kind is object or kind.__module__ in _ABSTRACT or can_be_key(kind):
                continue
            hashed = kind.__hash__ is not None
            why = "who is equal to whom is not known" if hashed else "they cannot be hashed"
            of = written if kind.__name__ == written else f"{kind.__name__}, which {written} is,"
            yield part, f"values of {of} cannot be keys: {why}", _remedy(kind)


def _classes(kind: Any) -> Iterator[type]:
    """The classes of which a type is made up, those of a key's parts included."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is None:
        if isinstance(kind, type):
            yield kind
    elif origin is typing.Annotated:
        yield from _classes(arguments[0])
    elif origin is not typing.Literal:
        yield from _classes(origin)
        for each in arguments:
            yield from _classes(each)


def _remedy(kind: type) -> str:
    if is_dataclass(kind):
        return "@dataclass(frozen=True), with no __eq__ and __hash__ but those that it makes"
    if issubclass(kind, msgspec.Struct):
        return f"class {kind.__name__}(msgspec.Struct, frozen=True), with no __eq__ of its own"
    return "str, int, a tuple, a frozen dataclass, or another type that has an order of its own"
