"""The annotation that makes pods roll: a hash of what they read when they start.

It covers Secrets, and stands on objects that more people may read than Secrets. A plain hash would
let them test guesses of a wire key that somebody thought up, as fast as their machines hash. So
what is in Secrets goes through scrypt (RFC 7914) first, with the deployment as its salt: a guess
costs tenths of a second and 32 MiB, and is good for one deployment alone. A key of 16 random
bytes or more, such as ``deploy`` makes, cannot be guessed anyway.

Nothing is stored for it and nothing is random, so the same deployment again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from backends.knative.names import content_hash

__all__ = ["CONFIG_HASH", "config_hash"]

CONFIG_HASH = "mu2sls/config-hash"
"""The annotation's name."""

_COST, _BLOCK, _TIMES = 2**15, 8, 3
"""scrypt's N, r and p, as OWASP's Password Storage Cheat Sheet has them for 32 MiB."""
_MEMORY = 2 * 128 * _COST * _BLOCK


def config_hash(manifests: Sequence[Mapping[str, Any]], salt: str) -> str:
    """The hash of ConfigMaps, Secrets and whatever else pods refer to.

    :param salt: what tells the deployment from all others.
    """
    secret = [each for each in manifests if each["kind"] == "Secret"]
    plain = [each for each in manifests if each["kind"] != "Secret"]
    derived = _derived(json.dumps(secret, sort_keys=True), salt) if secret else ""
    return content_hash([plain, derived])


@lru_cache(maxsize=4)  # a deployment is rendered twice: to see what would change, and for good
def _derived(secret: str, salt: str) -> str:
    key = hashlib.scrypt(
        secret.encode(), salt=salt.encode(), n=_COST, r=_BLOCK, p=_TIMES, maxmem=_MEMORY, dklen=32
    )
    return key.hex()
