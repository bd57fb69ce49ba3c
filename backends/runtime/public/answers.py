"""Answers: what a client is told of an outcome."""

from __future__ import annotations

import logging

import msgspec

from backends.runtime.http import Outgoing
from backends.runtime.public.keys import Key
from backends.runtime.public.problems import KINDS, kind_of_failure, problem
from backends.runtime.public.results import json_bytes
from core.codec import Codec
from core.errors import Cancelled
from core.messages import Failed, Outcome, Raised, Returned

__all__ = ["answer"]

_log = logging.getLogger(__name__)
_NO_STORE = {"Cache-Control": "no-store"}


def answer(codec: Codec, outcome: Outcome, key: Key, link: str | None = None) -> Outgoing:
    """The answer that an outcome is.

    :param link: where what becomes of the request can be looked at.
    """
    if isinstance(outcome, Failed):
        headers, members = ({"Location": link}, {"request": link}) if link else ({}, {})
        kind = kind_of_failure(outcome)
        return problem(kind, outcome.text, key.sent, headers, members)
    if isinstance(outcome, Raised):
        return _raised(codec, outcome, key)
    assert isinstance(outcome, Returned)
    try:
        body = json_bytes(codec.decode(outcome.value))
    except Exception as error:  # of a class of the application, or one that is gone
        _log.exception("the answer of key %s cannot be shown", key.sent)
        return problem(KINDS["unshown"], _why(error), key.sent)
    headers = {"Idempotency-Key": key.sent, **_NO_STORE}
    return Outgoing(200, body, "application/json", headers)


def _raised(codec: Codec, raised: Raised, key: Key) -> Outgoing:
    name = raised.type.rpartition(".")[2]
    members: dict[str, object] = {"exception": name}
    try:
        content = codec.decode(raised.args)
        if content is not None:
            members["args"] = msgspec.Raw(json_bytes(content[0]))
    except Exception as error:  # its text must do
        _log.info("the arguments of %s cannot be shown: %s", name, _why(error))
    detail = f"{name}: {raised.text}" if raised.text else name
    detail = detail.encode(errors="replace").decode()
    if not raised.trace:
        kind = KINDS["cancelled" if raised.type == Cancelled.__name__ else "raised"]
        return problem(kind, detail, key.sent, members=members)
    place = members["place"] = raised.trace[-1]
    return problem(KINDS["mistake"], f"{detail} ({place})", key.sent, members=members)


def _why(error: Exception) -> str:
    """An error in a line, whatever its own text does."""
    try:
        return f"{type(error).__name__}: {error}".encode(errors="replace").decode()
    except Exception:
        return type(error).__name__
