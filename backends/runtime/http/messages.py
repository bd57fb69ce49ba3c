"""What a server receives and answers, and how asking can fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

__all__ = [
    "FAILED_BY",
    "Broken",
    "Door",
    "Handler",
    "Incoming",
    "Outgoing",
    "Refusing",
    "Unreachable",
    "by_lower_case",
    "plain_refusal",
    "plain_text",
]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that a server received.

    :ivar path: percent-decoded, without the query.
    :ivar query: a name's first value; its items have a name as often as it was sent.
    :ivar headers: by lower-case name; values of a repeated name are joined with commas
        (RFC 9110, section 5.3).
    :ivar body: as it was sent, also where it has a content encoding.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a server answers."""

    status: int
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Incoming], Awaitable[Outgoing]]

Door = Callable[[Incoming], int | Outgoing]
"""Decides by a request's head, before its body is read: the most bytes that the body may have,
or the answer in its place."""

FAILED_BY = "Mu2sls-Failed-By"
"""The header that tells who failed."""
Refusing = Callable[[int, str], Outgoing]
"""The answer to a request that no handler sees, by its status and the reason."""


class Unreachable(Exception):
    """No connection could be made: nothing was sent."""


class Broken(Exception):
    """The connection broke, or time ran out, after something may have been sent."""


def plain_text(status: int, text: str) -> Outgoing:
    """An answer in plain text; one that refuses tells whose fault it is, as problems do."""
    headers = {} if status < 400 else {FAILED_BY: "client" if status < 500 else "platform"}
    return Outgoing(status, text.encode() + b"\n", "text/plain", headers)


def plain_refusal(status: int, why: str) -> Outgoing:
    """A refusal in plain text, and whether to ask again."""
    refusal = plain_text(status, why)
    if status == 503:
        refusal = replace(refusal, headers={**refusal.headers, "Retry-After": "1"})
    return refusal


def by_lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case name, those of one name joined."""
    found = {name.lower(): value for name, value in headers.items()}
    if len(found) == len(headers):
        return found
    return _joined((name.lower(), value) for name, value in headers.items())


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in found.items()}
