"""How nodes behave: the numbers, with their defaults. Durations are in seconds."""

from __future__ import annotations

import msgspec

__all__ = ["Settings"]


class Settings(msgspec.Struct, frozen=True):
    """Alike in all nodes of an application.

    :ivar request_timeout: how long the gateway waits for the answer to a client's request.
    :ivar attempts: how often the gateway sends a client's request before it counts as interrupted;
        below it only the deadline counts.
    :ivar try_timeout: how long a try may be silent before another one is sent beside it.
    :ivar backoff: the first pause between two tries; it doubles up to ``backoff_limit``.
    :ivar concurrency: requests of clients that one gateway has under way; the others queue.
    :ivar queue: how many may queue; above it a client is told to come back later.
    :ivar body_limit: the largest body of a client's request, in bytes.
    :ivar body_budget: bytes of clients' bodies that one gateway has under way or waiting; above
        it a client is told to come back later.
    :ivar message_limit: the largest message between nodes, in bytes; a node has messages of twice
        as much under way.
    :ivar grace: how long a node that is told to end goes on with what is under way.
    :ivar recovery_interval: between two looks for stale intents; an intent is stale when its
        tree began ``stale`` seconds ago.
    :ivar step_limit: how long a method may compute without asking for anything (state, a call);
        its process is then ended and started anew, so that others are served.
    :ivar retention: how long finished requests are remembered; a client's retry after that is
        refused. ``retention_interval`` is the time between two rounds of forgetting.
    """

    request_timeout: float = 30.0
    attempts: int = 10
    try_timeout: float = 5.0
    backoff: float = 0.02
    backoff_limit: float = 1.0
    concurrency: int = 64
    queue: int = 1024
    body_limit: int = 1_000_000
    body_budget: int = 32_000_000
    message_limit: int = 64_000_000
    grace: float = 10.0
    recovery_interval: float = 2.0
    stale: float = 10.0
    step_limit: float = 60.0
    retention: float = 86_400.0
    retention_interval: float = 60.0
