"""Where the time of a request goes: what it waited for, from one moment to the next.

Everybody who works on a request keeps a list without gaps. Who waits for others takes over what the
last of them has written, as far as it was waited for: that is the way on which time was lost, and
what went on beside it is left out.

=============  ===================================================================
kind           time
=============  ===================================================================
``ingress``    in the gateway
``hops``       on the network, for late acknowledgements too
``processor``  computing
``waiting``    for a connection, a pod, a worker, a core, or the outside
``store``      for the store's answers
``retries``    backing off, and everything that came to nothing and was done again
=============  ===================================================================
"""

from __future__ import annotations

__all__ = ["Spans"]


class Spans:
    """What one request waited for.

    :ivar began: when its time began.
    :ivar until: it is known until then where it went.
    """

    __slots__ = ("_parts", "_tried", "began", "until")

    def __init__(self, began: float) -> None:
        self._parts: list[tuple[str, float, float]] = []
        self._tried = 0
        self.began = self.until = began

    def add(self, kind: str, until: float) -> None:
        """The time went into ``kind``, until then."""
        if until > self.until:
            self._parts.append((kind, self.until, until))
            self.until = until

    def computed(self, seconds: float, until: float) -> None:
        """The last so many seconds were computed; before, a processor was waited for."""
        self.add("waiting", until - seconds)
        self.add("processor", until)

    def take(self, other: Spans, ingress: float, until: float) -> None:
        """It was waited for another's answer, which the gateway held for ``ingress`` seconds."""
        for kind, _, end in other._parts:
            self.add(kind, min(end, until))
        self.add("ingress", min(self.until + ingress, until))
        self.add("hops", until)

    def in_vain(self) -> None:
        """What was done since the last time, or the beginning, came to nothing."""
        if self._tried < len(self._parts):
            _, begin, _ = self._parts[self._tried]
            self._parts[self._tried :] = [("retries", begin, self.until)]
        self._tried = len(self._parts)

    def began_to_work(self) -> None:
        """The way here is no part of what may come to nothing."""
        self._tried = len(self._parts)

    def sums(self) -> dict[str, float]:
        """Seconds by kind."""
        found: dict[str, float] = {}
        for kind, begin, end in self._parts:
            found[kind] = found.get(kind, 0.0) + end - begin
        return found
