"""Texts in JSON that stand for values of other types: what each type takes, as a pattern.

The OpenAPI document publishes them. They are what msgspec takes, but for Decimal, whose own rules
let through what no reader of a schema expects (``1_0``, digits of any script, NaN): there the
pattern decides (:mod:`backends.runtime.public.members`).

That a day is in the calendar no pattern says; the formats ``date`` and ``date-time`` do.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import inspect as shapes

__all__ = ["DECIMAL", "pattern_of", "type_of"]

_DATE = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_ZONE = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
_HEX = "[0-9A-Fa-f]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}|{_HEX}{{32}}"
_BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_AMOUNT = r"[0-9]+(?:\.[0-9]+(?=[A-Za-z]$))?"  # a fraction of the last unit alone
_CLOCK = f"[Tt](?=[0-9])(?:{_AMOUNT}[Hh])?(?:{_AMOUNT}[Mm])?(?:{_AMOUNT}[Ss])?"
_DURATION = f"[+-]?[Pp](?=[0-9Tt])(?:{_AMOUNT}[Dd])?(?:{_CLOCK})?"
_DECIMAL = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]{1,17})?"

_TEXTS: dict[type[shapes.Type], tuple[Any, str]] = {
    shapes.BytesType: (bytes, _BASE64),
    shapes.DateTimeType: (datetime.datetime, f"{_DATE}[Tt ]{_TIME}{_ZONE}?"),
    shapes.DateType: (datetime.date, _DATE),
    shapes.TimeType: (datetime.time, f"{_TIME}{_ZONE}?"),
    shapes.TimeDeltaType: (datetime.timedelta, _DURATION),
    shapes.UUIDType: (UUID, _UUID),
    shapes.DecimalType: (Decimal, _DECIMAL),
}
_INTEGER = "-?(?:0|[1-9][0-9]*)"
_NUMBER = rf"{_INTEGER}(?:\.[0-9]+)?(?:[Ee][+-]?[0-9]+)?"
_NAMES: dict[type[shapes.Type], tuple[Any, str]] = {
    **_TEXTS,
    shapes.IntType: (int, _INTEGER),
    shapes.FloatType: (float, _NUMBER),
    shapes.DecimalType: (Decimal, _NUMBER),
}
"""The same of names of members, where numbers are texts as well."""

DECIMAL = re.compile(_DECIMAL)


def pattern_of(shape: shapes.Type, *, name: bool = False) -> str | None:
    """The pattern of the texts that a type takes; None if it takes no text, or any.

    :param name: whether the text is the name of an object's member.
    """
    known = (_NAMES if name else _TEXTS).get(type(shape))
    return f"^(?:{known[1]})$" if known else None


def type_of(shape: shapes.Type) -> Any:
    """The type of a dictionary's keys; Any where it is none that is written in another way."""
    known = _NAMES.get(type(shape))
    return known[0] if known else str if isinstance(shape, shapes.StrType) else Any
