"""The keys that verify tokens: a JWKS (RFC 7517), a file or an address.

What stands at an address changes: keys are added, and keys are withdrawn. It is looked up when a
key is needed that is not known, and again when the last answer is old, so that a key which was
withdrawn is good for that long at most. While the address fails, the keys last had are good.
All who need a look at the same time take the outcome of one.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit

import jwt
import msgspec

__all__ = ["VERIFIES", "Jwks", "fetched", "is_safe", "read_keys"]

_log = logging.getLogger(__name__)

VERIFIES: Final = {
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "EC": ["ES256", "ES384", "ES512", "ES256K"],
    "OKP": ["EdDSA"],
    "oct": ["HS256", "HS384", "HS512"],
}
"""The algorithms of each type of key."""

_OLDEST = 600.0
"""Seconds after which an answer is old."""
_AGAIN = 30.0
"""Seconds between two looks, if some keys are known."""
_SOON = 1.0
"""The same if none are: nobody can be known meanwhile."""
_PATIENCE = 5.0
_LONGEST = 1_000_000


class Jwks:
    """The keys of one JWKS.

    :param load: its bytes.
    :param known: its keys, if they never change.
    :ivar failed: whether the last look did.
    """

    def __init__(self, load: Callable[[], bytes], known: list[jwt.PyJWK] | None = None) -> None:
        self.failed = False
        self._load = load
        self._changes = known is None
        self._known = known or []
        self._had = self._looked = float("-inf")
        self._look: asyncio.Task[None] | None = None

    async def key(self, name: Any) -> jwt.PyJWK | None:
        """The key of a name; the only one, if it is None."""
        if self._changes:
            now = time.monotonic()
            if self._find(name) is None or now - self._had >= _OLDEST:
                await self._seen(now)
        return self._find(name)

    @property
    def is_empty(self) -> bool:
        """Whether no key is known."""
        return not self._known

    def _find(self, name: Any) -> jwt.PyJWK | None:
        if name is None:
            return self._known[0] if len(self._known) == 1 else None
        return next((each for each in self._known if each.key_id == name), None)

    async def _seen(self, now: float) -> None:
        """Wait for the look that is under way; begin one unless the last was a moment ago."""
        if self._look is None or self._look.done():
            if now - self._looked < (_AGAIN if self._known else _SOON):
                return
            self._look = asyncio.create_task(self._see())
        await asyncio.shield(self._look)  # whoever's time is over leaves it to the others

    async def _see(self) -> None:
        try:
            self._known = read_keys(await asyncio.to_thread(self._load))
            self._had, self.failed = time.monotonic(), False
            if not self._known:
                _log.warning("the keys of tokens are gone: the JWKS has none that verifies")
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.failed = True
            _log.warning("the keys of tokens cannot be had: %s", error)
        finally:
            self._looked = time.monotonic()


def is_safe(url: str) -> bool:
    """Whether nobody can change on the way what stands at an address."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    )


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to where keys may be fetched from, and never away from https."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        """See the base."""
        if not is_safe(newurl) or (req.type == "https" and urlsplit(newurl).scheme != "https"):
            raise URLError(f"{req.full_url} redirects to an address that is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetched(url: str) -> bytes:
    """What stands at an address.

    :raises OSError, http.client.HTTPException: it cannot be had.
    """
    with urllib.request.build_opener(Redirects).open(url, timeout=_PATIENCE) as answer:
        content: bytes = answer.read(_LONGEST)
    return content


def read_keys(content: bytes) -> list[jwt.PyJWK]:
    """The keys of a JWKS that verify.

    :raises ValueError: it is none.
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
            except (jwt.PyJWTError, TypeError, ValueError):
                continue  # of a type that is not known, or none
            if key.key_type in VERIFIES:
                found.append(key)
    return found


def _first(key: dict[str, Any]) -> str | None:
    if key.get("kty") == "EC":
        return None  # its curve says
    return next(iter(VERIFIES.get(str(key.get("kty")), [])), None)
