"""The reference run's persistent list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, SupportsIndex

from compiler.api.containers.base import Keeper

__all__ = ["StoredList"]

_raw: type[list[Any]] = list  # its methods reach what is kept, past the copying


class StoredList(list[Any]):
    """A list that copies and can be undone."""

    __slots__ = ("_keeper",)

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper

    # --- the primitives

    def _change(self, operation: Callable[[list[Any]], Any]) -> Any:
        """Let ``operation`` work on a plain copy, and keep what it leaves, even when it fails."""
        plain = self.copy()
        try:
            return operation(plain)
        finally:
            self.replace(plain)

    def replace(self, plain: list[Any]) -> None:
        """Hold what ``plain`` holds, and nothing else."""
        kept = [self._keeper.copy(item) for item in plain]
        self._keeper.undo.record(self._restore, _raw.copy(self))
        self._restore(kept)

    def _restore(self, kept: list[Any]) -> None:
        _raw.__setitem__(self, slice(None), kept)

    # --- one element

    def __getitem__(self, index: Any) -> Any:
        found = _raw.__getitem__(self, index)
        if isinstance(index, slice):
            return [self._keeper.copy(item) for item in found]
        return self._keeper.copy(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice) or not hasattr(index, "__index__"):
            self._change(lambda plain: plain.__setitem__(index, value))
            return
        kept = self._keeper.copy(value) if -len(self) <= index.__index__() < len(self) else None
        undo = self._keeper.undo
        if undo.open:
            undo.record(self._restore, _raw.copy(self))
        _raw.__setitem__(self, index, kept)

    def __delitem__(self, index: Any) -> None:
        self._change(lambda plain: plain.__delitem__(index))

    def append(self, item: Any, /) -> None:
        """As list.append."""
        self.extend((item,))

    def extend(self, items: Iterable[Any], /) -> None:
        """As list.extend; what comes before an error is kept."""
        plain: list[Any] = []
        try:
            plain.extend(items)
        finally:
            self._append_all(plain)

    def _append_all(self, plain: list[Any]) -> None:
        kept = [self._keeper.copy(item) for item in plain]
        self._keeper.undo.record(self._truncate, len(self))
        _raw.extend(self, kept)

    def _truncate(self, length: int) -> None:
        _raw.__delitem__(self, slice(length, None))

    def pop(self, index: Any = -1, /) -> Any:
        """As list.pop."""
        before = _raw.copy(self) if self._keeper.undo.open else None
        popped = _raw.pop(self, index)
        self._keeper.undo.record(self._restore, before)
        return popped

    # --- the whole list

    def insert(self, index: SupportsIndex, item: Any, /) -> None:
        """As list.insert."""
        self._change(lambda plain: plain.insert(index, item))

    def remove(self, item: Any, /) -> None:
        """As list.remove."""
        self._change(lambda plain: plain.remove(item))

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """As list.sort."""
        self._change(lambda plain: plain.sort(key=key, reverse=reverse))

    def reverse(self) -> None:
        """As list.reverse."""
        self._change(lambda plain: plain.reverse())

    def clear(self) -> None:
        """As list.clear."""
        self.replace([])

    def copy(self) -> list[Any]:
        """A plain list."""
        return [self._keeper.copy(item) for item in _raw.__iter__(self)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.copy())

    def __reversed__(self) -> Iterator[Any]:
        return iter(self.copy()[::-1])

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (self.copy(),)

    # --- operators

    def __iadd__(self, items: Iterable[Any]) -> Any:  # type: ignore[misc]
        self.extend(items)
        return self

    def __imul__(self, count: SupportsIndex) -> StoredList:
        self.replace(self.copy() * count)
        return self

    def __add__(self, other: Any) -> Any:
        return self.copy() + other

    def __radd__(self, other: Any) -> Any:
        return other + self.copy()

    def __mul__(self, count: SupportsIndex) -> Any:
        return self.copy() * count

    def __rmul__(self, count: SupportsIndex) -> Any:
        return count * self.copy()
