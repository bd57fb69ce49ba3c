"""A persistent list: one store key for each index, and one for the length.

What concerns one element or the end touches that alone. Everything else loads
the list, lets Python's own list do it, and writes back what changed.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable
from typing import Any

from core.effects import Delete, Get, Put, perform
from core.fields.base import Field
from core.keys import encode_key
from core.store import Pairs

__all__ = ["ListField"]


class ListField(Field):
    """``Persistent[list[T]]``; the methods are list's own."""

    __slots__ = ()

    plain = (list,)

    def _content(self, value: list[Any]) -> dict[bytes, bytes]:
        content = {self.prefix: self._encode(len(value))} if value else {}
        for index, item in enumerate(value):
            content[self._at(index)] = self._encode(item)
        return content

    def _value(self, pairs: Pairs) -> list[Any]:
        return [self._decode(data) for _, data in pairs[1:]]

    def _at(self, index: int) -> bytes:
        return self.prefix + encode_key(index)

    async def length(self) -> int:
        """``len(l)``; reads the length alone."""
        data = await perform(Get(self.prefix))
        return 0 if data is None else self._decode(data)

    async def truth(self) -> bool:
        """``bool(l)``; reads the first element alone."""
        return await perform(Get(self._at(0))) is not None

    async def _set_length(self, length: int) -> None:
        if length:
            await perform(Put(self.prefix, self._encode(length)))
        else:
            await perform(Delete(self.prefix))

    # --- one element

    async def _find(self, index: int, message: str) -> tuple[bytes, bytes]:
        """The store key and content of the element at ``index``, which may be negative."""
        if index < 0:
            index += await self.length()
        key = self._at(index)
        data = await perform(Get(key)) if index >= 0 else None
        if data is None:
            raise IndexError(message)
        return key, data

    async def getitem(self, index: Any) -> Any:
        """``l[index]`` or ``l[a:b:c]``; an index that is not negative reads the element alone.

        :raises IndexError, TypeError: as list does.
        """
        if isinstance(index, slice):
            return (await self.load())[index]
        if not hasattr(index, "__index__"):
            return [][index]
        _, data = await self._find(operator.index(index), "list index out of range")
        return self._decode(data)

    async def setitem(self, index: Any, value: Any) -> None:
        """``l[index] = value`` or ``l[a:b:c] = values``.

        :raises IndexError, TypeError, ValueError: as list does.
        """
        if isinstance(index, slice) or not hasattr(index, "__index__"):
            await self._change(lambda plain: plain.__setitem__(index, value))
            return
        key, _ = await self._find(operator.index(index), "list assignment index out of range")
        await perform(Put(key, self._encode(value)))

    async def delitem(self, index: Any) -> None:
        """``del l[index]`` or ``del l[a:b:c]``. :raises IndexError, TypeError: as list does."""
        await self._change(lambda plain: plain.__delitem__(index))

    # --- the end

    async def append(self, item: Any, /) -> None:
        """``l.append(item)``."""
        await self.extend((item,))

    async def extend(self, items: Iterable[Any], /) -> None:
        """``l.extend(items)``; what comes before an error is kept, as list does."""
        plain: list[Any] = []
        try:
            plain.extend(items)
        finally:
            await self._append_all([self._encode(item) for item in plain])

    async def _append_all(self, encoded: list[bytes]) -> None:
        if not encoded:
            return
        length = await self.length()
        for index, data in enumerate(encoded, length):
            await perform(Put(self._at(index), data))
        await self._set_length(length + len(encoded))

    async def iadd(self, items: Iterable[Any]) -> None:
        """``l += items``."""
        await self.extend(items)

    async def pop(self, index: Any = -1, /) -> Any:
        """``l.pop([index])``; from the end it touches the last element and the length alone.

        :raises IndexError, TypeError: as list does.
        """
        if index != -1 or not hasattr(index, "__index__"):
            return await self._change(lambda plain: plain.pop(index))
        length = await self.length()
        if not length:
            [].pop()
        key = self._at(length - 1)
        data = await perform(Get(key))
        await perform(Delete(key))
        await self._set_length(length - 1)
        return self._decode(data)

    # --- the whole list

    async def _change(self, operation: Callable[[list[Any]], Any]) -> Any:
        """Let ``operation`` work on the plain list, and write back what changed.

        Also when it fails: a list that cannot be sorted is left half sorted.
        """
        pairs = await self._scan()
        plain = self._value(pairs)
        try:
            return operation(plain)
        finally:
            await self._write_back([data for _, data in pairs[1:]], plain)

    async def _write_back(self, old: list[bytes], plain: list[Any]) -> None:
        new = [self._encode(item) for item in plain]
        for index, data in enumerate(new):
            if index >= len(old) or data != old[index]:
                await perform(Put(self._at(index), data))
        for index in range(len(new), len(old)):
            await perform(Delete(self._at(index)))
        if len(new) != len(old):
            await self._set_length(len(new))

    async def insert(self, index: Any, item: Any, /) -> None:
        """``l.insert(index, item)``."""
        await self._change(lambda plain: plain.insert(index, item))

    async def remove(self, item: Any, /) -> None:
        """``l.remove(item)``. :raises ValueError: it is not in the list."""
        await self._change(lambda plain: plain.remove(item))

    async def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """``l.sort(key=..., reverse=...)``."""
        await self._change(lambda plain: plain.sort(key=key, reverse=reverse))

    async def reverse(self) -> None:
        """``l.reverse()``."""
        await self._change(lambda plain: plain.reverse())

    async def imul(self, count: Any) -> None:
        """``l *= count``."""
        await self._change(lambda plain: _multiply(plain, count))

    async def clear(self) -> None:
        """``l.clear()``."""
        await self._clear()

    async def index(self, item: Any, start: Any = 0, stop: Any = sys.maxsize, /) -> int:
        """``l.index(item[, start[, stop]])``. :raises ValueError: it is not there."""
        found: int = (await self.load()).index(item, start, stop)
        return found

    async def count(self, item: Any, /) -> int:
        """``l.count(item)``."""
        count: int = (await self.load()).count(item)
        return count

    async def contains(self, item: Any) -> bool:
        """``item in l``."""
        return item in await self.load()

    async def copy(self) -> list[Any]:
        """``l.copy()``: a plain list."""
        copied: list[Any] = await self.load()
        return copied


def _multiply(plain: list[Any], count: Any) -> None:
    plain *= count
