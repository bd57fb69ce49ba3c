"""What every container of a reference run shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.api.undo import Undo
from core.codec import IMMUTABLE, Codec
from core.errors import UnsupportedValue
from core.keys import normal_key

__all__ = ["Keeper", "element_key"]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Copies values for the containers of one reference run, and undoes their writes."""

    codec: Codec
    undo: Undo

    def copy(self, value: Any) -> Any:
        """A copy of ``value``, or itself if it is immutable.

        :raises UnsupportedValue: it cannot be stored.
        """
        if type(value) in IMMUTABLE:
            return value
        return self.codec.decode(self.codec.encode(value))


def element_key(key: Any) -> Any:
    """The key under which ``key`` is kept.

    :raises TypeError: it cannot be hashed. :raises UnsupportedValue: it cannot be stored.
    """
    try:
        return normal_key(key)
    except UnsupportedValue:
        hash(key)
        raise
