"""Callers by tokens that somebody else signs: JSON Web Tokens (RFC 7519).

::

    {"jwks": "https://id.example.com/keys", "issuer": "https://id.example.com", "audience": "shop"}

The keys come from a JWKS (RFC 7517), a file or an address. What a key is decides with which
algorithms it verifies, never the token: an RSA key verifies no HMAC, and nothing verifies ``none``.
Claims that are of the token and not of its bearer (when it was issued, when it ends) are left out,
so that a token drawn anew is the same caller, and a request can be asked again with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import jwt
import msgspec

from backends.runtime.public.auth import AuthError, unauthenticated
from backends.runtime.public.problems import Refusal
from core.callers import Caller

__all__ = ["Tokens"]

_log = logging.getLogger(__name__)

_VERIFIES: Final = {
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "EC": ["ES256", "ES384", "ES512", "ES256K"],
    "OKP": ["EdDSA"],
    "oct": ["HS256", "HS384", "HS512"],
}
"""The algorithms of each type of key."""

_OF_THE_TOKEN: Final = {
    *("exp", "iat", "nbf", "jti", "aud", "iss", "sub", "auth_time", "nonce", "at_hash", "c_hash"),
    *("sid", "session_state", "azp", "typ"),
}
_NAMES: Final = {"jwks", "issuer", "audience", "leeway", "roles"}
_LEEWAY = 30.0
_AGAIN = 30.0
"""Seconds between two looks at an address for a key that is not known."""
_PATIENCE = 5.0
_LONGEST = 1_000_000


class _Settings(msgspec.Struct, forbid_unknown_fields=True):
    jwks: str
    issuer: str
    audience: str
    leeway: float = _LEEWAY
    roles: str = "roles"


class Tokens:
    """Knows callers by their tokens.

    :param load: the bytes of the JWKS.
    :param again: whether they may be others later.
    """

    format = "JWT"

    def __init__(self, settings: _Settings, load: Callable[[], bytes], again: bool) -> None:
        self._settings = settings
        self._load = load
        self._again = again
        self._keys: list[jwt.PyJWK] = []
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

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
        address = urlsplit(settings.jwks)
        if address.scheme in ("http", "https"):
            if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1"):
                raise AuthError(f"{path}: jwks: keys that anybody can change on the way: use https")
            return cls(settings, lambda: _fetched(settings.jwks), again=True)
        file = path.parent / settings.jwks
        found = cls(settings, file.read_bytes, again=False)
        try:
            found._keys = _read_keys(file.read_bytes())
        except OSError as error:
            raise AuthError(f"{file}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise AuthError(f"{file}: {error}") from None
        return found

    async def caller(self, secret: str) -> Caller:
        """See :class:`backends.runtime.public.auth.Auth`."""
        try:
            head = jwt.get_unverified_header(secret)
        except jwt.PyJWTError:
            raise unauthenticated("what Authorization holds is no token") from None
        key = await self._key(head.get("kid"))
        settings = self._settings
        try:
            claims = jwt.decode(
                secret,
                key.key,
                algorithms=_VERIFIES[key.key_type or ""],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise unauthenticated(f"the token is not good: {_why(error)}") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise unauthenticated("the token is not good: it has no subject")
        kept = {name: value for name, value in claims.items() if name not in _OF_THE_TOKEN}
        if settings.roles != "roles" and settings.roles in kept:
            kept["roles"] = kept[settings.roles]
        return Caller(subject, kept)

    async def _key(self, name: Any) -> jwt.PyJWK:
        """The key that a token says it is signed with; the only one, if it says nothing.

        :raises Refusal: there is none.
        """
        found = self._find(name)
        if found is None and self._again:
            async with self._looking:
                found = self._find(name)
                if found is None and time.monotonic() - self._looked >= _AGAIN:
                    await self._look()
                    found = self._find(name)
        if found is not None:
            return found
        if not self._keys:
            raise Refusal(
                "auth-unavailable", "the keys that verify tokens cannot be had at present"
            )
        raise unauthenticated("the token is not good: its key is not known")

    def _find(self, name: Any) -> jwt.PyJWK | None:
        if name is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((each for each in self._keys if each.key_id == name), None)

    async def _look(self) -> None:
        try:
            self._keys = _read_keys(await asyncio.to_thread(self._load))
            self._looked = time.monotonic()
        except (OSError, ValueError) as error:
            _log.warning("the keys of tokens cannot be had: %s", error)
            if self._keys:  # those that are known are good meanwhile
                self._looked = time.monotonic()


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


def _fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        content: bytes = answer.read(_LONGEST)
    return content


def _read_keys(content: bytes) -> list[jwt.PyJWK]:
    """The keys of a JWKS that verify.

    :raises ValueError: it is none, or has no such key.
    """
    try:
        listed = msgspec.json.decode(content, type=dict[str, Any]).get("keys")
    except msgspec.DecodeError:
        listed = None
    if not isinstance(listed, list):
        raise ValueError('this is no JWKS: {"keys": [...]}, as RFC 7517 has it')
    found = []
    for each in listed:
        if isinstance(each, dict) and each.get("use", "sig") == "sig":
            try:
                key = jwt.PyJWK(each, algorithm=each.get("alg") or _first(each))
            except jwt.PyJWTError:
                continue  # of a type that is not known
            if key.key_type in _VERIFIES:
                found.append(key)
    if not found:
        raise ValueError("this JWKS has no key that verifies tokens: RSA, EC, OKP or oct")
    return found


def _first(key: dict[str, Any]) -> str | None:
    if key.get("kty") == "EC":
        return None  # its curve says
    return next(iter(_VERIFIES.get(str(key.get("kty")), [])), None)
