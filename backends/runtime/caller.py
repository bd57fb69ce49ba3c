"""Calls to other nodes: connections kept, retries under the same id, deadlines that travel.

When a try may be repeated, and what is known after the last, :mod:`core.retries` says.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping

from backends.runtime.http import Broken, Client, Unreachable
from backends.runtime.reminder import Reminder
from backends.runtime.settings import Settings
from backends.runtime.wire import Answer, Call, Wire, WireError
from core.messages import Failed, Reply, Request
from core.retries import Tries, is_retried, with_deadline
from core.revisions import told

__all__ = ["CALL_PATH", "Caller", "patiently"]

CALL_PATH = "/call"
"""Where nodes take envelopes."""

_BAD_GATEWAY = 502

_log = logging.getLogger(__name__)


class Caller:
    """Sends requests to the nodes of their services.

    Calls are bounded for each depth in a tree by itself: who waits for a place waits behind those
    that wait for callees deeper down, never behind one that waits for him.

    :param client: for any number of connections.
    :param addresses: the base URL of each service.
    :param most: calls of one depth to one service that are under way at a time; the others wait.
    """

    def __init__(
        self,
        client: Client,
        wire: Wire,
        addresses: Mapping[str, str],
        settings: Settings,
        most: int = 256,
    ) -> None:
        self.settings = settings
        self._client = client
        self._wire = wire
        self._refused = Reminder()
        self._most = most
        self._places: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._urls = {service: base + CALL_PATH for service, base in addresses.items()}

    async def call(self, request: Request, once: bool = False) -> Answer:
        """Send a request until it is answered, or until tries or time run out.

        :param once: whether there is one try and no other.
        """
        settings = self.settings
        if request.service not in self._urls:
            why = f"there is no service {request.service}"
            return _failed(request, told(request.id, why, time.time_ns()))
        asked = with_deadline(request, time.time_ns(), settings.attempts, settings.try_timeout)
        exchange = _Exchange(self, asked, once)
        try:
            async with asyncio.timeout(_left(asked)), self._places_beside(asked):
                answer = await exchange.run()
        except TimeoutError:
            answer = None
        finally:
            exchange.close()
        if answer is None:
            return _failed(request, exchange.tries.gave_up())
        return answer

    def _places_beside(self, request: Request) -> asyncio.Semaphore:
        """The places of all calls of a request's depth to its service."""
        which = request.service, len(request.id.path)
        places = self._places.get(which)
        if places is None:
            places = self._places[which] = asyncio.Semaphore(self._most)
        return places

    async def forward(self, request: Request) -> Answer:
        """Send a request on, once: whoever sent it here is the one to try again.

        :raises Unreachable, Broken: there is no answer.
        """
        settings = self.settings
        asked = with_deadline(request, time.time_ns(), 1, settings.try_timeout)
        return await self.send(asked)

    async def send(self, request: Request) -> Answer:
        """One try of a request that has a deadline.

        :raises Unreachable: nothing was sent.
        :raises Broken: there is no answer.
        """
        seconds = _left(request)
        if seconds <= 0.0:
            raise Unreachable("the deadline is over")
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

    def pause(self, made: int) -> float:
        """Seconds before the next try: longer each time, and never the same for two callers."""
        settings = self.settings
        longest = min(settings.backoff * 2.0 ** min(made - 1, 30), settings.backoff_limit)
        return longest * random.uniform(0.5, 1.0)


class _Exchange:
    """The tries of one call, of which several may be under way.

    :param request: with its deadline.
    :param once: whether there is one try and no other.
    """

    def __init__(self, caller: Caller, request: Request, once: bool) -> None:
        settings = caller.settings
        self.tries = Tries(request, time.time_ns(), settings.attempts, settings.try_timeout, once)
        self._caller = caller
        self._request = request
        self._under_way: dict[asyncio.Task[tuple[Answer | None, bool]], int] = {}

    async def run(self) -> Answer | None:
        """The first answer of any try; None if there is none until all is over."""
        while self.tries.may_send and _left(self._request) > 0.0:
            sending = asyncio.ensure_future(self._try())
            self._under_way[sending] = self.tries.send()
            may_be_silent = self.tries.patience if self.tries.may_send else _left(self._request)
            answer = await self._listen(may_be_silent)
            if answer is not None or self.tries.are_over:
                return answer
        return await self._listen(_left(self._request))

    async def _try(self) -> tuple[Answer | None, bool]:
        """One try: what came of it, and whether anything may have been sent."""
        request = self._request
        try:
            return await self._caller.send(request), True
        except Unreachable:
            return None, False
        except Broken as broken:
            _log.debug("%s.%s: %s", request.service, request.method, broken)
            return None, True

    async def _listen(self, seconds: float) -> Answer | None:
        """An answer of any try; None when it is time for another, or for none."""
        now = asyncio.get_running_loop().time
        until = now() + min(seconds, _left(self._request))
        while self._under_way:
            done, _ = await asyncio.wait(
                self._under_way, timeout=until - now(), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return None
            for sending in done:
                number = self._under_way.pop(sending)
                answer, sent = sending.result()
                if answer is not None and not is_retried(answer.reply):
                    return answer
                reply = answer.reply if answer is not None else None
                if self.tries.missed(number, reply, sent) and self.tries.may_send:
                    until = min(until, now() + self._caller.pause(number))
        if not self.tries.are_over:
            await asyncio.sleep(until - now())
        return None

    def close(self) -> None:
        """Nobody waits for what is still under way."""
        for sending in self._under_way:
            sending.cancel()


async def patiently(caller: Caller, request: Request, once: bool = False) -> Reply:
    """The answer to a client's request, asked for again when it wakes up, if that is in time.

    :param once: see :meth:`Caller.call`.
    """
    while True:
        reply = (await caller.call(request, once)).reply
        outcome = reply.outcome
        if not isinstance(outcome, Failed) or not 0 < outcome.until < request.deadline:
            return reply
        await asyncio.sleep(max(outcome.until - time.time_ns(), 0) / 1e9)


def _left(request: Request) -> float:
    """Seconds until the deadline of a request."""
    return (request.deadline - time.time_ns()) / 1e9


def _failed(request: Request, failed: Failed) -> Answer:
    return Answer(Reply(request.id, failed))


def _too_large(request: Request, size: int) -> str:
    return (
        f"the message to {request.service}.{request.method} has {size} bytes: pass less at once, "
        "or read it from the store where it is needed"
    )
