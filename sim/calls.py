"""One request of a client, as it is sent, and every message of it recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from core.messages import Reply, Request
from experiment.record.history import Answered, History, Sent
from experiment.scenario.model import CLIENT
from sim.platform.exchange import Exchange
from sim.platform.fabric import Fabric

__all__ = ["ClientCall"]


class ClientCall(Exchange):
    """One request of a client, with its retries; every message is recorded.

    :ivar key: what the client calls it, if it has a key of its own.
    """

    __slots__ = ("_history", "key")

    def __init__(
        self,
        fabric: Fabric,
        request: Request,
        history: History,
        ended: Callable[[Exchange], object],
        once: bool = False,
    ) -> None:
        super().__init__(fabric, CLIENT, request, ended, once)
        self._history = history
        self.key = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody waits for the answer."""
        return self._ended is not None

    def transmit(self) -> None:
        """Send the request, for the first time or again."""
        half = self._fabric.model.client_cpu / 2
        if half:
            self._fabric.clients.compute(half, self._transmit)
        else:
            self._transmit()

    def _transmit(self) -> None:
        if self._ended is not None:
            request = self.request
            self._history.sent.append(
                Sent(
                    self._fabric.env.now,
                    request.id,
                    request.service,
                    request.method,
                    request.args,
                    self.tried,
                    self.key,
                    request.origin.caller,
                )
            )
            super().transmit()

    def arrive(self, tried: int, reply: Reply | None) -> None:
        """A reply, perhaps a late one, or the news that the connection broke."""
        half = self._fabric.model.client_cpu / 2
        if half:
            self._fabric.clients.compute(half, partial(self._arrive, tried, reply))
        else:
            self._arrive(tried, reply)

    def _arrive(self, tried: int, reply: Reply | None) -> None:
        if reply is not None:
            self._history.answers.append(
                Answered(
                    self._fabric.env.now,
                    self.request.id,
                    reply.outcome,
                    tried - 1,
                    reply.version,
                    reply.units,
                )
            )
        super().arrive(tried, reply)
