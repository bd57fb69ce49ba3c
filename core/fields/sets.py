"""A persistent set: one store key for each element."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.effects import Get, perform
from core.fields.base import SPELLING, Element, Field
from core.sets import OrderedSet
from core.store import Pairs

__all__ = ["SetField"]

_PRESENT = b""


class SetField(Field):
    """``Persistent[set[T]]``; the methods are set's own."""

    __slots__ = ()

    plain = (set, OrderedSet)

    def _content(self, value: Iterable[Any]) -> dict[bytes, bytes]:
        content: dict[bytes, bytes] = {}
        for element in self._elements_of(value):
            content.update(element.content())
        return content

    def _elements_of(self, value: Iterable[Any]) -> list[Element]:
        """The elements of a set, in key order."""
        elements = (self._element(each, _PRESENT) for each in value)
        return sorted(elements, key=lambda element: element.store_key)

    def _value(self, pairs: Pairs) -> set[Any]:
        return OrderedSet(map(self._key_of, self._elements(pairs)))

    # --- one element

    async def add(self, element: Any, /) -> None:
        """``s.add(element)``."""
        await self._put(self._element(element, _PRESENT))

    async def discard(self, element: Any, /) -> None:
        """``s.discard(element)``; reads nothing."""
        await self._remove(self._key(element))

    async def remove(self, element: Any, /) -> None:
        """``s.remove(element)``. :raises KeyError: it is not in the set."""
        store_key = self._key(element)
        if await perform(Get(store_key)) is None:
            raise KeyError(element)
        await self._remove(store_key)

    async def contains(self, element: Any) -> bool:
        """``element in s``."""
        return await perform(Get(self._key(element))) is not None

    async def pop(self) -> Any:
        """``s.pop()``: the first element in key order. :raises KeyError: the set is empty."""
        pairs = await self._scan(1)
        if not pairs:
            set().pop()
        store_key, data = pairs[0]
        spelling = await perform(Get(store_key + SPELLING))
        await self._remove(store_key)
        return self._key_of(Element(store_key, data, spelling))

    # --- the whole set

    async def length(self) -> int:
        """``len(s)``; reads every element."""
        return len(self._elements(await self._scan()))

    async def truth(self) -> bool:
        """``bool(s)``; reads one element."""
        return bool(await self._scan(1))

    async def elements(self) -> list[Any]:
        """The elements in key order: what iteration goes over."""
        return [self._key_of(element) for element in self._elements(await self._scan())]

    async def clear(self) -> None:
        """``s.clear()``."""
        await self._clear()

    async def copy(self) -> set[Any]:
        """``s.copy()``: a plain set."""
        return await self._load()

    async def _load(self) -> set[Any]:
        return self._value(await self._scan())

    # --- changes by other sets

    async def update(self, *others: Iterable[Any]) -> None:
        """``s.update(...)``. What comes before an error is kept, as set does."""
        plain: set[Any] = OrderedSet()
        try:
            plain.update(*others)
        finally:
            for element in self._elements_of(plain):
                await self._put(element)

    async def difference_update(self, *others: Iterable[Any]) -> None:
        """``s.difference_update(...)``; reads nothing."""
        plain: set[Any] = OrderedSet()
        try:
            plain.update(*others)
        finally:
            for element in self._elements_of(plain):
                await self._remove(element.store_key)

    async def intersection_update(self, *others: Iterable[Any]) -> None:
        """``s.intersection_update(...)``."""
        mine = await self._load()
        await self.difference_update(mine - mine.intersection(*others))

    async def symmetric_difference_update(self, other: Iterable[Any], /) -> None:
        """``s.symmetric_difference_update(other)``."""
        mine, theirs = await self._load(), OrderedSet(other)
        await self.difference_update(mine & theirs)
        await self.update(theirs - mine)

    async def ior(self, other: Any) -> None:
        """``s |= other``."""
        plain: set[Any] = OrderedSet()
        plain |= other
        await self.update(plain)

    async def iand(self, other: Any) -> None:
        """``s &= other``."""
        plain: set[Any] = OrderedSet()
        plain &= other
        await self.intersection_update(other)

    async def isub(self, other: Any) -> None:
        """``s -= other``."""
        plain: set[Any] = OrderedSet()
        plain -= other
        await self.difference_update(other)

    async def ixor(self, other: Any) -> None:
        """``s ^= other``."""
        plain: set[Any] = OrderedSet()
        plain ^= other
        await self.symmetric_difference_update(other)

    # --- questions about other sets

    async def union(self, *others: Iterable[Any]) -> set[Any]:
        """``s.union(...)``."""
        return (await self._load()).union(*others)

    async def intersection(self, *others: Iterable[Any]) -> set[Any]:
        """``s.intersection(...)``."""
        return (await self._load()).intersection(*others)

    async def difference(self, *others: Iterable[Any]) -> set[Any]:
        """``s.difference(...)``."""
        return (await self._load()).difference(*others)

    async def symmetric_difference(self, other: Iterable[Any], /) -> set[Any]:
        """``s.symmetric_difference(other)``."""
        return (await self._load()).symmetric_difference(other)

    async def isdisjoint(self, other: Iterable[Any], /) -> bool:
        """``s.isdisjoint(other)``."""
        return (await self._load()).isdisjoint(other)

    async def issubset(self, other: Iterable[Any], /) -> bool:
        """``s.issubset(other)``."""
        return (await self._load()).issubset(other)

    async def issuperset(self, other: Iterable[Any], /) -> bool:
        """``s.issuperset(other)``."""
        return (await self._load()).issuperset(other)
