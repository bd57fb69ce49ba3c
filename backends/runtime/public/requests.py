"""Long requests: promised, told where they can be looked at, and looked at.

``Prefer: respond-async`` (RFC 7240) is answered as soon as the request is promised
(:mod:`core.promises`); so is, less happily, whoever ran out of patience. ``GET /requests/KEY``
tells what became of it. Who waits there looks again and again, and holds no place among the calls.

A key is known to others, perhaps: whoever is not the caller who asked for its request is told what
is told of keys that nobody has used.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from urllib.parse import quote

import msgspec

from backends.runtime.host import Host
from backends.runtime.http import Incoming, Outgoing
from backends.runtime.public.keys import Key, Keys
from backends.runtime.public.problems import Refusal
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from core.callers import Caller, decode_caller
from core.cancelling import cancel
from core.durations import nanoseconds
from core.errors import Conflict, Interrupted, MuError, TooOld, Unknown
from core.messages import Origin, Request
from core.promises import DONE, Standing, look, promise

__all__ = ["PATH", "Requests", "path_of", "patience", "wanted_wait"]

PATH = "/requests/"

_LINK_SECONDS = 0.5
"""For a promise to whoever has waited in vain already."""
_TRIES = 8
_MOST_SHOWN = 3
_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Between two looks at a request, in seconds."""
_WAIT = re.compile(r"wait=\"?([0-9]{1,9})\"?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def wanted_wait(preferences: str) -> float | None:
    """Seconds to wait before a request is answered asynchronously; None: that is not wanted.

    Preferences that are not known, or not of their form, are ignored, as RFC 7240 has it.
    """
    told = [each.partition(";")[0].strip() for each in preferences.split(",")]
    if not any(each.lower() == "respond-async" for each in told):
        return None
    waits = [found[1] for each in told if (found := _WAIT.fullmatch(each))]
    return float(waits[0]) if waits else 0.0


def patience(incoming: Incoming, longest: float) -> float:
    """Seconds that a client waits for a request: ``?wait=30s``.

    :raises Refusal: the query says something else.
    """
    names = [name for name, _ in incoming.query.items()]
    if names and names != ["wait"]:
        raise Refusal("bad-request", "the query has `wait` once, as in ?wait=30s, and nothing else")
    text = incoming.query.get("wait", "0")
    try:
        seconds = float(text) if _NUMBER.fullmatch(text) else nanoseconds(text) / 1e9
    except ValueError as error:
        raise Refusal("bad-request", f"wait: {error}") from None
    return min(seconds, longest)


def path_of(key: Key) -> str:
    """Where a request can be looked at."""
    return PATH + quote(key.text, safe="")


class Requests:
    """Requests by the keys of their clients."""

    def __init__(self, store: AsyncStore, settings: Settings, keys: Keys) -> None:
        self._host = Host.of_store(store, settings)
        self._keys = keys

    def asked(self, incoming: Incoming) -> str | None:
        """The key in the path of a request; None: the path is another, or that of a method."""
        if not incoming.path.startswith(PATH) or incoming.method == "POST":
            return None
        return incoming.path.removeprefix(PATH)

    async def promise(self, root: bytes, origin: Origin, deadline: int) -> None:
        """Promise a request.

        :raises MuError: it is not promised; or (Interrupted) perhaps it is.
        """
        last: MuError | None = None
        try:
            async with asyncio.timeout((deadline - time.time_ns()) / 1e9):
                for _ in range(_TRIES):
                    try:
                        await self._host.maintain(promise(root, origin))
                    except (Conflict, TooOld, Unknown) as error:
                        last = error
                        continue
                    return
        except TimeoutError:
            raise Interrupted("the store did not take the request over in time") from None
        raise Interrupted(f"the store did not take the request over: {last}")

    async def link(self, request: Request, key: Key) -> str | None:
        """Where a request can be looked at that got no answer; None: nobody can promise that."""
        try:
            soon = time.time_ns() + int(_LINK_SECONDS * 1e9)
            await self.promise(request.id.root, request.origin, soon)
        except MuError:
            return None
        return path_of(key)

    async def look(self, key: Key, caller: Caller, deadline: int) -> Standing:
        """What is known of a request once it is done or set aside, or at the deadline.

        :raises Refusal: there is none of this caller's.
        :raises StoreError: the store did not say.
        """
        root = await self._keys.known(key)
        pause = _PAUSE
        while True:
            found: Standing | None = None
            if root is not None:
                found = await self._host.maintain(look(root))
            if found is None or decode_caller(found.origin.caller).subject != caller.subject:
                raise Refusal("no-request", f"no request of yours is known by {key.text[:100]!r}")
            if not found.promised:  # whoever looks at it is told of its end, too
                await self.promise(found.root, found.origin, time.time_ns() + 10**9)
            left = (deadline - time.time_ns()) / 1e9
            if found.state not in ("running", "sleeping") or left <= 0:
                return found
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def cancel(self, key: Key, caller: Caller) -> Standing:
        """Cancel a request: what was known of it.

        :raises Refusal: there is none of this caller's, or it is done.
        :raises MuError: perhaps it is not cancelled.
        """
        found = await self.look(key, caller, 0)
        if found.state == DONE:
            raise Refusal("request-done", f"the request {key.text[:100]!r} is done")
        await self._host.maintain(cancel(found.root))
        return found

    def accepted(self, method: str, key: Key) -> Outgoing:
        """The answer to whoever prefers not to wait."""
        headers = {"Preference-Applied": "respond-async"}
        return _unfinished({"state": "running", "method": method}, key, headers)

    def shown(self, standing: Standing, key: Key) -> Outgoing:
        """What an unfinished request is doing."""
        origin = standing.origin
        members = {"state": standing.state, "method": f"{origin.service}.{origin.method}"}
        if standing.lines:
            members |= {"state": "in-line", "line": ", ".join(standing.lines)}
        elif standing.until:
            until = dt.datetime.fromtimestamp(standing.until / 1e9, dt.UTC)
            members["until"] = until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if standing.waits:
            members["waits_for"] = ", ".join(standing.waits[:_MOST_SHOWN])
        return _unfinished(members, key, {})


def _unfinished(members: dict[str, str], key: Key, headers: dict[str, str]) -> Outgoing:
    link = path_of(key)
    body = {**members, "idempotency_key": key.sent, "request": link}
    sent = {
        "Location": link,
        "Retry-After": "1",
        "Idempotency-Key": key.sent,
        "Cache-Control": "no-store",
        **headers,
    }
    return Outgoing(202, msgspec.json.encode(body), "application/json", sent)
