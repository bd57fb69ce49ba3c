"""What the type variables of a generic base stand for in a class that inherits from it."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

__all__ = ["substituted", "type_variables"]


def type_variables(cls: type, base: type | None) -> dict[Any, Any]:
    """The type variables of ``base``, and what they are in ``cls``: themselves if nobody says."""
    for alias in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = typing.get_origin(alias) or alias
        if not (isinstance(origin, type) and base is not None and issubclass(origin, base)):
            continue
        parameters = getattr(origin, "__parameters__", ())
        given = typing.get_args(alias) or parameters
        here = dict(zip(parameters, given, strict=False))
        below = type_variables(origin, base) if origin is not base else {p: p for p in parameters}
        return {variable: substituted(kind, here) for variable, kind in below.items()}
    return {each: each for each in getattr(base, "__parameters__", ())}


def substituted(kind: Any, variables: Mapping[Any, Any]) -> Any:
    """A type with its variables replaced."""
    if isinstance(kind, typing.TypeVar):
        return variables.get(kind, kind)
    parameters = getattr(kind, "__parameters__", ())
    if (isinstance(kind, type) and typing.get_origin(kind) is None) or not parameters:
        return kind
    return kind[tuple(variables.get(each, each) for each in parameters)]
