"""The named events that have happened in a reference run."""

from __future__ import annotations

from typing import Any

from compiler.api.undo import Undo
from core.codec import Codec
from core.events import check_size

__all__ = ["Happened"]


class Happened:
    """The events that have happened.

    :ivar values: the codec's bytes of their values.
    """

    def __init__(self, codec: Codec, undo: Undo) -> None:
        self._codec = codec
        self._undo = undo
        self.values: dict[bytes, bytes] = {}

    def __contains__(self, event: object) -> bool:
        return event in self.values

    def value(self, event: bytes) -> Any:
        """The value of one that has happened: a copy."""
        return self._codec.decode(self.values[event])

    def signal(self, event: bytes, value: Any) -> bool:
        """One has happened: whether it had not before."""
        return self.keep(event, self._codec.encode(value))

    def keep(self, event: bytes, data: bytes) -> bool:
        """As :meth:`signal`, of the codec's bytes."""
        if event in self.values:
            return False
        check_size(event, data)
        self._undo.record(self.values.pop, event)
        self.values[event] = data
        return True
