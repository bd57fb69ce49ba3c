"""What a server receives and answers, and how asking can fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

__all__ = [
    "Broken",
    "Door",
    "Handler",
    "Incoming",
    "Outgoing",
    "Refusing",
    "Unreachable",
    "by_lower_case",
    "plain_refusal",
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

Refusing = Callable[[int, str], Outgoing]
"""The answer to a request that no handler sees, by its status and the reason."""


class Unreachable(Exception):
    """No connection could be made: nothing was sent."""


class Broken(Exception):
    """The connection broke, or time ran out, after something may have been sent."""


def plain_refusal(status: int, why: str) -> Outgoing:
    """A refusal in plain text."""
    headers = {"Retry-After": "1"} if status == 503 else {}
    return Outgoing(status, why.encode() + b"\n", "text/plain", headers)


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
