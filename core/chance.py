"""Chance of a request: the same on every execution, and known to nobody who has not the secret.

What a method draws needs no record: it comes from a stream that the request's id chooses. But a
client chooses that id. So the stream is keyed with a secret of the deployment, and it is one from
which nothing can be told of what is still to come, however much of it has been seen: passwords and
tokens are drawn from it, too.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any, NoReturn, Self

from core.ids import RequestId

__all__ = ["SECRET_SIZE", "Chance", "execution_chance", "request_chance"]

SECRET_SIZE = 32
"""Bytes of a secret."""

_FRACTION = 53
"""Bits of a float's fraction."""


class Chance(random.Random):
    """A stream of random numbers and bytes that follows from ``key``, and tells nothing of it.

    Its blocks are digests of their numbers. It can be asked for all that ``random`` offers, but
    not be seeded.
    """

    def __new__(cls, key: bytes) -> Self:  # noqa: ARG004
        """Without the key, with which Python would seed its own stream."""
        return super().__new__(cls, 0)  # type: ignore[call-arg]

    def __init__(self, key: bytes) -> None:
        self.gauss_next = None
        self._keyed = hashlib.blake2b(key=hashlib.blake2b(key).digest())
        self._blocks = 0
        self._left = b""

    def randbytes(self, n: int) -> bytes:
        """As random.Random.randbytes."""
        if n < 0:
            raise ValueError("number of bytes must be non-negative")
        parts, size = [self._left], len(self._left)
        while size < n:
            block = self._keyed.copy()
            block.update(self._blocks.to_bytes(8, "big"))
            self._blocks += 1
            parts.append(block.digest())
            size += block.digest_size
        drawn = b"".join(parts)
        self._left = drawn[n:]
        return drawn[:n]

    def getrandbits(self, k: int) -> int:
        """As random.Random.getrandbits."""
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        size = (k + 7) // 8
        return int.from_bytes(self.randbytes(size), "big") >> (8 * size - k)

    def random(self) -> float:
        """As random.Random.random."""
        return self.getrandbits(_FRACTION) * 2.0**-_FRACTION

    def seed(self, *_: Any, **__: Any) -> NoReturn:
        """:raises NotImplementedError: always."""
        raise NotImplementedError(
            "the random numbers of a request are its own and cannot be seeded: use "
            "random.Random(seed) for a sequence of your own"
        )

    def getstate(self) -> NoReturn:
        """:raises NotImplementedError: always."""
        raise NotImplementedError(
            "the random state is the request's own: use random.Random(seed) for one of your own"
        )

    def setstate(self, _: Any) -> NoReturn:
        """:raises NotImplementedError: always."""
        self.getstate()


def request_chance(secret: bytes, request: RequestId) -> Chance:
    """The stream of one request."""
    return _keyed(secret, str(request))


def execution_chance(secret: bytes, request: RequestId, name: str) -> Chance:
    """The stream of one execution of a request, for a protocol that does not remember chance."""
    return _keyed(secret, f"{request} {name}")


def _keyed(secret: bytes, text: str) -> Chance:
    return Chance(hashlib.blake2b(text.encode(), key=secret).digest())
