"""Request ids: a root id given at the edge and a path derived below it.

The root id is a UUIDv7 (RFC 9562), so ids sort by the time their request began;
retention relies on that. A nested call's id is its parent's id extended by the
call's place in the parent, so a re-executed parent asks for the very same child.
"""

from __future__ import annotations

import random

import msgspec

__all__ = ["RequestId", "began_ms", "earliest_root", "root_id", "uuid7"]


class RequestId(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Identity of one request.

    :ivar root: the 16 bytes of the root's UUIDv7.
    :ivar path: places of the calls that lead from the root to this request; ``()`` is the root.
    """

    root: bytes
    path: tuple[int, ...] = ()

    def child(self, place: int) -> RequestId:
        """The id of the call at ``place`` in this request."""
        return RequestId(self.root, (*self.path, place))

    @property
    def is_root(self) -> bool:
        """Whether a client, not another service, asked for this request."""
        return not self.path

    def __str__(self) -> str:
        return "/".join((self.root.hex(), *map(str, self.path)))

    def __hash__(self) -> int:
        return hash((self.root, self.path))


def root_id(time_ms: int, rng: random.Random) -> bytes:
    """A UUIDv7 for a request that begins at ``time_ms`` (Unix milliseconds), as 16 bytes."""
    return uuid7(time_ms, (rng.getrandbits(12) << 62) | rng.getrandbits(62))


def uuid7(time_ms: int, chance: int) -> bytes:
    """A UUIDv7 of a time and of the last 74 bits of ``chance``, as 16 bytes."""
    value = (time_ms << 80) | (0x7 << 76) | ((chance >> 62 & 0xFFF) << 64)
    value |= (0b10 << 62) | (chance & (1 << 62) - 1)
    return value.to_bytes(16, "big")


def began_ms(root: bytes) -> int:
    """When a root request began, in Unix milliseconds."""
    return int.from_bytes(root[:6], "big")


def earliest_root(time_ms: int) -> bytes:
    """The smallest root id of ``time_ms``: everything before it began earlier."""
    return (max(time_ms, 0) << 80).to_bytes(16, "big")
