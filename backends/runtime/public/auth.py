"""Who asks: from the header ``Authorization`` to a caller (:mod:`core.callers`).

A gateway knows callers by one of three:

* ``none``: nobody is known, and every request is nobody's.
* ``keys:FILE``: secrets that were given out (:mod:`backends.runtime.public.auth_keys`).
* ``jwt:FILE``: tokens that somebody else signs (:mod:`backends.runtime.public.auth_jwt`).

A request without the header is nobody's; one whose header is not good is refused, whatever it
asks for. What is said of that names no secret: neither a key nor any part of a token.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from backends.runtime.public.problems import Refusal
from core.callers import NOBODY, Caller, decode_caller, encode_caller
from core.errors import MuError

__all__ = ["Auth", "AuthError", "Nobody", "bearer", "known_caller", "unauthenticated"]

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+)")  # RFC 6750


class AuthError(MuError):
    """What tells who callers are cannot be used; the message names the place and the remedy."""


class Auth(Protocol):
    """Knows callers.

    :ivar format: what a bearer's secret is, for the OpenAPI document; empty: nobody is known.
    """

    format: str

    async def caller(self, secret: str) -> Caller:
        """Who has this secret.

        :raises Refusal: nobody; or it cannot be known at present.
        """


class Nobody:
    """Knows nobody."""

    format = ""

    async def caller(self, secret: str) -> Caller:  # noqa: ARG002
        """See :class:`Auth`."""
        raise unauthenticated("this gateway knows nobody: it was started without --auth")


def unauthenticated(detail: str) -> Refusal:
    """Whoever asks is not known; RFC 9110 wants to be told how to become so."""
    return Refusal("unauthenticated", detail, {"WWW-Authenticate": "Bearer"})


def known_caller(subject: str, claims: dict[str, Any]) -> Caller:
    """A caller, as every service will see it.

    :raises ValueError: something of it does not travel.
    """
    try:
        return decode_caller(encode_caller(Caller(subject, claims)))
    except (OverflowError, RecursionError, UnicodeError):
        raise ValueError(
            "what is known of a caller is JSON, with whole numbers of 64 bits, and texts"
        ) from None


async def bearer(auth: Auth, header: str | None) -> Caller:
    """The caller that a request's ``Authorization`` names; nobody if there is none.

    :raises Refusal: it is not good.
    """
    if header is None:
        return NOBODY
    if "," in header:
        raise Refusal("bad-request", "Authorization: one, once, and without a comma")
    found = _BEARER.fullmatch(header)
    if found is None:
        raise unauthenticated("Authorization: must be Bearer, a space, and a key or token")
    return await auth.caller(found[1])
