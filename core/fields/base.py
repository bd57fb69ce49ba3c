"""What all fields share: their place in the store, and the plain value in and out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from core.codec import Codec
from core.effects import DeleteRange, Put, Scan, perform
from core.errors import UnsupportedValue
from core.keys import KEYS_END, decode_key, encode_key
from core.layout import data_prefix
from core.store import Pairs

__all__ = ["Field"]


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
            raise UnsupportedValue(
                f"{self.service}.{self.name} is a persistent {plain} and cannot become a "
                f"{type(value).__name__}: assign a plain {plain}, or declare it Persistent[object]"
            )

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

    def _element(self, store_key: bytes) -> Any:
        return decode_key(store_key[len(self.prefix) :])

    async def _scan(self, limit: int = 0) -> Pairs:
        pairs: Pairs = await perform(Scan(self.prefix, self.end, limit))
        return pairs

    async def _clear(self) -> None:
        await perform(DeleteRange(self.prefix, self.end))
