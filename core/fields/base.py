"""What all fields share: their place in the store, and the plain value in and out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from core.codec import Codec
from core.effects import Delete, DeleteRange, Get, Put, Scan, perform
from core.errors import UnsupportedValue
from core.keys import KEYS_END, decode_key, encode_key, is_normal
from core.layout import data_prefix
from core.store import Pairs

__all__ = ["SPELLING", "Element", "Field"]

SPELLING = b"\x00"
"""Follows the store key of an element, for the spelling of its key."""


class Element(NamedTuple):
    """An element of a dict or set in the store.

    :ivar spelling: the store content of its key, if that is not spelled as normal.
    """

    store_key: bytes
    data: bytes
    spelling: bytes | None

    def content(self) -> dict[bytes, bytes]:
        """The store content of it all."""
        if self.spelling is None:
            return {self.store_key: self.data}
        return {self.store_key: self.data, self.store_key + SPELLING: self.spelling}


class Field(ABC):
    """One persistent field of one service.

    :param service: the service's name; ``name``: the field's.
    """

    __slots__ = ("_decode", "_encode", "codec", "end", "name", "prefix", "service")

    plain: tuple[type, ...] = ()
    """The Python type of the whole value, and what else goes by its name; none if any may be."""

    def __init__(self, service: str, name: str, codec: Codec) -> None:
        self.service = service
        self.name = name
        self.codec = codec
        self.prefix = data_prefix(service, name)
        self.end = self.prefix + KEYS_END
        self._encode = codec.encode
        self._decode = codec.decode

    # --- whole values, without the store

    def initial(self, value: Any) -> dict[bytes, bytes]:
        """The store content for ``value``.

        :raises UnsupportedValue: the value is not of the field's type, or holds what cannot
            be stored.
        """
        self.check(value)
        return self._content(value)

    def check(self, value: Any) -> None:
        """Whether ``value`` is of the field's type.

        :raises UnsupportedValue: it is not.
        """
        if self.plain and type(value) not in self.plain:
            plain = self.plain[0].__name__
            what = f"{self.service}.{self.name} is a persistent {plain} and cannot become a "
            remedy = f"assign a plain {plain}: {plain}(...)"
            if not isinstance(value, self.plain):
                self.codec.encode(value)  # what cannot be stored is told so
                remedy = f"assign a {plain}, or declare it Persistent[object]"
            raise UnsupportedValue(f"{what}{type(value).__name__}: {remedy}")

    @abstractmethod
    def _content(self, value: Any) -> dict[bytes, bytes]:
        """The store content of a value of the right type."""

    def decode(self, pairs: Mapping[bytes, bytes]) -> Any:
        """The plain value that the store content ``pairs`` stands for; other keys are ignored."""
        prefix = self.prefix
        return self._value(sorted(pair for pair in pairs.items() if pair[0].startswith(prefix)))

    @abstractmethod
    def _value(self, pairs: Pairs) -> Any:
        """The plain value of the field's pairs, in key order."""

    # --- whole values, in the store

    async def load(self) -> Any:
        """A copy of the whole value."""
        return self._value(await self._scan())

    async def store(self, value: Any) -> None:
        """Replace the whole value.

        :raises UnsupportedValue: as :meth:`initial`.
        """
        content = self.initial(value)
        await perform(DeleteRange(self.prefix, self.end))
        for key, data in content.items():
            await perform(Put(key, data))

    # --- elements

    def _key(self, key: object) -> bytes:
        """The store key of an element.

        :raises TypeError: as Python's containers do for what cannot be hashed.
        """
        try:
            return self.prefix + encode_key(key)
        except UnsupportedValue:
            hash(key)
            raise

    def _element(self, key: object, data: bytes) -> Element:
        """The element under ``key``; raises as :meth:`_key`."""
        return Element(self._key(key), data, None if is_normal(key) else self._encode(key))

    def _elements(self, pairs: Pairs) -> list[Element]:
        """The elements of the field's pairs, in key order."""
        found: list[Element] = []
        for store_key, data in pairs:
            if found and store_key == found[-1].store_key + SPELLING:
                found[-1] = found[-1]._replace(spelling=data)
            else:
                found.append(Element(store_key, data, None))
        return found

    def _key_of(self, element: Element) -> Any:
        """The key of an element as it was given."""
        if element.spelling is not None:
            return self._decode(element.spelling)
        return decode_key(element.store_key[len(self.prefix) :])

    async def _put(self, element: Element) -> None:
        """Write an element; the spelling of an equal key that is there stays."""
        if element.spelling is not None and await perform(Get(element.store_key)) is not None:
            element = element._replace(spelling=None)
        for key, data in element.content().items():
            await perform(Put(key, data))

    async def _remove(self, store_key: bytes) -> None:
        """Remove an element with its spelling, if it is there."""
        await perform(Delete(store_key))
        await perform(Delete(store_key + SPELLING))

    async def _scan(self, limit: int = 0) -> Pairs:
        pairs: Pairs = await perform(Scan(self.prefix, self.end, limit))
        return pairs

    async def _clear(self) -> None:
        await perform(DeleteRange(self.prefix, self.end))
