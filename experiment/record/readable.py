"""Keys, values and requests as a person reads them, for evidence lines."""

from __future__ import annotations

from core.codec import Codec
from core.messages import Failed, Outcome, Raised
from core.readable import readable_key

__all__ = ["Readable"]

_LONGEST = 120


class Readable:
    """Renders what the store and the messages hold as bytes.

    :param codec: the application's, for user values.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @staticmethod
    def key(key: bytes) -> str:
        """See :func:`core.readable.readable_key`."""
        return readable_key(key)

    def value(self, value: object) -> str:
        """A stored value, absent as ``nothing``; pairs of a scan as a dictionary."""
        if value is None:
            return "nothing"
        if isinstance(value, bytes):
            return _short(self._decoded(value))
        if isinstance(value, list):
            pairs = ", ".join(f"{self.key(k)}: {self._decoded(v)}" for k, v in value)
            return _short("{" + pairs + "}")
        return str(value)

    def _decoded(self, data: bytes) -> str:
        try:
            return repr(self._codec.decode(data))
        except Exception:
            return data.hex()

    def arguments(self, args: bytes) -> str:
        """Encoded call arguments as they are written in a call."""
        try:
            positional, named = self._codec.decode(args)
        except Exception:
            return f"(undecodable {args.hex()})"
        parts = [*map(repr, positional), *(f"{name}={value!r}" for name, value in named.items())]
        return _short(f"({', '.join(parts)})")

    def outcome(self, outcome: Outcome) -> str:
        """``returned ...``, ``raised ...`` or ``failed ...``."""
        if isinstance(outcome, Failed):
            return f"failed with {outcome.kind}: {outcome.text}"
        if isinstance(outcome, Raised):
            return f"raised {outcome.type}: {_short(outcome.text)}"
        return f"returned {self.value(outcome.value)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
