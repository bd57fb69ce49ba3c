"""What each request is: a key and an id. No imports but the standard library's."""

from __future__ import annotations

import random
import time
import uuid

__all__ = ["key", "request_id"]


def key(rng: random.Random, keys: int) -> str:
    """One of ``keys`` keys, each as likely as the next."""
    return f"key-{rng.randrange(keys)}"


def request_id(rng: random.Random) -> str:
    """A fresh UUIDv7 (RFC 9562, section 5.7), as text."""
    value = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | rng.getrandbits(12) << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | rng.getrandbits(62)))
