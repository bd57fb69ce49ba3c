"""The application's data, out of the objects that hold it: for checks, and for people."""

from __future__ import annotations

from collections.abc import Mapping

from core.layout import OBJECTS
from core.popl23.objects import data_of

__all__ = ["data"]


def data(content: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The application's data in a store with ``content``, as plain keys and values."""
    begin, end = OBJECTS
    found: dict[bytes, bytes] = {}
    for key, value in content.items():
        if begin <= key < end:
            found.update(data_of(value))
    return found
