"""Calls to other nodes: connections kept, retries under the same id, deadlines that travel.

When a try may be repeated, and what is known after the last, :mod:`core.retries` says.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping

from msgspec.structs import replace

from backends.runtime.http import Broken, Client, Unreachable
from backends.runtime.reminder import Reminder
from backends.runtime.settings import Settings
from backends.runtime.wire import Answer, Call, Wire, WireError
from core.messages import Failed, Reply, Request
from core.retries import Tries, is_retried, patience

__all__ = ["CALL_PATH", "Caller"]

CALL_PATH = "/call"
"""Where nodes take envelopes."""

_BAD_GATEWAY = 502

_log = logging.getLogger(__name__)


class Caller:
    """Sends requests to the nodes of their services.

    :param addresses: the base URL of each service.
    """

    def __init__(
        self, client: Client, wire: Wire, addresses: Mapping[str, str], settings: Settings
    ) -> None:
        self.settings = settings
        self._client = client
        self._wire = wire
        self._refused = Reminder()
        self._urls = {service: base + CALL_PATH for service, base in addresses.items()}

    async def call(self, request: Request) -> Answer:
        """Send a request until it is answered, or until tries or time run out."""
        settings, tries, deadline = self.settings, Tries(), request.deadline
        url = self._urls.get(request.service)
        if url is None:
            return _failed(request, Failed("BadRequest", True, _nowhere(request)))
        while True:
            now = time.time_ns()
            seconds = patience(deadline, now, settings.try_timeout)
            asked = replace(request, deadline=now + int(seconds * 1e9))
            tries.made += 1
            answer, sent = None, True
            try:
                answer = await self.transmit(url, asked, seconds)
            except Unreachable:
                sent = False
            except Broken as broken:
                _log.debug("%s.%s: %s", request.service, request.method, broken)
            if answer is not None and not is_retried(answer.reply):
                return answer
            tries.missed(answer.reply if answer else None, sent)
            pause = self._pause(tries.made)
            over = 0 < deadline < time.time_ns() + int(pause * 1e9)
            if over or tries.made >= settings.attempts:
                return _failed(request, tries.gave_up(request.id.is_root))
            await asyncio.sleep(pause)

    async def forward(self, request: Request) -> Answer:
        """Send a request on, once: whoever sent it here is the one to try again.

        :raises Unreachable, Broken: there is no answer.
        """
        seconds = patience(request.deadline, time.time_ns(), self.settings.try_timeout)
        return await self.transmit(self._urls[request.service], request, seconds)

    async def transmit(self, url: str, request: Request, seconds: float) -> Answer:
        """One try.

        :raises Unreachable: nothing was sent.
        :raises Broken: there is no answer.
        """
        envelope, nonce = self._wire.seal(Call(request))
        if len(envelope) > self.settings.message_limit:
            return _failed(request, Failed("TooLarge", True, _too_large(request, len(envelope))))
        headers = self._wire.passes(envelope)
        status, _, body = await self._client.request("POST", url, envelope, headers, seconds)
        if status != 200:
            text = body[:500].decode(errors="replace").strip()
            if status != _BAD_GATEWAY and self._refused.is_due():  # each try gets it again
                _log.warning("%s refused a call of %s: %d %s", url, request.method, status, text)
            raise Broken(f"status {status}: {text}")
        try:
            answer = self._wire.open_answer(body, nonce)
        except WireError as error:
            if self._refused.is_due():
                _log.warning("%s answered a call of %s: %s", url, request.method, error)
            raise Broken(str(error)) from None
        if answer.reply.id != request.id:
            raise Broken(f"the answer is about request {answer.reply.id}")
        return answer

    def _pause(self, made: int) -> float:
        """Seconds before the next try: longer each time, and never the same for two callers."""
        settings = self.settings
        longest = min(settings.backoff * 2.0 ** (made - 1), settings.backoff_limit)
        return longest * random.uniform(0.5, 1.0)


def _failed(request: Request, failed: Failed) -> Answer:
    return Answer(Reply(request.id, failed))


def _nowhere(request: Request) -> str:
    return f"there is no service {request.service}"


def _too_large(request: Request, size: int) -> str:
    return (
        f"the message to {request.service}.{request.method} has {size} bytes: pass less at once, "
        "or read it from the store where it is needed"
    )
