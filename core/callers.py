"""Who is asking: the caller of a request tree, known at its edge and carried to every callee.

The caller stands in the tree's root call (:class:`core.messages.Origin`). So it is wherever that
is: in every request of the tree, in its intent, in what is set aside; and a request that is
executed again has the same caller. It is part of what tells two requests of one id apart, so
nobody gets another's answer by sending another's key. It is not part of the id.

``docs/http.md`` says how a gateway comes to know a caller. Nothing else can make one: between
services only sealed messages travel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

__all__ = [
    "KNOWN",
    "NOBODY",
    "Caller",
    "decode_caller",
    "encode_caller",
    "made_caller",
    "turned_away",
]


class Caller(msgspec.Struct, frozen=True):
    """Who is asking.

    :ivar subject: the name of whoever asks; empty if nobody said.
    :ivar claims: what else is known, as JSON has it; ``roles`` among them are names.
    """

    subject: str = ""
    claims: dict[str, Any] = {}

    @property
    def roles(self) -> frozenset[str]:
        """The names in ``claims["roles"]``: a list, or one text with spaces between."""
        given = self.claims.get("roles", ())
        names = given.split() if isinstance(given, str) else given
        listed = names if isinstance(names, list | tuple) else ()
        return frozenset(name for name in listed if isinstance(name, str))


KNOWN = "*"
"""In the place of a role: whoever is known."""

NOBODY = Caller()
"""A caller of whom nothing is known."""

_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Caller)


def made_caller(subject: str, roles: Iterable[str] = ()) -> Caller:
    """A caller with these roles."""
    named = list(roles)
    return Caller(subject, {"roles": named} if named else {})


def encode_caller(caller: Caller) -> bytes:
    """A caller as it travels; empty for nobody."""
    return b"" if caller == NOBODY else _encoder.encode(caller)


def decode_caller(data: bytes) -> Caller:
    """The caller that travels as ``data``."""
    return _decoder.decode(data) if data else Caller()


def turned_away(name: str, roles: frozenset[str], caller: Caller) -> str:
    """Why a caller may not ask for a method from outside; empty if it may.

    :param roles: of which it must have one; empty: anybody may ask.
    """
    if not roles or roles & caller.roles or (KNOWN in roles and caller.subject):
        return ""
    if KNOWN in roles:
        return f"{name} is for callers who are known"
    who = f", and {caller.subject} is not" if caller.subject else ""
    return f"{name} is for {' or '.join(sorted(roles))}{who}"
