"""What an application stores, from its annotations: see :mod:`core.shape`.

Annotations of fields are expressions in the source, those of classes live objects; both end as
the same text. What cannot be known (no annotation, a name that only a type checker has, a protocol,
a type variable) is ``object``.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from compiler.field_types import field_type
from compiler.model import Declared, Field
from core.shape import OBJECT, Attribute, ClassShape, FieldShape, Shape
from core.userclasses import qualified_name

__all__ = ["shape_of"]

_BARE = {
    list: "list[object]",
    set: "set[object]",
    frozenset: "frozenset[object]",
    dict: "dict[object, object]",
    tuple: "tuple[object, ...]",
}
_PLAIN_BASES = (bool, int, float, complex, str, bytes)


def shape_of(declared: Declared, own: Iterable[type]) -> Shape:
    """The shape of an application's data.

    :param own: its own classes, of which values may be stored.
    """
    own = [kind for kind in own if not issubclass(kind, BaseException)]
    texts = _Texts(own)
    return Shape(
        {
            field.full_name: FieldShape(field.kind.value, _field_text(texts, field, service.cls))
            for service in declared.services.values()
            for field in service.fields.values()
        },
        {},
        {qualified_name(kind): _class_shape(texts, kind) for kind in own},
    )


def _field_text(texts: _Texts, field: Field, service: type) -> str:
    """The type of a field; of a container at least that it is one."""
    known = texts.text(field_type(field, service))
    kind = {"dict": dict, "list": list, "set": set}.get(field.kind.value)
    if kind is None or known.startswith(f"{kind.__name__}["):
        return known
    return _BARE[kind]


class _Texts:
    """Types as text."""

    def __init__(self, own: Iterable[type]) -> None:
        self._own = frozenset(own)

    def text(self, kind: Any) -> str:
        """A type as text."""
        if isinstance(kind, type) and typing.get_origin(kind) is None:
            return self._class(kind)
        if kind is None:
            return "None"
        if isinstance(kind, typing.NewType):
            return self.text(kind.__supertype__)
        if hasattr(kind, "__value__"):  # type X = ...
            return self.text(kind.__value__)
        return self._generic(typing.get_origin(kind), typing.get_args(kind))

    def _class(self, kind: type) -> str:
        if kind is type(None):
            return "None"
        if kind in _BARE:
            return _BARE[kind]
        if typing.is_typeddict(kind):
            return _BARE[dict]
        is_known = kind in self._own or kind.__module__ in (
            "builtins",
            "datetime",
            "decimal",
            "uuid",
        )
        return qualified_name(kind) if is_known else OBJECT

    def _generic(self, origin: Any, arguments: tuple[Any, ...]) -> str:
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments)
        if origin is typing.Annotated:
            return self.text(arguments[0])
        if origin is typing.Literal:
            return self._union(tuple(map(type, arguments)))
        if origin is tuple:
            return f"tuple[{', '.join(map(self._element, arguments)) or '()'}]"
        if origin in _BARE and arguments:
            return f"{origin.__name__}[{', '.join(map(self.text, arguments))}]"
        if isinstance(origin, type):  # a class of the application with arguments
            return self._class(origin)
        return OBJECT

    def _element(self, argument: Any) -> str:
        return "..." if argument is ... else self.text(argument)

    def _union(self, members: tuple[Any, ...]) -> str:
        texts = list(dict.fromkeys(map(self.text, members)))
        return OBJECT if OBJECT in texts else " | ".join(texts)


def _class_shape(texts: _Texts, kind: type) -> ClassShape:
    bases = [
        qualified_name(base)
        for base in kind.__mro__[1:]
        if base in texts._own or base in _PLAIN_BASES
    ]
    if issubclass(kind, enum.Enum):
        values = sorted({repr(member.value) for member in kind.__members__.values()})
        return ClassShape(bases=bases, values=values)
    hints = _hints(kind)
    return ClassShape(
        {
            name: Attribute(texts.text(hints.get(name, object)), has_default)
            for name, has_default in _attributes(kind)
        },
        keeps=dataclasses.is_dataclass(kind) and "__dict__" in dir(kind),
        bases=bases,
    )


def _hints(kind: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # names that only a type checker has
        return {}


def _attributes(kind: type) -> list[tuple[str, bool]]:
    """The fields of a class, and whether each has a default."""
    if issubclass(kind, msgspec.Struct):
        return [(each.name, not each.required) for each in msgspec.structs.fields(kind)]
    if dataclasses.is_dataclass(kind):
        return [
            (
                each.name,
                each.default is not dataclasses.MISSING
                or each.default_factory is not dataclasses.MISSING,
            )
            for each in dataclasses.fields(kind)
        ]
    names: tuple[str, ...] = getattr(kind, "_fields", ())
    return [(name, name in getattr(kind, "_field_defaults", {})) for name in names]
