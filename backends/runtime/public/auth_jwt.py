"""Callers by tokens that somebody else signs: JSON Web Tokens (RFC 7519).

::

    {"jwks": "https://id.example.com/keys", "issuer": "https://id.example.com", "audience": "shop"}

The keys are those of a JWKS (:mod:`backends.runtime.public.jwks`). What a key is decides with which
algorithms it verifies, never the token: an RSA key verifies no HMAC, and nothing verifies ``none``.

Of what a token claims, the subject, the roles and what the file names become the caller, and
nothing else: who signs tokens puts in them what they like, much of it of the token and not of its
bearer; and a token drawn anew must be the same caller, so that a request can be asked again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import jwt
import msgspec

from backends.runtime.public.auth import AuthError, known_caller, unauthenticated
from backends.runtime.public.jwks import VERIFIES, Jwks, fetched, is_safe, read_keys
from backends.runtime.public.problems import Refusal
from core.callers import Caller

__all__ = ["Tokens"]

_LEEWAY = 30.0


class _Settings(msgspec.Struct, forbid_unknown_fields=True):
    jwks: str
    issuer: str
    audience: str
    leeway: float = _LEEWAY
    roles: str = "roles"
    claims: list[str] = []


_NAMES: Final = _Settings.__struct_fields__


class Tokens:
    """Knows callers by their tokens."""

    format = "JWT"

    def __init__(self, settings: _Settings, keys: Jwks) -> None:
        self._settings = settings
        self._keys = keys

    @classmethod
    def read(cls, path: Path, content: dict[str, Any]) -> Self:
        """What a file says.

        :raises AuthError: it does not say it, or a JWKS that is a file cannot be used.
        """
        try:
            settings = msgspec.convert(content, _Settings)
        except msgspec.ValidationError as error:
            raise AuthError(f"{path}: {error}: it says {', '.join(sorted(_NAMES))}") from None
        if not settings.issuer or not settings.audience or not 0 <= settings.leeway <= 600:
            raise AuthError(
                f"{path}: name an issuer, an audience, and a leeway of 0 to 600 seconds"
            )
        if "roles" in settings.claims:
            raise AuthError(f'{path}: claims: roles are taken from the claim that "roles" names')
        try:
            is_address = urlsplit(settings.jwks).scheme in ("http", "https")
        except ValueError as error:
            raise AuthError(f"{path}: jwks: {error}: give a file, or an https address") from None
        if is_address:
            if not is_safe(settings.jwks):
                raise AuthError(f"{path}: jwks: keys that anybody can change on the way: use https")
            return cls(settings, Jwks(lambda: fetched(settings.jwks)))
        return cls(settings, _in_file(path.parent / settings.jwks))

    async def caller(self, secret: str) -> Caller:
        """See :class:`backends.runtime.public.auth.Auth`."""
        try:
            head = jwt.get_unverified_header(secret)
        except (jwt.PyJWTError, RecursionError):
            raise unauthenticated("what Authorization holds is no token") from None
        key = await self._key(head.get("kid"))
        settings = self._settings
        try:
            claims = jwt.decode(
                secret,
                key.key,
                algorithms=VERIFIES[key.key_type or ""],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway,
                options={"require": ["exp", "sub"]},
            )
            subject = claims["sub"]
            if not isinstance(subject, str) or not subject:
                raise unauthenticated("the token is not good: it has no subject")
            return known_caller(subject, self._taken(claims))
        except jwt.PyJWTError as error:
            raise unauthenticated(f"the token is not good: {_why(error)}") from None
        except (ValueError, OverflowError, RecursionError):
            raise unauthenticated("the token is not good: it claims what cannot be kept") from None

    def _taken(self, claims: dict[str, Any]) -> dict[str, Any]:
        """What becomes known of the bearer; roles in an order that is theirs, not the token's."""
        settings = self._settings
        taken = {name: claims[name] for name in settings.claims if name in claims}
        roles = Caller(claims={"roles": claims.get(settings.roles)}).roles
        return {**taken, "roles": sorted(roles)} if roles else taken

    async def _key(self, name: Any) -> jwt.PyJWK:
        """The key that a token says it is signed with; the only one, if it says nothing.

        :raises Refusal: there is none.
        """
        found = await self._keys.key(name)
        if found is not None:
            return found
        if self._keys.is_empty or self._keys.failed:
            raise Refusal(
                "auth-unavailable", "the keys that verify tokens cannot be had at present"
            )
        raise unauthenticated("the token is not good: its key is not known")


def _in_file(file: Path) -> Jwks:
    """:raises AuthError: it cannot be used."""
    try:
        keys = read_keys(file.read_bytes())
    except OSError as error:
        raise AuthError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise AuthError(f"{file}: {error}") from None
    if not keys:
        raise AuthError(f"{file}: this JWKS has no key that verifies tokens: RSA, EC, OKP or oct")
    return Jwks(file.read_bytes, keys)


def _why(error: jwt.PyJWTError) -> str:
    """What is wrong with a token, without anything that stands in it."""
    for kind, text in _WRONG.items():
        if isinstance(error, kind):
            return text
    return "it was not signed with this key"


_WRONG: Final = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not good yet",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "it is of another issuer",
    jwt.MissingRequiredClaimError: "it lacks exp, sub, aud or iss",
    jwt.InvalidAlgorithmError: "its algorithm is not that of its key",
}
