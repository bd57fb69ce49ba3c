"""What an application's data are, as lines of JSON that a person can read.

It needs no code of the application: values of its classes are shown with the class's name. All of
it is of one version, as long as the store can read that one; what takes longer goes on at a later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from backends.runtime.snapshot import again, kept_as
from backends.runtime.store import AsyncStore
from core.errors import MuError, TooOld, UnsupportedValue
from core.keys import decode_key
from core.layout import field_range
from core.protocol import Protocol
from core.shape import Shape
from core.store import KeyRange
from core.undeclared import UndeclaredCodec

__all__ = ["NoSuchField", "dump"]

_PAGE = 1_000


class NoSuchField(MuError):
    """The store holds no field of this name."""


async def dump(store: AsyncStore, field: str = "") -> AsyncIterator[str]:
    """Every entry of every persistent field, a line each: ``field``, ``key`` and ``value``.

    A field of one value has no key; an element of a set has no value.

    :param field: only this one, ``Service.field``.
    :raises NoSuchField: there is none.
    :raises StoreError: the store does not answer.
    """
    shape, protocol = await kept_as(store)
    bounds = _bounds(field, shape, protocol) if field else protocol.section
    codec = UndeclaredCodec()
    begin = bounds.begin
    version = await again(store.read_version)
    while True:
        part = (begin, bounds.end, _PAGE)
        try:
            _, (pairs,) = await again(partial(store.read, version, (), (part,)))
        except TooOld:
            version = await again(store.read_version)
            continue
        for key, value in sorted(protocol.data(dict(pairs)).items()):
            line = _line(codec, shape, key, value)
            if line is not None:
                yield _json(line)
        if len(pairs) < _PAGE:
            return
        begin = pairs[-1][0] + b"\x00"


def _bounds(field: str, shape: Shape | None, protocol: Protocol) -> KeyRange:
    service, dot, name = field.partition(".")
    known = [*shape.fields, *shape.left] if shape else []
    if not dot or (known and field not in known):
        there = f": give one of {', '.join(known)}" if known else ", such as Hotel.rooms"
        raise NoSuchField(f"there is no field '{field}' in the store{there}")
    return field_range(protocol.section, service, name)


def _line(
    codec: UndeclaredCodec, shape: Shape | None, key: bytes, value: bytes
) -> dict[str, Any] | None:
    """An entry; None for what is no entry, such as the length of a list."""
    service, name, element = key[1:].split(b"\x00", 2)
    field = f"{service.decode(errors='replace')}.{name.decode(errors='replace')}"
    kept = (shape.fields.get(field) or shape.left.get(field)) if shape else None
    if not element:
        return (
            None
            if kept and kept.kind == "list"
            else {"field": field, "value": _value(codec, value)}
        )
    line = {"field": field, "key": _key(element)}
    return line if kept and kept.kind == "set" else {**line, "value": _value(codec, value)}


def _key(element: bytes) -> Any:
    try:
        return decode_key(element)
    except UnsupportedValue:
        return element.hex()


def _value(codec: UndeclaredCodec, data: bytes) -> Any:
    try:
        return codec.decode(data)
    except UnsupportedValue:
        return data.hex()


def _json(line: dict[str, Any]) -> str:
    for order in ("deterministic", None):  # which it has for names only
        with suppress(TypeError, ValueError, OverflowError):
            return msgspec.json.encode(line, order=order).decode()
    shown = {name: part if name == "field" else repr(part) for name, part in line.items()}
    return msgspec.json.encode(shown).decode()
