"""The access log: one line for each request of a client.

Neither arguments nor texts are in it, which may be private.
"""

from __future__ import annotations

import logging

import msgspec

from backends.runtime.http import FAILED_BY, Incoming, Outgoing
from backends.runtime.public.keys import Key

__all__ = ["PROBES", "note"]

_log = logging.getLogger(__name__)

PROBES = ("/healthz", "/readyz")
"""What is asked for by whoever watches the process."""


def note(incoming: Incoming, outgoing: Outgoing, key: Key | None, seconds: float) -> None:
    """Log a request and its answer: as a warning if it is a server's failure, seldom if a probe."""
    status = outgoing.status
    level = logging.WARNING if status >= 500 else logging.INFO
    if status < 400 and incoming.path in PROBES:
        level = logging.DEBUG
    if not _log.isEnabledFor(level):
        return
    fields = {
        "method": incoming.method,
        "path": incoming.path[:200],
        "status": status,
        "milliseconds": round(seconds * 1e3, 1),
    }
    if key is not None and key.root:
        fields["root"] = key.root.hex()
    told = ""
    if status >= 400:
        body = msgspec.json.decode(outgoing.body, type=dict[str, object])
        fields["type"] = body.get("type", body.get("status"))
        fields["outcome"] = body.get("outcome", "-")
        fields["failed_by"] = outgoing.headers.get(FAILED_BY, "-")
        told = f" {fields['type']} {fields['outcome']}"
    shown = (fields["method"], fields["path"], status, told, fields.get("root", "-"), seconds)
    _log.log(level, "%s %r: %d%s, root %s, %.3f s", *shown, extra={"fields": fields})
