"""Whether values come through the codec as they were: a witness that is not the codec itself.

The program that runs and the plain one that it is compared with share a codec. What it loses,
both lose, and their answers agree all the same. So the plain program runs with a
:class:`Witness`, which looks at each value that it encodes and at what comes of it, by
Python's own equality and ``repr``; and what clients ask is looked at when they ask it.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from core.codec import Codec
from core.errors import UnsupportedValue

__all__ = ["Witness", "damage", "same"]

_STOOD_FOR = (dict, list, set, frozenset)
_SHORT = 100
"""Most characters of a value that are told."""


class Witness(Codec):
    """A codec that decodes what it encodes, and keeps what is not the same then.

    :ivar damaged: one line for each such value.
    """

    def __init__(self, types: Iterable[type] = ()) -> None:
        super().__init__(types)
        self.damaged: list[str] = []

    def encode(self, value: object) -> bytes:
        """See :meth:`core.codec.Codec.encode`."""
        data = super().encode(value)
        found = damage(self, value, data)
        if found:
            self.damaged.append(found)
        return data


def damage(codec: Codec, value: object, data: bytes) -> str:
    """What became of ``value``, encoded as ``data``; empty if it is what it was."""
    try:
        arrived = codec.decode(data)
    except UnsupportedValue as error:
        return f"{_shown(value)} cannot be decoded again: {error}"
    if same(value, arrived):
        return ""
    return f"{_shown(value)} came through the codec as {_shown(arrived)}"


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHORT else f"{shown[:_SHORT]}..."


def same(value: Any, arrived: Any) -> bool:
    """Whether ``arrived`` is what ``value`` was, with its types and its order.

    Containers of our own are what they stand for: a persistent dict is a dict.
    """
    kind = _kind(arrived)
    if _kind(value) is not kind:
        return False
    if kind is str or kind is bytes or kind is int:
        return bool(value == arrived)
    if isinstance(arrived, list | tuple):
        return len(value) == len(arrived) and all(map(same, value, arrived))
    if isinstance(arrived, dict):
        return len(value) == len(arrived) and all(
            same(one, other) for one, other in zip(value.items(), arrived.items(), strict=True)
        )
    if isinstance(arrived, set | frozenset):
        return _same_elements(value, arrived)
    if isinstance(arrived, enum.Enum):
        return value is arrived
    if dataclasses.is_dataclass(arrived) or isinstance(arrived, msgspec.Struct):
        return all(
            same(getattr(value, name, None), getattr(arrived, name, None))
            for name in _fields(arrived)
        )
    return repr(value) == repr(arrived)


def _same_elements(value: Any, arrived: Any) -> bool:
    """Whether two sets hold the same; a NaN is equal to nothing, so what is left over is paired."""
    if Counter(map(_kind, value)) != Counter(map(_kind, arrived)):
        return False
    lost, new = value - arrived, arrived - value
    return all(any(same(one, other) for other in new) for one in lost)


def _kind(value: Any) -> type:
    return _stands_for(type(value))  # type: ignore[arg-type] # to mypy no class can be hashed


@functools.lru_cache(maxsize=256)  # asked for each value of each container
def _stands_for(kind: type) -> type:
    return next((plain for plain in _STOOD_FOR if issubclass(kind, plain)), kind)


def _fields(value: Any) -> Iterable[str]:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    return [field.name for field in dataclasses.fields(value)]
