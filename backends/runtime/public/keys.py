"""``Idempotency-Key``: which root id a client's request has (draft-ietf-httpapi-idempotency-key).

A UUIDv7 in its canonical text is the root id itself and costs nothing. Any other key stands
for a root id, which its first use records (:mod:`core.client_keys`): a read more for each call
and a commit more for the first. The draft writes keys as quoted strings; quoted or not, a key
is the same. One that begins and ends with a quote but is no quoted string is taken as it is.
One with a comma has to be quoted: headers of one name arrive joined by commas (RFC 9110, section
5.3), so two keys in a request, which are refused, could not be told from one.

A UUIDv7 that lies in the future is refused. Taken as a root id it would be remembered, and
were it interrupted, left alone, until its time has come; and what stands for it must not depend
on a clock, or one key could come to have two root ids. One that is older than the retention period
is not refused here: while the watermark has not passed it, its request may be there with its
answer, or be incomplete, which holds the watermark back (:mod:`core.retention`).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from uuid import UUID

from backends.runtime.host import Host
from backends.runtime.public.problems import Refusal
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from core.client_keys import KEY_LENGTH, root_of_key
from core.ids import root_id
from core.promises import root_of_known_key

__all__ = ["AHEAD_SECONDS", "Key", "Keys"]

AHEAD_SECONDS = 300
"""How far a UUIDv7 may be ahead of the gateway's clock."""

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_PRINTABLE = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Key:
    """A client's key.

    :ivar sent: as the client sent it, for the answer's header.
    :ivar text: without quotes.
    :ivar root: the root id that it is, if it is one.
    """

    sent: str
    text: str
    root: bytes | None


class Keys:
    """Reads keys, and finds out what root ids they stand for."""

    def __init__(self, store: AsyncStore, settings: Settings) -> None:
        self._host = Host.of_store(store, settings)
        self._rng = random.SystemRandom()

    def draw(self, now_ns: int) -> Key:
        """A new key that is a root id."""
        root = root_id(now_ns // 1_000_000, self._rng)
        text = str(UUID(bytes=root))
        return Key(text, text, root)

    def read(self, sent: str, now_ns: int) -> Key:
        """The key in a header's value.

        :raises Refusal: it cannot be one.
        """
        quoted = _QUOTED.fullmatch(sent)
        text = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else sent
        if not 1 <= len(text) <= KEY_LENGTH or not _PRINTABLE.fullmatch(text):
            raise Refusal(
                "bad-request",
                f"Idempotency-Key: must be 1 to {KEY_LENGTH} printable ASCII characters",
            )
        if quoted is None and "," in text:
            raise Refusal(
                "bad-request",
                "Idempotency-Key: give one; one that has a comma in it must stand in quotes",
            )
        if not _UUID7.fullmatch(text):
            return Key(sent, text, None)
        root = UUID(text).bytes
        ahead = int.from_bytes(root[:6], "big") / 1e3 - now_ns / 1e9
        if ahead > AHEAD_SECONDS:
            raise Refusal(
                "bad-request",
                f"Idempotency-Key: this UUIDv7 is {ahead:.0f} seconds in the future: set the "
                "clock that it was drawn by, or use a key that is no UUIDv7",
            )
        return Key(sent, text, root)

    async def root(self, key: Key, now_ns: int) -> bytes:
        """The root id that a key is or stands for.

        :raises Interrupted: the store did not say.
        """
        if key.root is not None:
            return key.root
        fresh = root_id(now_ns // 1_000_000, self._rng)
        found: bytes = await self._host.maintain(root_of_key(key.text.encode(), fresh))
        return found

    async def known(self, key: Key) -> bytes | None:
        """The root id that a key is or stands for; None: it stands for none so far.

        :raises StoreError: the store did not say.
        """
        if key.root is not None:
            return key.root
        found: bytes | None = await self._host.maintain(root_of_known_key(key.text.encode()))
        return found
