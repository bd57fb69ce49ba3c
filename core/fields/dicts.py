"""A persistent dict: one store key for each of its keys."""

from __future__ import annotations

from typing import Any

from core.effects import Get, Put, perform
from core.fields.base import Element, Field
from core.store import Pairs

__all__ = ["DictField"]

_MISSING = object()


class DictField(Field):
    """``Persistent[dict[K, V]]``; the methods are dict's own."""

    __slots__ = ()

    plain = (dict,)

    def _content(self, value: dict[Any, Any]) -> dict[bytes, bytes]:
        content: dict[bytes, bytes] = {}
        for element in self._elements_of(value):
            content.update(element.content())
        return content

    def _elements_of(self, value: dict[Any, Any]) -> list[Element]:
        return [self._element(key, self._encode(item)) for key, item in value.items()]

    def _value(self, pairs: Pairs) -> dict[Any, Any]:
        return dict(self._items(pairs))

    def _items(self, pairs: Pairs) -> list[tuple[Any, Any]]:
        key_of, decode = self._key_of, self._decode
        return [(key_of(element), decode(element.data)) for element in self._elements(pairs)]

    # --- one key

    async def getitem(self, key: Any) -> Any:
        """``d[key]``. :raises KeyError: there is none."""
        data = await perform(Get(self._key(key)))
        if data is None:
            raise KeyError(key)
        return self._decode(data)

    async def setitem(self, key: Any, value: Any) -> None:
        """``d[key] = value``."""
        await self._put(self._element(key, self._encode(value)))

    async def delitem(self, key: Any) -> None:
        """``del d[key]``. :raises KeyError: there is none."""
        store_key = self._key(key)
        if await perform(Get(store_key)) is None:
            raise KeyError(key)
        await self._remove(store_key)

    async def contains(self, key: Any) -> bool:
        """``key in d``."""
        return await perform(Get(self._key(key))) is not None

    async def get(self, key: Any, /, default: Any = None) -> Any:
        """``d.get(key, default)``."""
        data = await perform(Get(self._key(key)))
        return default if data is None else self._decode(data)

    async def pop(self, key: Any, /, default: Any = _MISSING) -> Any:
        """``d.pop(key[, default])``. :raises KeyError: there is neither."""
        store_key = self._key(key)
        data = await perform(Get(store_key))
        if data is not None:
            await self._remove(store_key)
            return self._decode(data)
        if default is _MISSING:
            raise KeyError(key)
        return default

    async def setdefault(self, key: Any, /, default: Any = None) -> Any:
        """``d.setdefault(key, default)``; a copy, as every value read."""
        store_key = self._key(key)
        data = await perform(Get(store_key))
        if data is None:
            data = self._encode(default)
            for beside, content in self._element(key, data).content().items():
                await perform(Put(beside, content))
        return self._decode(data)

    # --- many keys

    async def update(self, other: Any = (), /, **kwargs: Any) -> None:
        """``d.update(...)``. What comes before an error is kept, as dict does."""
        plain: dict[Any, Any] = {}
        try:
            plain.update(other, **kwargs)
        finally:
            await self._put_all(plain)

    async def _put_all(self, plain: dict[Any, Any]) -> None:
        for element in self._elements_of(plain):
            await self._put(element)

    async def ior(self, other: Any) -> None:
        """``d |= other``, as :meth:`update`."""
        plain: dict[Any, Any] = {}
        try:
            plain |= other
        finally:
            await self._put_all(plain)

    async def popitem(self) -> tuple[Any, Any]:
        """``d.popitem()``: the last item in key order. :raises KeyError: the dict is empty."""
        pairs = await self._scan()
        if not pairs:
            {}.popitem()
        last = self._elements(pairs)[-1]
        await self._remove(last.store_key)
        return self._key_of(last), self._decode(last.data)

    async def clear(self) -> None:
        """``d.clear()``."""
        await self._clear()

    async def length(self) -> int:
        """``len(d)``; reads every key."""
        return len(self._elements(await self._scan()))

    async def truth(self) -> bool:
        """``bool(d)``; reads one pair."""
        return bool(await self._scan(1))

    async def keys(self) -> list[Any]:
        """The keys, in key order."""
        return [self._key_of(element) for element in self._elements(await self._scan())]

    async def values(self) -> list[Any]:
        """The values, in key order."""
        return [self._decode(element.data) for element in self._elements(await self._scan())]

    async def items(self) -> list[tuple[Any, Any]]:
        """The items, in key order."""
        return self._items(await self._scan())

    async def copy(self) -> dict[Any, Any]:
        """``d.copy()``: a plain dict."""
        copied: dict[Any, Any] = await self.load()
        return copied
