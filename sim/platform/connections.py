"""Kept connections to a pod, and the acknowledgements that TCP delays on them.

Who sends an answer in two writes may have to wait, before the second, until the first is
acknowledged (Nagle's algorithm), and whoever gets it acknowledges late (delayed acknowledgement, 40
ms on Linux) on a connection that is in steady use; on a new one, or after a rest, at once. Proxies
keep their connections, and use the one that was free last. So requests that come one closely after
the other wait, and so does one of a client that asks again as soon as it is answered; of a burst
those that find no connection free, and get new ones, do not.

What waits so has left its process: the kernel holds it, and sends it though the process dies.
"""

from __future__ import annotations

__all__ = ["Connections"]


class Connections:
    """The connections to one pod that a proxy keeps, those in use left out.

    :param recent: acknowledgements are delayed on one that was used less than so many seconds ago.
    """

    __slots__ = ("_free", "_recent")

    def __init__(self, recent: float) -> None:
        self._recent = recent
        self._free: list[float] = []

    def take(self, now: float) -> bool:
        """Use one, a new one if none is free; whether acknowledgements are delayed on it."""
        return bool(self._free) and now - self._free.pop() < self._recent

    def give(self, now: float) -> None:
        """It is free again."""
        self._free.append(now)
