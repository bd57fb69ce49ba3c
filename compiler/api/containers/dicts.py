"""The reference run's persistent dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.api.containers.base import Keeper
from core.keys import encode_key

__all__ = ["StoredDict"]

_MISSING = object()
_raw: type[dict[Any, Any]] = dict  # its methods reach what is kept, past the copying


class StoredDict(dict[Any, Any]):
    """A dict that copies, iterates in key order and can be undone.

    Its keys are as they were first given, as in every dict.
    """

    __slots__ = ("_check", "_keeper", "_order")

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper
        self._check = keeper.check_key
        self._order: list[Any] | None = []

    # --- the four primitives

    def _sorted(self) -> list[Any]:
        if self._order is None:
            self._order = sorted(_raw.__iter__(self), key=encode_key)
        return self._order

    def _put(self, key: Any, kept: Any) -> None:
        old = _raw.get(self, key, _MISSING)
        if old is _MISSING:
            self._order = None
        self._keeper.undo.record(self._restore_item, key, old)
        _raw.__setitem__(self, key, kept)

    def _remove(self, key: Any) -> Any:
        if self._keeper.undo.open:  # whole, since the key itself must come back as it was spelled
            self._keeper.undo.record(self._restore, _raw.copy(self))
        self._order = None
        return _raw.pop(self, key)

    def replace(self, plain: dict[Any, Any]) -> None:
        """Hold what ``plain`` holds, and nothing else."""
        kept = self._kept(plain)
        self._keeper.undo.record(self._restore, _raw.copy(self))
        self._restore(kept)

    def _kept(self, plain: dict[Any, Any]) -> dict[Any, Any]:
        keeper = self._keeper
        return {keeper.key(key): keeper.copy(value) for key, value in plain.items()}

    def _restore(self, kept: dict[Any, Any]) -> None:
        _raw.clear(self)
        _raw.update(self, kept)
        self._order = None

    def _restore_item(self, key: Any, kept: Any) -> None:
        self._order = None
        if kept is _MISSING:
            _raw.pop(self, key)
        else:
            _raw.__setitem__(self, key, kept)

    # --- one key

    def __getitem__(self, key: Any) -> Any:
        self._check(key)
        kept = _raw.get(self, key, _MISSING)
        if kept is _MISSING:
            raise KeyError(key)
        return self._keeper.copy(kept)

    def __setitem__(self, key: Any, value: Any) -> None:
        kept = self._keeper.copy(value)
        self._put(self._keeper.key(key), kept)

    def __delitem__(self, key: Any) -> None:
        self._check(key)
        if not _raw.__contains__(self, key):
            raise KeyError(key)
        self._remove(key)

    def __contains__(self, key: object) -> bool:
        self._check(key)
        return _raw.__contains__(self, key)

    def get(self, key: Any, /, default: Any = None) -> Any:
        """As dict.get; a copy."""
        self._check(key)
        kept = _raw.get(self, key, _MISSING)
        return default if kept is _MISSING else self._keeper.copy(kept)

    def pop(self, key: Any, /, default: Any = _MISSING) -> Any:
        """As dict.pop."""
        self._check(key)
        if _raw.__contains__(self, key):
            return self._remove(key)
        if default is _MISSING:
            raise KeyError(key)
        return default

    def setdefault(self, key: Any, /, default: Any = None) -> Any:
        """As dict.setdefault; a copy."""
        self._check(key)
        if not _raw.__contains__(self, key):
            self._put(self._keeper.key(key), self._keeper.copy(default))
        return self._keeper.copy(_raw.__getitem__(self, key))

    # --- many keys

    def update(self, other: Any = (), /, **kwargs: Any) -> None:
        """As dict.update; what comes before an error is kept."""
        plain: dict[Any, Any] = {}
        try:
            plain.update(other, **kwargs)
        finally:
            self._put_all(plain)

    def _put_all(self, plain: dict[Any, Any]) -> None:
        for key, kept in self._kept(plain).items():
            self._put(key, kept)

    def popitem(self) -> tuple[Any, Any]:
        """As dict.popitem: the last item in key order."""
        if not self:
            return {}.popitem()
        key = self._sorted()[-1]
        return key, self._remove(key)

    def clear(self) -> None:
        """As dict.clear."""
        self.replace({})

    def __iter__(self) -> Iterator[Any]:
        return iter(self._sorted())

    def __reversed__(self) -> Iterator[Any]:
        return iter(self._sorted()[::-1])

    def keys(self) -> Any:
        """The keys as they are now, in key order."""
        return dict.fromkeys(self._sorted()).keys()

    def values(self) -> Any:
        """Copies of the values as they are now, in key order."""
        return self.copy().values()

    def items(self) -> Any:
        """Copies of the items as they are now, in key order."""
        return self.copy().items()

    def copy(self) -> dict[Any, Any]:
        """A plain dict, in key order."""
        copy, get = self._keeper.copy, _raw.__getitem__
        return {key: copy(get(self, key)) for key in self._sorted()}

    # --- operators

    def __ior__(self, other: Any) -> StoredDict:
        plain: dict[Any, Any] = {}
        try:
            plain |= other
        finally:
            self._put_all(plain)
        return self

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)
