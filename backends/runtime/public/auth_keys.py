"""Callers by secrets that were given out, one for each.

::

    {"ada": {"key": "a long secret", "roles": ["clerk"]}}

Kept are digests, not the secrets, and a secret is compared with all of them in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any, Self

from backends.runtime.public.auth import AuthError, known_caller, unauthenticated
from core.callers import Caller

__all__ = ["SHORTEST", "Keys"]

SHORTEST = 16
"""Characters of the shortest key."""
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=-")


class Keys:
    """Knows callers by their keys."""

    format = "key"

    def __init__(self, callers: dict[bytes, Caller]) -> None:
        self._callers = list(callers.items())

    @classmethod
    def read(cls, path: Path, content: dict[str, Any]) -> Self:
        """The keys in a file.

        :raises AuthError: an entry is none.
        """
        found: dict[bytes, Caller] = {}
        for subject, entry in content.items():
            where = f"{path}: {subject!r}"
            if not subject or not isinstance(entry, dict):
                raise AuthError(f'{where}: write "name": {{"key": "...", "roles": ["..."]}}')
            key = entry.get("key")
            if not isinstance(key, str) or len(key) < SHORTEST or not _ALPHABET.issuperset(key):
                raise AuthError(
                    f"{where}: its key must have {SHORTEST} or more of the characters A-Z a-z 0-9 "
                    ". _ ~ + / = -, such as `openssl rand -hex 32` prints"
                )
            digest = _digest(key)
            if digest in found:
                raise AuthError(f"{where}: has the key of {found[digest].subject!r}: draw another")
            claims = {name: value for name, value in entry.items() if name != "key"}
            try:
                found[digest] = known_caller(subject, claims)
            except ValueError as error:
                raise AuthError(f"{where}: {error}") from None
        if not found:
            raise AuthError(f"{path}: knows nobody: name a caller, or use --auth none")
        return cls(found)

    async def caller(self, secret: str) -> Caller:
        """See :class:`backends.runtime.public.auth.Auth`."""
        digest, known = _digest(secret), None
        for each, caller in self._callers:
            if hmac.compare_digest(each, digest):
                known = caller
        if known is None:
            raise unauthenticated("the key in Authorization is nobody's")
        return known


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
