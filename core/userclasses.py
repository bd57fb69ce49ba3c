"""How the codec takes the application's own classes apart and puts them together.

Enums travel as their value; dataclasses, NamedTuples and msgspec.Structs as a
dict of their attributes. A dataclass is rebuilt without running ``__init__`` or
``__post_init__``, as copying would; an attribute that the bytes do not hold gets
its default, so that a class may gain attributes after values of it were stored.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from core.errors import UnsupportedValue

__all__ = ["UserClass", "describe", "qualified_name"]


class UserClass(NamedTuple):
    """A registered class.

    :ivar name: its qualified name, under which values are stored.
    :ivar take: a value's content, of supported types.
    :ivar make: the value with that content.
    """

    name: str
    kind: type
    take: Callable[[Any], Any]
    make: Callable[[Any], Any]


def qualified_name(kind: type) -> str:
    """The class's name with its module, or the bare name of a builtin."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def describe(kind: type) -> UserClass:
    """How to take apart and make values of ``kind``.

    :raises UnsupportedValue: it is no Enum, dataclass, NamedTuple or msgspec.Struct.
    """
    name = qualified_name(kind)
    if issubclass(kind, enum.Enum):
        return UserClass(name, kind, lambda value: value.value, kind)
    if issubclass(kind, msgspec.Struct):
        return UserClass(name, kind, msgspec.structs.asdict, lambda content: kind(**content))
    if issubclass(kind, tuple) and hasattr(kind, "_asdict"):
        return UserClass(name, kind, lambda value: value._asdict(), lambda c: kind(**c))
    if dataclasses.is_dataclass(kind):
        return _describe_dataclass(name, kind)
    raise UnsupportedValue(
        f"values of class {name} cannot be stored or sent: make it a dataclass, a NamedTuple, "
        "an Enum or a msgspec.Struct"
    )


def _describe_dataclass(name: str, kind: type) -> UserClass:
    fields = dataclasses.fields(kind)
    names = [field.name for field in fields]
    factories = {
        field.name: field.default_factory
        for field in fields
        if field.default_factory is not dataclasses.MISSING
    }
    defaults = {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}

    def take(value: Any) -> dict[str, Any]:
        content = {name: getattr(value, name) for name in names if hasattr(value, name)}
        content.update(getattr(value, "__dict__", {}))
        return content

    def make(content: dict[str, Any]) -> Any:
        value = object.__new__(kind) if not issubclass(kind, BaseException) else kind.__new__(kind)
        for missing in names:
            if missing not in content and missing in factories:
                object.__setattr__(value, missing, factories[missing]())
            elif missing not in content and missing in defaults:
                object.__setattr__(value, missing, defaults[missing])
        for attribute, item in content.items():
            object.__setattr__(value, attribute, item)
        return value

    return UserClass(name, kind, take, make)
