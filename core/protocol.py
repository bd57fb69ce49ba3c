"""What decides in a run: the protocol of ``docs/protocol.md``, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core import attempt, recovery, retention, unsafe
from core.messages import Request
from core.ports import Steps
from core.program import Program

__all__ = ["OURS", "PROTOCOLS", "Protocol"]

OURS = "mu2sls"
"""The name of the protocol of ``docs/protocol.md``."""


class Protocol(NamedTuple):
    """What decides: :mod:`core`'s functions, or others of the same shape.

    :ivar name: as command lines, reports and result files have it.
    """

    attempt: Callable[[Program, Request, str], Steps]
    recover: Callable[[int, int], Steps]
    retain: Callable[[int, int], Steps]
    clear_intents: Callable[[list[bytes]], Steps]
    name: str = OURS

    @classmethod
    def ours(cls) -> Protocol:
        """The one in :mod:`core`."""
        return cls(attempt.attempt, recovery.recover, retention.retain, recovery.clear_intents)

    @classmethod
    def unsafe(cls) -> Protocol:
        """None at all: :mod:`core.unsafe`. Recovery and retention find nothing to do."""
        return cls.ours()._replace(attempt=unsafe.unsafe, name="unsafe")


PROTOCOLS: dict[str, Callable[[], Protocol]] = {OURS: Protocol.ours, "unsafe": Protocol.unsafe}
"""What a run can be made with, by name."""
