"""Sets in a defined order: that in which their elements were added, as dicts have it.

The order of Python's own sets follows the hashes of their elements, which differ between
processes, and a request may begin in one process and be completed in another. So every set that
code of an application makes, or that is decoded, is one of these: a real ``set`` or ``frozenset``
for everybody who asks, with the elements a second time in a dict, which knows their order.

Sets that a library makes are Python's own. :func:`in_order` and :func:`in_order_throughout` put
them in the order of their elements' keys.
"""

from __future__ import annotations

import dataclasses
from abc import ABCMeta
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import islice
from reprlib import recursive_repr
from types import GeneratorType, GenericAlias
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import msgspec

from core.errors import UnsupportedValue
from core.keys import encode_key

__all__ = ["OrderedFrozenSet", "OrderedSet", "in_order", "in_order_throughout"]

T = TypeVar("T")
_Order = dict[Any, None]
_SETS = (set, frozenset)
_raw: Any = set  # its methods change the elements alone, whatever the subclass says
_raw_frozen: Any = frozenset


class _StandIn(ABCMeta):
    """Lets a class recognise the values of the builtin that it stands in for.

    Code of the application means this class where it says ``set``, also in ``isinstance``. A
    metaclass of its own would forbid classes that inherit from an abstract one too.
    """

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _STANDS_FOR[cls]) if cls in _STANDS_FOR else (
            super().__instancecheck__(value)
        )  # fmt: skip

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _STANDS_FOR[cls]) if cls in _STANDS_FOR else (
            super().__subclasscheck__(other)
        )  # fmt: skip


def _asked(other: Iterable[Any]) -> Any:
    """``other`` as something that is quickly asked whether it holds an element."""
    return other if isinstance(other, set | frozenset | dict) else set(other)


def _order_of(elements: Iterable[Any]) -> _Order:
    """The order of ``elements``: the very dict of a set, or a new one."""
    if type(elements) is OrderedSet or type(elements) is OrderedFrozenSet:
        return elements._whole()
    return dict.fromkeys(in_order(elements))


def _like(given: object, order: _Order) -> Any:
    """A set of the same kind as ``given`` that has ``order``, which is its own from now on."""
    if isinstance(given, frozenset):
        frozen = _raw_frozen.__new__(OrderedFrozenSet, order)
        frozen._order = order
        return frozen
    if isinstance(given, set):
        made = _raw.__new__(OrderedSet)
        _raw.update(made, order)
        made._order = order
        return made
    raise TypeError(f"a set is needed, not a {type(given).__name__!r} object")


class _Ordered(Generic[T]):
    """What both kinds of sets share: a class between them and the builtin.

    Elements that are equal are one, and of several the first is kept; results have the elements
    of the left operand first.
    """

    __slots__ = ()
    __class_getitem__ = classmethod(GenericAlias)  # type: ignore[var-annotated]
    if TYPE_CHECKING:
        _order: _Order

        def __len__(self) -> int: ...

        def __contains__(self, element: object, /) -> bool: ...

    def _order_anew(self) -> _Order:
        builtin: Any = set if isinstance(self, set) else frozenset
        order: _Order = dict.fromkeys(_by_key(builtin.__iter__(self)))
        self._order = order  # type: ignore[misc]  # the slot is in the classes below
        return order

    def _whole(self) -> _Order:
        """The order, complete: a library may have changed the builtin behind our back."""
        return self._order if len(self._order) == len(self) else self._order_anew()

    def __iter__(self) -> Iterator[T]:
        return iter(self._whole())

    @recursive_repr()
    def __repr__(self) -> str:
        kind = type(self)
        elements = ", ".join(map(repr, self))
        if not elements:
            return f"{kind.__name__}()"
        return f"{{{elements}}}" if kind is OrderedSet else f"{kind.__name__}({{{elements}}})"

    def __reduce__(self) -> Any:
        kind = type(self)
        made = _MAKERS.get(kind, kind)
        return made, (list(self),), getattr(self, "__dict__", None) or None

    def __reduce_ex__(self, protocol: Any, /) -> Any:
        return self.__reduce__()

    # --- new sets

    def union(self, *others: Iterable[Any]) -> Any:
        """As set.union."""
        order = _order_of(self).copy()
        for other in others:
            order.update(_order_of(other))
        return _like(self, order)

    def intersection(self, *others: Iterable[Any]) -> Any:
        """As set.intersection."""
        order = _order_of(self).copy()
        for other in map(_asked, others):
            order = {element: None for element in order if element in other}
        return _like(self, order)

    def difference(self, *others: Iterable[Any]) -> Any:
        """As set.difference."""
        order = _order_of(self).copy()
        for other in map(_asked, others):
            order = {element: None for element in order if element not in other}
        return _like(self, order)

    def symmetric_difference(self, other: Iterable[Any], /) -> Any:
        """As set.symmetric_difference."""
        mine, theirs = _order_of(self), _order_of(other)
        order = {element: None for element in mine if element not in theirs}
        order.update({element: None for element in theirs if element not in mine})
        return _like(self, order)

    def __or__(self, other: Any) -> Any:
        return self.union(other) if isinstance(other, _SETS) else NotImplemented

    def __and__(self, other: Any) -> Any:
        return self.intersection(other) if isinstance(other, _SETS) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return self.difference(other) if isinstance(other, _SETS) else NotImplemented

    def __xor__(self, other: Any) -> Any:
        return self.symmetric_difference(other) if isinstance(other, _SETS) else NotImplemented

    # Python asks these first if the left operand is a builtin set: that is put in order.

    def __ror__(self, other: Any) -> Any:
        return in_order(other).union(self) if isinstance(other, _SETS) else NotImplemented

    def __rand__(self, other: Any) -> Any:
        return in_order(other).intersection(self) if isinstance(other, _SETS) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return in_order(other).difference(self) if isinstance(other, _SETS) else NotImplemented

    def __rxor__(self, other: Any) -> Any:
        if not isinstance(other, _SETS):
            return NotImplemented
        return in_order(other).symmetric_difference(self)


class OrderedSet(_Ordered[T], set[T], metaclass=_StandIn):
    """A set that keeps its elements in the order in which they were added; pop takes the last.

    It calls itself ``set``, as users wrote it.
    """

    __slots__ = ("_order",)
    __module__ = "builtins"
    __qualname__ = "set"

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """An empty set, also for a class whose ``__init__`` does not ask for this one's."""
        del args, kwargs  # __init__ takes them
        made: Self = _raw.__new__(cls)
        made._order = {}
        return made

    def __init__(self, elements: Iterable[T] = (), /) -> None:
        order = dict.fromkeys(in_order(elements))
        _raw.__init__(self, order)
        self._order = order

    def copy(self) -> OrderedSet[T]:
        """As set.copy."""
        copied: OrderedSet[T] = _like(self, self._whole().copy())
        return copied

    # --- one element

    def add(self, element: T, /) -> None:
        """As set.add."""
        _raw.add(self, element)
        self._order[element] = None

    def discard(self, element: Any, /) -> None:
        """As set.discard."""
        if element in self:
            self._remove(element)

    def remove(self, element: Any, /) -> None:
        """As set.remove."""
        self._remove(element)

    def _remove(self, element: Any) -> None:
        _raw.remove(self, element)
        if isinstance(element, set):
            element = frozenset(element)  # as the builtin takes it
        self._order.pop(element, None)

    def pop(self) -> T:
        """As set.pop: the element that was added last."""
        if not self:
            _raw.pop(self)  # raises
        element: T = next(reversed(self._whole()))
        self._remove(element)
        return element

    def clear(self) -> None:
        """As set.clear."""
        _raw.clear(self)
        self._order = {}

    # --- many elements; what comes before an error is kept, as the builtin does

    def update(self, *others: Iterable[Any]) -> None:
        """As set.update."""
        order = self._whole()
        for other in others:
            before = len(order)
            try:
                for element in in_order(other):
                    order[element] = None
            finally:
                _raw.update(self, islice(reversed(order), len(order) - before))

    def difference_update(self, *others: Iterable[Any]) -> None:
        """As set.difference_update."""
        for other in others:
            for element in list(self) if other is self else in_order(other):
                if element in self:
                    self._remove(element)

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """As set.intersection_update."""
        self._become(self.intersection(*others))

    def symmetric_difference_update(self, other: Iterable[Any], /) -> None:
        """As set.symmetric_difference_update."""
        self._become(self.symmetric_difference(other))

    def _become(self, other: OrderedSet[Any]) -> None:
        _raw.clear(self)
        _raw.update(self, other._order)
        self._order = other._order

    def __ior__(self, other: Any) -> Self:  # type: ignore[override]
        if not isinstance(other, _SETS):
            return NotImplemented
        self.update(other)
        return self

    def __iand__(self, other: Any) -> Self:
        if not isinstance(other, _SETS):
            return NotImplemented
        self.intersection_update(other)
        return self

    def __isub__(self, other: Any) -> Self:
        if not isinstance(other, _SETS):
            return NotImplemented
        self.difference_update(other)
        return self

    def __ixor__(self, other: Any) -> Self:  # type: ignore[override]
        if not isinstance(other, _SETS):
            return NotImplemented
        self.symmetric_difference_update(other)
        return self


class OrderedFrozenSet(_Ordered[T], frozenset[T], metaclass=_StandIn):
    """A frozenset that keeps its elements in the order in which it was given them.

    It calls itself ``frozenset``, as users wrote it.
    """

    __slots__ = ("_order",)
    __module__ = "builtins"
    __qualname__ = "frozenset"

    def __new__(cls, elements: Iterable[T] = (), /) -> Self:
        """As frozenset: what is one already is given back."""
        if type(elements) is cls is OrderedFrozenSet:
            return elements
        order = dict.fromkeys(in_order(elements))
        made = frozenset.__new__(cls, order)
        made._order = order
        return made

    def copy(self) -> OrderedFrozenSet[T]:
        """As frozenset.copy."""
        return OrderedFrozenSet(self)


OrderedSet.__name__, OrderedFrozenSet.__name__ = "set", "frozenset"
_STANDS_FOR: dict[type, type] = {OrderedSet: set, OrderedFrozenSet: frozenset}


def _make_set(elements: list[Any]) -> OrderedSet[Any]:
    """What pickling and copying call, as the class itself goes by another's name."""
    return OrderedSet(elements)


def _make_frozen_set(elements: list[Any]) -> OrderedFrozenSet[Any]:
    """As :func:`_make_set`."""
    return OrderedFrozenSet(elements)


_MAKERS: dict[type, Callable[[list[Any]], Any]] = {
    OrderedSet: _make_set,
    OrderedFrozenSet: _make_frozen_set,
}


# --- sets that a library made


def in_order(value: Any) -> Any:
    """``value``; if it is a builtin set, an ordered copy of it, in the order of its keys."""
    kind = type(value)
    if kind is set:
        return OrderedSet(_by_key(value))
    if kind is frozenset:
        return OrderedFrozenSet(_by_key(value))
    return value


def _by_key(elements: Iterable[Any]) -> list[Any]:
    return sorted(map(in_order_throughout, elements), key=_key)


def _key(element: Any) -> tuple[bytes, str]:
    """What elements are ordered by: their keys, or else how they are shown."""
    try:
        return encode_key(element), ""
    except UnsupportedValue:
        return b"\xff", f"{type(element).__qualname__} {element!r}"


def in_order_throughout(value: Any) -> Any:
    """``value`` with every builtin set in it in order: also inside lists, tuples and dicts.

    What holds none comes back as it is. Values of dataclasses and the like, which a library makes
    from data, are changed; elements of generators follow when they are asked for.
    """
    kind: type = type(value)
    convert = _converter(kind)
    if convert is None:
        return value
    try:
        return convert(value)
    except RecursionError:
        return value  # it contains itself


@lru_cache(maxsize=1024)
def _converter(kind: type) -> Callable[[Any], Any] | None:
    """What puts the sets inside values of a type in order; None if it holds nothing else."""
    if kind in _THROUGHOUT:
        return _THROUGHOUT[kind]
    if issubclass(kind, tuple) and hasattr(kind, "_make"):
        return _sequence
    if dataclasses.is_dataclass(kind):
        names = tuple(field.name for field in dataclasses.fields(kind))
        return partial(_attributes, names, object.__setattr__)
    if issubclass(kind, msgspec.Struct):
        return partial(_attributes, kind.__struct_fields__, msgspec.structs.force_setattr)
    return None


def _sequence(value: Any) -> Any:
    if not any(map(_converter, set(map(type, value)))):
        return value
    made = [in_order_throughout(each) for each in value]
    if all(old is new for old, new in zip(value, made, strict=True)):
        return value
    return getattr(type(value), "_make", type(value))(made)


def _mapping(value: dict[Any, Any]) -> dict[Any, Any]:
    keys, values = list(value), list(value.values())
    made_keys, made_values = _sequence(keys), _sequence(values)
    if made_keys is keys and made_values is values:
        return value
    return dict(zip(made_keys, made_values, strict=True))


def _attributes(names: tuple[str, ...], change: Callable[..., None], value: Any) -> Any:
    for name in names:
        if hasattr(value, name):
            old = getattr(value, name)
            new = in_order_throughout(old)
            if new is not old:
                change(value, name, new)
    return value


def _generator(value: Iterable[Any]) -> Iterator[Any]:
    return (in_order_throughout(each) for each in value)


_THROUGHOUT: dict[type, Callable[[Any], Any]] = {
    set: in_order,
    frozenset: in_order,
    list: _sequence,
    tuple: _sequence,
    dict: _mapping,
    GeneratorType: _generator,
    map: lambda value: map(in_order_throughout, value),
}
