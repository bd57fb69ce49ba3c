"""Which way of knowing callers there is: ``none``, ``keys:FILE`` or ``jwt:FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from backends.runtime.public.auth import Auth, AuthError, Nobody
from backends.runtime.public.auth_keys import Keys

__all__ = ["read_auth"]


def read_auth(spec: str) -> Auth:
    """What ``none``, ``keys:FILE`` or ``jwt:FILE`` says.

    :raises AuthError: it is none of these, or the file is not what it should be.
    """
    kind, _, file = spec.partition(":")
    if spec == "none":
        return Nobody()
    if kind not in ("keys", "jwt") or not file:
        raise AuthError(f"--auth {spec.partition(':')[0]}: give none, keys:FILE or jwt:FILE")
    path = Path(file)
    content = _content(path)
    if kind == "keys":
        return Keys.read(path, content)
    try:
        from backends.runtime.public.auth_jwt import Tokens
    except ImportError as error:
        told = f"--auth jwt needs {error.name}: pip install 'mu2sls[jwt]'"
        raise AuthError(told) from None
    return Tokens.read(path, content)


def _content(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise AuthError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError:  # its own text may show what is in the file
        raise AuthError(f"{path}: this is no JSON object: docs/http.md shows one") from None
