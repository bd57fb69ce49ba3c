"""The reference run's persistent set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compiler.api.containers.base import Keeper
from core.keys import encode_key
from core.sets import OrderedSet

__all__ = ["StoredSet"]

_raw: type[set[Any]] = set  # its methods reach what is kept, whatever the subclass says


class StoredSet(set[Any]):
    """A set that iterates in key order and can be undone.

    Its elements are as they were first given, as in every set.
    """

    __slots__ = ("_keeper", "_order")

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper
        self._order: list[Any] | None = []

    # --- the primitives

    def _sorted(self) -> list[Any]:
        if self._order is None:
            self._order = sorted(_raw.__iter__(self), key=encode_key)
        return self._order

    def _put(self, element: Any) -> None:
        if not _raw.__contains__(self, element):
            self._order = None
            self._keeper.undo.record(self._restore_absent, element)
            _raw.add(self, self._keeper.key(element))

    def _remove(self, element: Any) -> None:
        if _raw.__contains__(self, element):
            if self._keeper.undo.open:  # whole, since it must come back as it was spelled
                self._keeper.undo.record(self._restore, frozenset(self._sorted()))
            self._order = None
            _raw.discard(self, element)

    def replace(self, plain: Iterable[Any]) -> None:
        """Hold what ``plain`` holds, and nothing else."""
        kept = self._kept(plain)
        self._keeper.undo.record(self._restore, frozenset(self._sorted()))
        self._restore(kept)

    def _kept(self, plain: Iterable[Any]) -> list[Any]:
        return [self._keeper.key(element) for element in plain]

    def _restore(self, kept: Iterable[Any]) -> None:
        _raw.clear(self)
        _raw.update(self, kept)
        self._order = None

    def _restore_absent(self, element: Any) -> None:
        self._order = None
        _raw.discard(self, element)

    # --- one element

    def __contains__(self, element: object) -> bool:
        self._keeper.check_key(element)
        return _raw.__contains__(self, element)

    def add(self, element: Any, /) -> None:
        """As set.add."""
        self._keeper.check_key(element)
        self._put(element)

    def discard(self, element: Any, /) -> None:
        """As set.discard."""
        self._keeper.check_key(element)
        self._remove(element)

    def remove(self, element: Any, /) -> None:
        """As set.remove."""
        if element not in self:
            raise KeyError(element)
        self._remove(element)

    def pop(self) -> Any:
        """As set.pop: the first element in key order."""
        if not self:
            return set().pop()
        element = self._sorted()[0]
        self._remove(element)
        return element

    # --- the whole set

    def __iter__(self) -> Iterator[Any]:
        return iter(self._sorted())

    def copy(self) -> set[Any]:
        """A plain set."""
        return OrderedSet(self._sorted())

    def clear(self) -> None:
        """As set.clear."""
        self.replace(())

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.copy().__reduce__()

    # --- changes by other sets

    def update(self, *others: Iterable[Any]) -> None:
        """As set.update; what comes before an error is kept."""
        plain: set[Any] = OrderedSet()
        try:
            plain.update(*others)
        finally:
            for element in self._kept(plain):
                self._put(element)

    def difference_update(self, *others: Iterable[Any]) -> None:
        """As set.difference_update."""
        plain: set[Any] = OrderedSet()
        try:
            plain.update(*others)
        finally:
            for element in self._kept(plain):
                self._remove(element)

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """As set.intersection_update."""
        mine = self.copy()
        self.difference_update(mine - mine.intersection(*others))

    def symmetric_difference_update(self, other: Iterable[Any], /) -> None:
        """As set.symmetric_difference_update."""
        mine, theirs = self.copy(), OrderedSet(other)
        self.difference_update(mine & theirs)
        self.update(theirs - mine)

    def __ior__(self, other: Any) -> StoredSet:
        plain: set[Any] = OrderedSet()
        plain |= other
        self.update(plain)
        return self

    def __iand__(self, other: Any) -> StoredSet:
        plain: set[Any] = OrderedSet()
        plain &= other
        self.intersection_update(other)
        return self

    def __isub__(self, other: Any) -> StoredSet:
        plain: set[Any] = OrderedSet()
        plain -= other
        self.difference_update(other)
        return self

    def __ixor__(self, other: Any) -> StoredSet:
        plain: set[Any] = OrderedSet()
        plain ^= other
        self.symmetric_difference_update(other)
        return self

    # --- new plain sets

    def union(self, *others: Iterable[Any]) -> set[Any]:
        """As set.union: a plain set."""
        return self.copy().union(*others)

    def intersection(self, *others: Iterable[Any]) -> set[Any]:
        """As set.intersection: a plain set."""
        return self.copy().intersection(*others)

    def difference(self, *others: Iterable[Any]) -> set[Any]:
        """As set.difference: a plain set."""
        return self.copy().difference(*others)

    def symmetric_difference(self, other: Iterable[Any], /) -> set[Any]:
        """As set.symmetric_difference: a plain set."""
        return self.copy().symmetric_difference(other)

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __and__(self, other: Any) -> Any:
        return self.copy() & other

    def __rand__(self, other: Any) -> Any:
        return other & self.copy()

    def __sub__(self, other: Any) -> Any:
        return self.copy() - other

    def __rsub__(self, other: Any) -> Any:
        return other - self.copy()

    def __xor__(self, other: Any) -> Any:
        return self.copy() ^ other

    def __rxor__(self, other: Any) -> Any:
        return other ^ self.copy()
