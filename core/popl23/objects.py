"""Objects: what the prototype reads, writes and locks as one, and what runs on them.

A field is one object; with the optimized dictionary a dict is BUCKETS of them, by a hash of the
key. An object holds the same keys and values that the field would have in the store by itself
(:mod:`core.fields`). So an operation on a field, such as ``append``, is the field's own code, run
on what its objects hold (:func:`run`) instead of on the store.

In a service that is executed, fields are *handles*: each operation is one effect,
:class:`Operation`, however many keys the field's code then touches.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple

import msgspec

from core.effects import Delete, DeleteRange, Get, Put, Scan
from core.errors import UnsupportedValue
from core.fields import DictField
from core.fields.base import Field
from core.keys import encode_key
from core.layout import object_name
from core.program import Program, Service

__all__ = [
    "BUCKETS",
    "Content",
    "Operation",
    "Ran",
    "content_of",
    "data_of",
    "fields_of",
    "instance_of",
    "is_whole",
    "objects_of",
    "run",
    "split",
    "whole_content",
]

BUCKETS = 1024
"""How many objects a dict is, with the optimized dictionary."""

Content = dict[bytes, bytes]
"""Keys and values of a field, or of some of its objects."""

_OF_ONE_KEY = ("getitem", "setitem", "delitem", "contains", "get", "pop", "setdefault")
"""The operations of a dict that concern the bucket of their first argument alone."""


class Operation(msgspec.Struct, frozen=True):
    """An operation on a field, as user code asks for it."""

    field: Field
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class _Asked:
    """What a handle's method returns: ``await`` it for the operation's result."""

    __slots__ = ("_operation",)

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def __await__(self) -> Generator[Operation, Any, Any]:
        return (yield self._operation)


class _Handle:
    """A field in a service that is executed."""

    __slots__ = ("_field",)

    def __init__(self, field: Field) -> None:
        self._field = field

    def __getattr__(self, method: str) -> Callable[..., _Asked]:
        def ask(*args: Any, **kwargs: Any) -> _Asked:
            # An operation may be run more than once; an iterator can be used up only once.
            args = tuple(list(each) if hasattr(each, "__next__") else each for each in args)
            return _Asked(Operation(self._field, method, args, kwargs))

        return ask


def fields_of(service: Service) -> list[Field]:
    """The persistent fields of a service."""
    return [each for each in vars(service.instance).values() if isinstance(each, Field)]


def instance_of(service: Service) -> object:
    """What compiled methods get as ``self``: the service's instance with handles for its fields."""
    made = object.__new__(type(service.instance))
    for name, value in vars(service.instance).items():
        vars(made)[name] = _Handle(value) if isinstance(value, Field) else value
    return made


# --- which objects


def is_whole(field: Field, buckets: bool) -> bool:
    """Whether a field is one object."""
    return not (buckets and isinstance(field, DictField))


def _bucket(element: bytes) -> int:
    """The bucket of an element, by its encoded key."""
    return zlib.crc32(element) % BUCKETS


def objects_of(operation: Operation, buckets: bool) -> list[bytes]:
    """The names of the objects that an operation concerns; none if it cannot have a key."""
    field = operation.field
    if is_whole(field, buckets):
        return [object_name(field.service, field.name)]
    if operation.method not in _OF_ONE_KEY:
        return [object_name(field.service, field.name, each) for each in range(BUCKETS)]
    try:
        key = encode_key(operation.args[0])
    except (UnsupportedValue, IndexError):
        return []  # the operation itself raises what is to be raised
    return [object_name(field.service, field.name, _bucket(key))]


def split(field: Field, content: Mapping[bytes, bytes], buckets: bool) -> dict[bytes, Content]:
    """The content of a field by the names of its objects; those that hold nothing are left out."""
    pairs = sorted(content.items())
    if is_whole(field, buckets):
        return {object_name(field.service, field.name): dict(pairs)}
    found: dict[bytes, Content] = {}
    for element in field._elements(pairs):
        bucket = _bucket(element.store_key[len(field.prefix) :])
        found.setdefault(object_name(field.service, field.name, bucket), {}).update(
            element.content()
        )
    return found


# --- what an object holds


def whole_content(content: Content) -> bytes:
    """The value of an object that holds ``content``."""
    return msgspec.msgpack.encode(sorted(content.items()))


_decode = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode


def data_of(value: bytes | None) -> Content:
    """What an object holds, by its value; one that is not there holds nothing."""
    return {} if value is None else dict(_decode(value))


def content_of(program: Program, initial: Mapping[bytes, bytes], buckets: bool) -> Content:
    """The objects, by name, that hold the application's data ``initial``."""
    made: Content = {}
    for service in program.services.values():
        for field in fields_of(service):
            own = {key: value for key, value in initial.items() if key.startswith(field.prefix)}
            for name, content in split(field, own, buckets).items():
                made[name] = whole_content(content)
    return made


# --- running an operation


class Ran(NamedTuple):
    """How an operation ended.

    :ivar content: what the field's objects hold then.
    """

    result: Any
    error: Exception | None
    content: Content


def run(operation: Operation, content: Mapping[bytes, bytes]) -> Ran:
    """Run an operation on what its objects hold, which stays as it is."""
    held = dict(content)
    steps = getattr(operation.field, operation.method)(*operation.args, **operation.kwargs)
    answer: Any = None
    while True:
        try:
            effect = steps.send(answer)
        except StopIteration as stop:
            return Ran(stop.value, None, held)
        except Exception as error:
            return Ran(None, error, held)
        answer = _perform(effect, held)


def _perform(effect: Any, held: Content) -> Any:
    """One effect of a field's code, in memory."""
    if isinstance(effect, Get):
        return held.get(effect.key)
    if isinstance(effect, Put):
        held[effect.key] = effect.value
    elif isinstance(effect, Delete):
        held.pop(effect.key, None)
    elif isinstance(effect, DeleteRange):
        for key in [key for key in held if effect.begin <= key < effect.end]:
            del held[key]
    else:
        assert isinstance(effect, Scan)
        pairs = sorted(each for each in held.items() if effect.begin <= each[0] < effect.end)
        return pairs[: effect.limit] if effect.limit else pairs
    return None
