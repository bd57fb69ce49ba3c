"""A service's node: takes envelopes, makes attempts, seals the replies.

=========  ==============================================================================
path       answers
=========  ==============================================================================
/call      200 and an envelope; 400 or 401 for what is none, 421 for another service's
/healthz   200 as long as the process lives
/readyz    200 when the store answers, 503 and the reason otherwise
=========  ==============================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from backends.runtime.caller import CALL_PATH
from backends.runtime.http import Broken, Incoming, Outgoing, Unreachable, plain_text
from backends.runtime.reminder import Reminder
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore, trouble
from backends.runtime.wire import Answer, Wire, WireError
from core.messages import Failed, Reply, Request

__all__ = ["Calls", "Worker"]

_log = logging.getLogger(__name__)


class Calls:
    """Opens envelopes for ``answer``, and seals what it gives.

    :param serves: whether requests of this service are taken here.
    :param limit: the largest envelope, in bytes.
    """

    def __init__(
        self,
        wire: Wire,
        serves: Callable[[str], bool],
        answer: Callable[[Request], Awaitable[Answer]],
        limit: int = Settings().message_limit,
    ) -> None:
        self._wire = wire
        self._serves = serves
        self._answer = answer
        self._limit = limit
        self._refused = Reminder()

    async def handle(self, incoming: Incoming) -> Outgoing:
        """The answer to one envelope."""
        if incoming.method != "POST":
            return plain_text(405, "envelopes are posted")
        try:
            call, nonce = self._wire.open_call(incoming.body)
        except WireError as error:
            if self._refused.is_due():  # a stranger must not fill the log
                _log.warning("an envelope was refused: %s", error)
            return plain_text(error.status, str(error))
        request = call.request
        if not self._serves(request.service):
            return plain_text(421, f"the service {request.service} is not served here")
        try:
            answer = await self._answer(request)
        except (Broken, Unreachable) as error:
            return plain_text(502, f"the service {request.service} did not answer: {error}")
        envelope, _ = self._wire.seal(answer, nonce)
        if len(envelope) > self._limit:
            envelope, _ = self._wire.seal(Answer(_too_large(request, len(envelope))), nonce)
        return Outgoing(200, envelope)


def _too_large(request: Request, size: int) -> Reply:
    """What is said in place of an answer that does not fit.

    It is definite: what a commit holds is far smaller, so this request made nothing durable.
    """
    text = f"the answer of {request.service}.{request.method} has {size} bytes: read less at once"
    return Reply(request.id, Failed("TooLarge", True, text))


class Worker:
    """The handler of a service's node (:data:`backends.runtime.http.Handler`).

    :ivar draining: whether it is about to end, so that it counts as not ready.
    """

    def __init__(self, calls: Calls, store: AsyncStore) -> None:
        self._calls = calls
        self._store = store
        self.draining = False

    async def handle(self, incoming: Incoming) -> Outgoing:
        """Answer one HTTP request."""
        if incoming.path == CALL_PATH:
            return await self._calls.handle(incoming)
        if incoming.path == "/healthz":
            return plain_text(200, "alive")
        if incoming.path == "/readyz":
            why = "it is about to end" if self.draining else await trouble(self._store)
            return plain_text(503, why) if why else plain_text(200, "ready")
        return plain_text(404, f"there is nothing at {incoming.path}")
