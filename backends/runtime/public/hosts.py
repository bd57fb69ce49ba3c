"""By which names the gateway is called, and from whose pages.

A stranger's page can have its own name lead to this machine (DNS rebinding), and a browser then
takes the gateway for a part of that page's site. It says so in ``Host``: a name that is none of the
gateway's. Addresses are no names, so they are always taken. ``Origin`` says whose page asks; it has
to be a page of the gateway's own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from backends.runtime.http import Incoming
from backends.runtime.public.problems import Refusal

__all__ = ["LOCAL", "see_host", "see_origin"]

LOCAL = frozenset({"localhost"})
"""Names that every machine has for itself."""


def see_host(incoming: Incoming, hosts: Collection[str] | None) -> None:
    """See that the gateway is called by a name of its own.

    :param hosts: its names; None: whoever leads requests here looks at them.
    :raises Refusal: it is called by another one.
    """
    given = incoming.headers.get("host")
    if hosts is None or not given:  # a browser always says it
        return
    name = _name(given)
    if name in hosts or name.endswith(".localhost") or _is_address(name):
        return
    raise Refusal(
        "unknown-host",
        f"Host: this gateway is not called {name[:100]!r}: use its address or localhost, or start "
        "it with --host and that name",
    )


def see_origin(incoming: Incoming) -> None:
    """See that, where a page asks, it is one of the gateway's own.

    :raises Refusal: it is another site's.
    """
    origin = incoming.headers.get("origin")
    if origin is not None and _netloc(origin) != incoming.headers.get("host", "").lower():
        raise Refusal("cross-site", "Origin: methods are not called from pages of other sites")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
