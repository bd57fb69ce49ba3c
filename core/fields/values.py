"""A field that holds one value, whole."""

from __future__ import annotations

from typing import Any

from core.effects import Get, Put, perform
from core.fields.base import Field
from core.store import Pairs

__all__ = ["ValueField"]


class ValueField(Field):
    """``Persistent[T]`` for every T that is no dict, list or set."""

    __slots__ = ()

    def _content(self, value: Any) -> dict[bytes, bytes]:
        return {self.prefix: self._encode(value)}

    def _value(self, pairs: Pairs) -> Any:
        """The value, or None if there is none."""
        return self._decode(pairs[0][1]) if pairs else None

    async def load(self) -> Any:
        """A copy of the value.

        :raises AttributeError: the field was never given a value.
        """
        data = await perform(Get(self.prefix))
        if data is None:
            raise AttributeError(f"{self.service!r} object has no attribute {self.name!r}")
        return self._decode(data)

    async def store(self, value: Any) -> None:
        """Replace the value.

        :raises UnsupportedValue: it cannot be stored.
        """
        await perform(Put(self.prefix, self._encode(value)))
