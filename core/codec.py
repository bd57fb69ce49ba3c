"""Values as bytes and back, with their Python types.

MessagePack (msgspec) carries what it can; everything else is an extension whose
payload is MessagePack again. A value and its copy are told apart by nothing but
identity: a tuple stays a tuple, an int key stays an int key.

Equal values of one type have equal bytes, so bytes can be compared in place of
values: sets are written in the order of their elements' bytes. Where Python's
equality ignores something that can be observed (the order of a dict, the sign
of zero, a time zone), the bytes keep it. A decoded set has the order of the bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from core.errors import Cancelled, UnsupportedValue
from core.exceptions import ExceptionTypes
from core.messages import Raised
from core.sets import OrderedFrozenSet, OrderedSet
from core.traces import Elsewhere, trace_of
from core.userclasses import UserClass, describe

__all__ = ["IMMUTABLE", "Codec"]

IMMUTABLE = frozenset(
    {
        type(None), bool, int, float, str, bytes, Decimal, UUID, dt.date, dt.timedelta,
        msgspec.UnsetType,
    }
)  # fmt: skip
"""Types whose values need no copy and can always be encoded."""

_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
_STR = frozenset({str})
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1

# Extension codes; stored data holds them, so they never change their meaning.
_INT, _STR_SURROGATES, _TUPLE, _DICT, _SET, _FROZENSET = 1, 2, 3, 4, 5, 6
_DATETIME, _DATE, _TIME, _TIMEDELTA, _DECIMAL, _UUID, _USER = 7, 8, 9, 10, 11, 12, 13
_UNSET = 14

_REMEDY = (
    "Values that are stored or sent are None, bool, int, float, str, bytes, list, tuple, dict, "
    "set, frozenset, datetime, date, time, timedelta, Decimal, UUID, msgspec.UNSET, and the Enum, "
    "dataclass, NamedTuple and msgspec.Struct classes that the application defines at module level."
)
_encode = msgspec.msgpack.Encoder().encode


class Codec:
    """Encodes and decodes values of one application.

    :param types: the application's own Enum, dataclass, NamedTuple, msgspec.Struct and
        exception classes; values of theirs carry the class's qualified name.
    """

    def __init__(self, types: Iterable[type] = ()) -> None:
        self.unreadable: UnsupportedValue | None = None
        self._packers: dict[type, Callable[[Any], Any]] = {
            **dict.fromkeys((type(None), bool, float, bytes), _unchanged),
            int: _pack_int,
            str: _pack_str,
            list: self._pack_list,
            tuple: self._pack_tuple,
            dict: self._pack_dict,
            set: lambda value: self._pack_set(_SET, value),
            frozenset: lambda value: self._pack_set(_FROZENSET, value),
            OrderedSet: lambda value: self._pack_set(_SET, value),
            OrderedFrozenSet: lambda value: self._pack_set(_FROZENSET, value),
            dt.datetime: _pack_datetime,
            dt.date: lambda value: _extension(_DATE, value.toordinal()),
            dt.time: _pack_time,
            dt.timedelta: _pack_timedelta,
            Decimal: lambda value: _extension(_DECIMAL, str(value)),
            UUID: lambda value: msgspec.msgpack.Ext(_UUID, value.bytes),
            msgspec.UnsetType: lambda _: msgspec.msgpack.Ext(_UNSET, b""),
        }
        self._classes: dict[str, UserClass] = {}
        self._exceptions = ExceptionTypes()
        self._decoder = msgspec.msgpack.Decoder(ext_hook=self._unpack)
        for kind in types:
            self.register(kind)

    def register(self, kind: type) -> None:
        """Add a class of the application.

        :raises UnsupportedValue: it is of no supported kind, or another has its name.
        """
        if issubclass(kind, Exception):
            self._exceptions.register(kind)
            return
        described = describe(kind)
        known = self._classes.setdefault(described.name, described)
        if known.kind is not kind:
            raise UnsupportedValue(
                f"two classes are called {described.name}: rename one, values are stored by name"
            )
        self._packers[kind] = lambda value: self._pack_user(described, value)

    def encode_as(self, kind: type, plain: type) -> None:
        """Let values of ``kind``, a subclass of ``plain``, be encoded as if of type ``plain``."""
        self._packers[kind] = self._packers[plain]

    # --- encoding

    def encode(self, value: object) -> bytes:
        """The bytes of ``value``.

        :raises UnsupportedValue: a value in it is of no supported type.
        """
        kind = type(value)
        if (
            kind in _PLAIN
            or (kind is list and _PLAIN.issuperset(map(type, value)))  # type: ignore[call-overload]
            or (
                kind is dict
                and _STR.issuperset(map(type, value))  # type: ignore[call-overload]
                and _PLAIN.issuperset(map(type, value.values()))  # type: ignore[attr-defined]
            )
        ):
            try:
                return _encode(value)
            except (OverflowError, UnicodeEncodeError):
                pass  # a large int or a lone surrogate: the long way knows them
        try:
            return _encode(self._pack(value))
        except RecursionError:
            raise UnsupportedValue("a value contains itself, or is nested too deeply") from None

    def _pack(self, value: object) -> Any:
        packer = self._packers.get(type(value))
        if packer is None:
            raise UnsupportedValue(_unsupported(value))
        return packer(value)

    def _pack_list(self, value: list[Any]) -> Any:
        return [self._pack(item) for item in value]

    def _pack_tuple(self, value: tuple[Any, ...]) -> Any:
        if _PLAIN.issuperset(map(type, value)):
            try:
                return msgspec.msgpack.Ext(_TUPLE, _encode(value))
            except (OverflowError, UnicodeEncodeError):
                pass  # as in encode()
        return _extension(_TUPLE, [self._pack(item) for item in value])

    def _pack_dict(self, value: dict[Any, Any]) -> Any:
        if not value:
            return value
        if _STR.issuperset(map(type, value)) and not any(map(_has_surrogates, value)):
            return {key: self._pack(item) for key, item in value.items()}
        flat = [self._pack(part) for pair in value.items() for part in pair]
        return _extension(_DICT, flat)

    def _pack_set(self, code: int, value: Iterable[Any]) -> Any:
        elements = sorted(_encode(self._pack(item)) for item in value)
        return _extension(code, [msgspec.Raw(element) for element in elements])

    def _pack_user(self, described: UserClass, value: Any) -> Any:
        return _extension(_USER, [described.name, self._pack(described.take(value))])

    # --- decoding

    def decode(self, data: bytes) -> Any:
        """The value that was encoded.

        :raises UnsupportedValue: the bytes are damaged, or name a class that is not registered.
        """
        try:
            return self._decoder.decode(data)
        except UnsupportedValue as error:
            self.unreadable = error
        except (Exception, RecursionError) as error:
            cause = error.__cause__
            if not isinstance(cause, UnsupportedValue):
                cause = UnsupportedValue(f"stored or received bytes are not a value: {error}")
            self.unreadable = cause
        raise self.unreadable

    def _unpack(self, code: int, data: memoryview) -> Any:
        if code == _UUID:
            return UUID(bytes=bytes(data))
        if code == _INT:
            return int.from_bytes(data, "big", signed=True)
        if code == _UNSET:
            return msgspec.UNSET
        payload = self._decoder.decode(data)
        if code == _USER:
            name, fields = payload
            return self.known(name).make(fields)
        return _BUILDERS[code](payload)

    def known(self, name: str) -> UserClass:
        """The class of this name.

        :raises UnsupportedValue: it is not registered.
        """
        described = self._classes.get(name)
        if described is None:
            raise UnsupportedValue(
                f"a value of class {name} is stored or was received, but the application has "
                "no such class at module level: define it, or keep its old name"
            )
        return described

    # --- exceptions

    def encode_exception(self, exception: Exception | Cancelled) -> Raised:
        """What travels when a method raises; arguments that cannot travel stay behind."""
        name, args, state = self._exceptions.take(exception)
        try:
            encoded = self.encode((args, state))
        except UnsupportedValue:
            encoded = self.encode(None)
        trace = [] if self._exceptions.is_declared(name) else trace_of(exception)
        return Raised(name, encoded, _text(exception), trace)

    def decode_exception(self, raised: Raised) -> Exception | Cancelled:
        """The exception again.

        It has its own class if that is registered, a builtin or TransactionException; otherwise
        it is a :class:`~core.errors.RemoteError` with the class's name and the text.

        :raises UnsupportedValue: its arguments are damaged.
        """
        exception = self._exceptions.make(raised.type, self.decode(raised.args), raised.text)
        if raised.trace:
            exception.__cause__ = Elsewhere(raised.trace)
        return exception


# --- packing of single types ----------------------------------------------------


def _extension(code: int, payload: Any) -> Any:
    return msgspec.msgpack.Ext(code, _encode(payload))


def _unchanged(value: Any) -> Any:
    return value


def _pack_int(value: int) -> Any:
    if _INT_MIN <= value <= _INT_MAX:
        return value
    size = value.bit_length() // 8 + 1
    return msgspec.msgpack.Ext(_INT, value.to_bytes(size, "big", signed=True))


def _has_surrogates(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _pack_str(value: str) -> Any:
    if value.isascii() or not _has_surrogates(value):
        return value
    return _extension(_STR_SURROGATES, value.encode("utf-8", "surrogatepass"))


def _pack_zone(zone: dt.tzinfo | None) -> Any:
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None)
        name = zone.tzname(None)
        seconds = [offset.days * 86400 + offset.seconds, offset.microseconds]
        return seconds if dt.timezone(offset).tzname(None) == name else [*seconds, name]
    raise UnsupportedValue(
        f"a time zone of type {type(zone).__name__} cannot be stored or sent: "
        "use datetime.timezone or zoneinfo.ZoneInfo"
    )


def _make_zone(packed: Any) -> dt.tzinfo | None:
    if packed is None:
        return None
    if isinstance(packed, str):
        return ZoneInfo(packed)
    seconds, microseconds, *name = packed
    offset = dt.timedelta(0, seconds, microseconds)
    return dt.timezone(offset, *name) if name or offset else dt.UTC


def _pack_datetime(value: dt.datetime) -> Any:
    moment = [value.toordinal(), value.hour, value.minute, value.second, value.microsecond]
    return _extension(_DATETIME, [*moment, value.fold, _pack_zone(value.tzinfo)])


def _pack_time(value: dt.time) -> Any:
    moment = [value.hour, value.minute, value.second, value.microsecond]
    return _extension(_TIME, [*moment, value.fold, _pack_zone(value.tzinfo)])


def _pack_timedelta(value: dt.timedelta) -> Any:
    return _extension(_TIMEDELTA, [value.days, value.seconds, value.microseconds])


def _make_datetime(packed: list[Any]) -> dt.datetime:
    ordinal, *time = packed
    return dt.datetime.combine(dt.date.fromordinal(ordinal), _make_time(time))


def _make_time(packed: list[Any]) -> dt.time:
    hour, minute, second, microsecond, fold, zone = packed
    return dt.time(hour, minute, second, microsecond, _make_zone(zone), fold=fold)


def _make_dict(flat: list[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


_BUILDERS: dict[int, Callable[[Any], Any]] = {
    _STR_SURROGATES: lambda payload: payload.decode("utf-8", "surrogatepass"),
    _TUPLE: tuple,
    _DICT: _make_dict,
    _SET: OrderedSet,
    _FROZENSET: OrderedFrozenSet,
    _DATETIME: _make_datetime,
    _DATE: dt.date.fromordinal,
    _TIME: _make_time,
    _TIMEDELTA: lambda payload: dt.timedelta(*payload),
    _DECIMAL: Decimal,
}


def _text(exception: Exception | Cancelled) -> str:
    try:
        return str(exception)
    except Exception:
        return type(exception).__name__


def _unsupported(value: object) -> str:
    kind = type(value)
    if hasattr(kind, "__unsupported__"):
        return str(kind.__unsupported__)
    what = f"a value of type {kind.__module__}.{kind.__qualname__} cannot be stored or sent. "
    if hasattr(kind, "__dataclass_fields__"):
        return what + "Move the class to module level, so that the application knows it."
    for plain in (dict, list, set, tuple, str, int, float, bytes):
        if isinstance(value, plain):
            return f"{what}Make it a plain {plain.__name__}: {plain.__name__}(...)."
    return what + _REMEDY
