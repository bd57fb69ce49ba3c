"""Keys, values and requests as a person reads them, for evidence lines."""

from __future__ import annotations

from core.codec import Codec
from core.keys import decode_key
from core.layout import (
    CLIENT_KEYS,
    CLIENT_KEYS_BY_ROOT,
    DATA,
    INTENTS,
    JOURNAL,
    SET_ASIDE,
    SET_UP,
    WATERMARK,
)
from core.messages import Failed, Outcome, Raised

__all__ = ["Readable"]

_LONGEST = 120


class Readable:
    """Renders what the store and the messages hold as bytes.

    :param codec: the application's, for user values.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def key(self, key: bytes) -> str:
        """``Service.field[element]`` for data, a description for everything else."""
        if key[:1] == DATA.begin and key.count(b"\x00") >= 2:
            service, field, element = key[1:].split(b"\x00", 2)
            name = f"{service.decode()}.{field.decode()}"
            return f"{name}[{self._element(element)}]" if element else name
        if key == WATERMARK:
            return "the retention watermark"
        if key == SET_UP:
            return "the mark of what the store was set up for"
        for section, name in ((INTENTS, "intent"), (SET_ASIDE, "set-aside request")):
            if key[:1] == section.begin:
                return f"the {name} {key[1:17].hex()}"
        if key[:1] == CLIENT_KEYS.begin:
            return f"the client key {key[1:].decode(errors='replace')!r}"
        if key[:1] == CLIENT_KEYS_BY_ROOT.begin:
            return f"the client key of {key[1:].hex()}"
        if key[:1] == JOURNAL.begin:
            return self._journal(key)
        return repr(key)

    @staticmethod
    def _element(element: bytes) -> str:
        try:
            return repr(decode_key(element))
        except Exception:
            return element.hex()

    @staticmethod
    def _journal(key: bytes) -> str:
        root, rest = key[1:17], key[17:]
        numbers: list[str] = []
        while rest and rest[0]:
            size = rest[0]
            numbers.append(str(int.from_bytes(rest[1 : 1 + size], "big")))
            rest = rest[1 + size :]
        place = int.from_bytes(rest[2:], "big") if rest else -1
        return f"the journal of {'/'.join((root.hex(), *numbers))}, region {place}"

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
