"""What every container of a reference run shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.api.undo import Undo
from core.codec import IMMUTABLE, Codec
from core.errors import UnsupportedValue
from core.keys import encode_key

__all__ = ["Keeper"]


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

    def key(self, key: Any) -> Any:
        """A copy of ``key``, as which it is kept if no equal one is there.

        :raises TypeError: it cannot be hashed. :raises UnsupportedValue: it cannot be stored.
        """
        self.check_key(key)
        return self.copy(key)

    def check_key(self, key: Any) -> None:
        """See that ``key`` can be one; raises as :meth:`key`."""
        try:
            encode_key(key)
        except UnsupportedValue:
            hash(key)
            raise
