"""Independent random streams, each named, all from one seed.

Every actor of a simulation draws from a stream of its own, so that what one
does never shifts what another draws. Streams are derived with a cryptographic
hash: the same on every machine, in every process, whatever PYTHONHASHSEED.
"""

from __future__ import annotations

import hashlib
import random

__all__ = ["stream"]


def stream(seed: int, *names: str) -> random.Random:
    """The stream called ``names`` of ``seed``; a new one, at its start, on every call."""
    digest = hashlib.sha256(b"%d" % seed)
    for name in names:
        encoded = name.encode()
        digest.update(b"/%d:%b" % (len(encoded), encoded))
    return random.Random(int.from_bytes(digest.digest(), "big"))
