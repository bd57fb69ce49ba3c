"""What a load generator is told to do, and what it saw: JSON between processes."""

from __future__ import annotations

import msgspec

__all__ = ["Increment", "Observation", "Plan", "Repeat", "Stage", "Target"]


class Target(msgspec.Struct, frozen=True):
    """How to ask a server. ``{key}`` stands for the key in URLs and bodies.

    :ivar increment: POST to this URL, with ``increment_body``, adds one and answers the count.
    :ivar read: POST to this URL, with ``read_body``, answers the count.
    :ivar header: the header that carries the request's id.
    """

    increment: str
    read: str
    increment_body: str = ""
    read_body: str = ""
    header: str = "Idempotency-Key"


class Plan(msgspec.Struct, frozen=True):
    """What to do.

    :ivar clients: one stage for each; so many clients ask, each as soon as it was answered.
    :ivar seconds: how long a stage is measured, after ``warm_up`` seconds that are not.
    :ivar repeats: so many answered requests are sent again at the end; and so many fresh ones
        are sent twice at the same time.
    :ivar target: whom to ask; None: a load generator that asks in its own process.
    """

    clients: list[int]
    seconds: float
    warm_up: float = 1.0
    keys: int = 1000
    repeats: int = 50
    seed: int = 1
    timeout: float = 30.0
    target: Target | None = None


class Increment(msgspec.Struct, frozen=True, array_like=True):
    """One request.

    :ivar answer: None: no answer; it may or may not have happened.
    :ivar seconds: until the answer.
    :ivar stage: in which stage it was measured; -1: in none.
    """

    key: str
    request: str
    answer: int | None
    seconds: float
    stage: int = -1


class Repeat(msgspec.Struct, frozen=True, array_like=True):
    """The two answers to a request that was sent twice; None: no answer."""

    request: str
    first: int | None
    again: int | None


class Stage(msgspec.Struct, frozen=True):
    """So many clients for so many seconds."""

    clients: int
    seconds: float


class Observation(msgspec.Struct, frozen=True):
    """What a run saw.

    :ivar increments: every request with an id of its own, measured or not.
    :ivar counts: the count of every key, read at the end.
    :ivar failures: what came instead of answers, and how often.
    """

    stages: list[Stage]
    increments: list[Increment]
    repeats: list[Repeat]
    counts: dict[str, int]
    failures: dict[str, int] = {}
    durability: str = ""
