"""Problems: everything an answer can be besides a result (RFC 9457).

Each kind has a page of its own under its ``type``. ``outcome`` says what is known of the
request, and it comes from whoever decided it, never from here:

* ``done``: the method ran to its end, but its answer cannot be shown.
* ``raised``: the method ran and raised; that is its answer, and asking again gives it again.
* ``definite``: this try did nothing and will do nothing.
* ``indefinite``: nobody knows yet. Ask again, with the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from backends.runtime.http import FAILED_BY, Outgoing
from core.messages import Failed

__all__ = ["KINDS", "Kind", "Refusal", "kind_of_failure", "problem", "unread"]

By = Literal["client", "application", "gateway", "platform"]
Outcome = Literal["done", "raised", "definite", "indefinite"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    :ivar slug: its ``type`` is ``/problems/`` and this.
    :ivar outcome: what is known of the request, where nobody else says it.
    :ivar meaning: for the kind's page: what it means, and what to do.
    :ivar by: who failed: whoever is to look for the reason at home.
    :ivar retry_after: seconds after which asking again may help; 0: it does not.
    """

    slug: str
    status: int
    title: str
    outcome: Outcome
    meaning: str
    retry_after: int = 0
    by: By = "client"


_ALL = (
    Kind(
        "raised", 422, "The method raised an exception", "raised",
        "The method ran to its end and raised. That is its answer: the same key gives it again. "
        "The members `exception` and `args` hold the exception, as far as JSON can.",
        by="application",
    ),
    Kind(
        "cancelled", 409, "The request was cancelled", "raised",
        "Somebody who may cancelled the request, here or from another request, while it waited. "
        "What it did before stands, and what it does at its end was done. That is its answer: the "
        "same key gives it again.",
    ),
    Kind(
        "mistake", 500, "The method failed by a mistake of the program", "raised",
        "The method ran and raised an exception that the application does not declare: a mistake "
        "of the program, at the place that `detail` and `place` name; the log has the whole way to "
        "it. That is its answer: the same key gives it again, so ask anew, with a new key, once "
        "it is mended.",
        by="application",
    ),
    Kind(
        "unshown", 500, "The answer cannot be shown", "done",
        "The method ran to its end, and its answer is kept, but it cannot be written as JSON: "
        "`detail` says why. The same key gives the same again.",
        by="application",
    ),
    Kind(
        "bad-request", 400, "The request does not fit the method", "definite",
        "The body is no JSON, or its values do not fit the method's parameters, or a header is "
        "not of its form. Nothing happened. `detail` says what and where.",
    ),
    Kind(
        "not-found", 404, "There is no such method", "definite",
        "Methods are at `/Service.method`; the page at `/` lists them. Names that begin with an "
        "underscore are private to their service.",
    ),
    Kind(
        "no-request", 404, "There is no such request", "definite",
        "No request of yours is known by this key: it was never asked for, or is forgotten, or it "
        "was answered at once and nobody was told that it can be looked at here. Ask for the "
        "method itself, with the same key.",
    ),
    Kind(
        "request-done", 409, "The request is done", "definite",
        "It cannot be cancelled any more. `GET` has its answer.",
    ),
    Kind(
        "unauthenticated", 401, "Nobody knows who asks", "definite",
        "The method is for callers who are known, or what `Authorization` holds is not good. "
        "Nothing happened. Send `Authorization: Bearer ` with a key or a token of this gateway.",
    ),
    Kind(
        "forbidden", 403, "Not for this caller", "definite",
        "The method is for callers with another role; `detail` says which. Nothing happened.",
    ),
    Kind(
        "auth-unavailable", 503, "The keys of tokens cannot be had", "definite",
        "The gateway could not fetch the keys that verify tokens. Nothing happened. Ask again "
        "later.", 5, "gateway",
    ),
    Kind(
        "method-not-allowed", 405, "Not this HTTP method", "definite",
        "Methods are called with POST; those that only read answer GET as well. The header "
        "`Allow` lists what is allowed.",
    ),
    Kind(
        "cross-site", 403, "A page of another site asks", "definite",
        "A browser says that a page of another site sends this. Only pages of the gateway's own "
        "may call methods from a browser; programs may call them from anywhere.",
    ),
    Kind(
        "unknown-host", 421, "Not a name of this gateway", "definite",
        "The header `Host` has a name that the gateway is not known by, as when a page of another "
        "site had its name lead here. Use the gateway's address, or start it with `--host NAME`.",
    ),
    Kind(
        "unsupported-media-type", 415, "The body is not declared as JSON", "definite",
        "Send `Content-Type: application/json`; `curl --json` does.",
    ),
    Kind(
        "too-large", 413, "Too large", "definite",
        "The body, or what the request would have to make durable at once, is over the limit. "
        "Nothing happened. Ask for less at once.",
    ),
    Kind(
        "too-long", 414, "The URL is too long", "definite",
        "The URL, or a header (431), is longer than is taken. Nothing happened. Send arguments "
        "with POST, in the body.",
    ),
    Kind(
        "id-reused", 422, "The key belongs to another request", "definite",
        "The same `Idempotency-Key` was used with another method or other arguments. A key is "
        "for one request: draw a new one for another.",
    ),
    Kind(
        "overloaded", 503, "Too much to do", "definite",
        "The request was turned away before it was started. Ask again later.", 1, "gateway",
    ),
    Kind(
        "draining", 503, "Shutting down", "definite",
        "This process takes nothing new. Ask again: another one answers.", 1, "gateway",
    ),
    Kind(
        "interrupted", 504, "No answer in time", "indefinite",
        "Nobody knows yet whether the request took effect. Ask again with the same "
        "`Idempotency-Key`: if it did, you get its answer, and if not, it is done now, once.",
        1, "platform",
    ),
    Kind(
        "expired", 410, "The key is too old", "indefinite",
        "The request is older than what is remembered: whether it ever took effect can no longer "
        "be said. Look at the state itself, then decide whether to ask anew, with a new key.",
    ),
    Kind(
        "set-aside", 500, "The request cannot be completed", "indefinite",
        "A part of the request is done, and the program as it stands cannot do the rest. It is "
        "kept for a person, who mends the program and has it resumed: the same key then has the "
        "answer.",
        by="application",
    ),
    Kind(
        "too-slow", 500, "The method takes too long between two effects", "definite",
        "What stands between two effects takes longer than the store keeps a read version (five "
        "seconds), each time. Nothing happened. The method must use smaller transactions.",
        by="application",
    ),
    Kind(
        "failed", 500, "The request failed", "definite",
        "The request cannot be done, and nothing happened. `detail` says why.",
        by="platform",
    ),
    Kind(
        "internal", 500, "The gateway failed", "indefinite",
        "A defect of the gateway; its log has the details. Whether the request took effect is "
        "not known: ask again with the same `Idempotency-Key`.",
        by="gateway",
    ),
)  # fmt: skip

KINDS = {kind.slug: kind for kind in _ALL}
"""Every kind of problem by its slug."""

_OF_FAILURES = {
    "Asleep": "interrupted",
    "BadRequest": "bad-request",
    "Expired": "expired",
    "IdReused": "id-reused",
    "Interrupted": "interrupted",
    "Unfamiliar": "interrupted",
    "Overloaded": "overloaded",
    "SetAside": "set-aside",
    "TooLarge": "too-large",
    "TooSlow": "too-slow",
}

_OF_UNREAD = {413: "too-large", 414: "too-long", 431: "too-long", 503: "overloaded"}


def kind_of_failure(failed: Failed) -> Kind:
    """The kind of problem that a failure is."""
    slug = _OF_FAILURES.get(failed.kind)
    if slug is None or (KINDS[slug].outcome == "definite") != failed.definite:
        slug = "failed" if failed.definite else "interrupted"
    return KINDS[slug]


@dataclass(eq=False)
class Refusal(Exception):
    """A call that ends with a problem."""

    slug: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The kind of problem."""
        return KINDS[self.slug]


def problem(
    kind: Kind,
    detail: str,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Outgoing:
    """The answer that tells a problem.

    :param key: the request's key, if it has one; it stands in the body and in a header.
    :param members: further members of the body, which JSON can hold.
    """
    body: dict[str, Any] = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "outcome": kind.outcome,
    }
    sent = {"Cache-Control": "no-store", FAILED_BY: kind.by, **(headers or {})}
    if key is not None:
        body["idempotency_key"] = key
        sent["Idempotency-Key"] = key
    if kind.retry_after:
        sent["Retry-After"] = str(kind.retry_after)
    body.update(members or {})
    encoded = msgspec.json.encode(body)
    return Outgoing(kind.status, encoded, "application/problem+json", sent)


def unread(status: int, why: str) -> Outgoing:
    """The answer to a request that the server did not read to its end.

    :param status: what the server makes of it; see :class:`backends.runtime.http.Server`.
    """
    kind = KINDS[_OF_UNREAD.get(status, "bad-request")]
    return replace(problem(kind, why, members={"status": status}), status=status)
