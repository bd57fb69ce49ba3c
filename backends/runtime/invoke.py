"""Calls a method through the gateway, as any client would, until the answer is known.

A call has one ``Idempotency-Key`` from the first try to the last, so it takes effect once
however often it is sent. What is worth sending again: what the gateway says to ask again for
(``Retry-After``), and what never got an answer of the gateway's at all.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from backends.runtime.http import Broken, Client, Unreachable
from core.errors import MuError
from core.ids import root_id

__all__ = ["TOKEN", "Call", "Result", "bearer", "invoke", "make_body", "new_key"]

_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_ONE_TRY = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a public method.

    :ivar url: of the gateway, or of an ingress that finds it by ``host``.
    :ivar key: the ``Idempotency-Key``.
    :ivar timeout: seconds after which it is given up, with its outcome unknown.
    :ivar bearer: the key or token of whoever calls; empty: nobody.
    :ivar reach: seconds after which a gateway that cannot be reached at all is given up.
    """

    url: str
    method: str
    body: bytes
    key: str
    host: str = ""
    timeout: float = 60.0
    reach: float = math.inf
    bearer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended.

    :ivar outcome: ``returned``, ``raised``, ``definite`` (nothing happened), or ``indefinite``
        (nobody knows yet).
    :ivar content: the value, or the problem's members.
    """

    outcome: str
    content: Any = None
    why: str = ""
    problem: Mapping[str, Any] = field(default_factory=dict)


TOKEN = "MU2SLS_TOKEN"
"""Where the key or token of whoever calls stands: an argument could be seen by others."""


def bearer(environ: Mapping[str, str]) -> str:
    """The key or token of whoever calls; empty: nobody.

    :raises MuError: it is none.
    """
    found = environ.get(TOKEN, "")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise MuError(f"{TOKEN} in the environment holds no key or token")
    return found


def new_key() -> str:
    """A key that is a root id, the cheapest kind (:mod:`backends.runtime.public.keys`)."""
    return str(UUID(bytes=root_id(time.time_ns() // 1_000_000, random.SystemRandom())))


def make_body(arguments: Sequence[str]) -> bytes:
    """The JSON body of a call from the arguments on a command line.

    :raises ValueError: arguments by name and in order are mixed.
    """
    named, ordered = {}, []
    for text in arguments:
        name, equals, value = text.partition("=")
        if equals and name.isidentifier():
            named[name] = _value(value)
        else:
            ordered.append(_value(text))
    if named and ordered:
        raise ValueError(
            "arguments are given in order or by name, not both: write all as name=JSON"
        )
    return json.dumps(named or ordered).encode()


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


async def invoke(
    call: Call,
    told: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Result:
    """Ask until the answer is known, or time is over.

    :param told: is told, in a line, why it is asked again.
    """
    client = Client(host=call.host)
    end = time.monotonic() + call.timeout
    pause = _PAUSE
    unsure = False
    try:
        while True:
            result, wait = await _try(client, call, max(end - time.monotonic(), 0.001))
            wait = pause if wait is None else wait
            if wait < 0 or time.monotonic() + wait >= end:
                return _overall(result, unsure)
            unsure = unsure or result.outcome == "indefinite"
            told(f"{result.why}; again with the same key in {wait:g} s")
            await sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
    finally:
        await client.close()


def _overall(last: Result, unsure: bool) -> Result:
    """What is known after several tries: that the last did nothing is not that none did."""
    if last.outcome == "definite" and unsure:
        why = f"{last.why}; an earlier try may have taken effect"
        return Result("indefinite", last.content, why, last.problem)
    return last


async def _try(client: Client, call: Call, left: float) -> tuple[Result, float | None]:
    """The result of one try, and when to try again: seconds, None for soon, negative: never."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": call.key}
    if call.bearer:
        headers["Authorization"] = f"Bearer {call.bearer}"
    url = f"{call.url.rstrip('/')}/{quote(call.method, safe='.')}"
    try:
        status, answered, body = await client.request(
            "POST", url, call.body, headers, min(left, _ONE_TRY)
        )
    except Unreachable as error:
        again = None if call.timeout - left < call.reach else -1.0
        return Result("definite", why=f"{call.url} cannot be reached: {error}"), again
    except Broken as error:
        return Result("indefinite", why=f"{url}: no answer: {error}"), None
    return _read(call, status, answered, body)


def _read(
    call: Call, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Result, float | None]:
    kind = headers.get("content-type", "").partition(";")[0].strip()
    try:
        content = json.loads(body) if "json" in kind else None
    except ValueError:
        content, kind = None, ""
    if kind == "application/problem+json" and isinstance(content, dict):
        outcome = str(content.get("outcome", "indefinite"))
        why = f"{content.get('title')} ({status}): {content.get('detail')}"
        retry = headers.get("retry-after", "")
        return Result(outcome, content, why, content), float(retry) if retry.isdigit() else -1.0
    if kind == "application/json" and 200 <= status < 300:
        return Result("returned", content), -1.0
    said = " ".join(body[:200].decode(errors="replace").split())
    why = f"{call.url} answers {status}, but not as a gateway does: {said or 'nothing'}"
    if status >= 500 or status in (408, 429):
        return Result("indefinite", why=why), None
    return Result("definite", why=why + ": see --url and --host"), -1.0
