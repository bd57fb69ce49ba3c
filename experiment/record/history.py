"""What a run was seen to do: the only thing the checks look at, beside the final store.

Recorded at the boundary (what clients sent and got, what the store was asked
and answered), not by the executor that is being checked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec

from core.ids import RequestId
from core.messages import Outcome
from core.store import KeyRange, Mutation, Pairs

__all__ = [
    "Answered",
    "Asked",
    "Committed",
    "FaultStruck",
    "History",
    "Misused",
    "Sent",
    "Tried",
    "Unit",
    "trace_hash",
]


@dataclass(slots=True)
class Sent:
    """A client sends a request, for the first time (``attempt`` 0) or again.

    :ivar key: what the client calls it, if it has a key of its own.
    :ivar caller: who asks, as it travels.
    """

    time: float
    id: RequestId
    service: str
    method: str
    args: bytes
    attempt: int
    key: str = ""
    caller: bytes = b""


@dataclass(slots=True)
class Misused:
    """A client was answered that had sent something else under another request's id."""

    time: float
    id: RequestId
    service: str
    method: str
    args: bytes
    outcome: Outcome


@dataclass(slots=True)
class Answered:
    """A client receives a reply (also a late or duplicated one).

    :ivar version: for a read-only request, the version it read at; else 0.
    """

    time: float
    id: RequestId
    outcome: Outcome
    attempt: int
    version: int
    units: list[str]


@dataclass(slots=True)
class Unit:
    """One attempt at one region by one activation: what it read from the store and the clock.

    :ivar reads: key and value as seen, in order; ``scans``: begin, end, limit and pairs as seen.
    """

    name: str
    request: RequestId
    version: int
    reads: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    scans: list[tuple[bytes, bytes, int, Pairs]] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Committed:
    """The store applied a commit, whether or not anybody learned of it.

    :ivar request: None for maintenance (recovery, retention, clearing of intents).
    :ivar place: the region's number and ``end`` the place after it, -1 at the method's end.
    :ivar travelling: whether the attempt that committed was a travelling one (it never may).
    """

    time: float
    version: int
    read_version: int
    request: RequestId | None
    place: int
    end: int
    units: tuple[str, ...]
    reads: list[KeyRange]
    mutations: list[Mutation]
    travelling: bool = False


@dataclass(slots=True)
class Tried:
    """One try at asking the outside.

    :ivar gave: what the function, or what stands in for it, gave; None if it was not reached.
    :ivar told: what became of the try, as far as whoever made it lived to see.
    :ivar pause: nanoseconds until it would be tried again after what it gave.
    """

    time: float
    key: str
    args: bytes
    gave: Outcome | None = None
    told: Outcome | None = None
    pause: int | None = None


@dataclass(slots=True)
class Asked:
    """An attempt at a request asks the outside, as often as it takes.

    :ivar unit: the name under which a region takes the answer in.
    :ivar outcome: the answer, if the attempt lived to hear it.
    """

    time: float
    unit: str
    request: RequestId
    place: int
    function: str
    tries: list[Tried] = field(default_factory=list)
    outcome: Outcome | None = None


@dataclass(slots=True)
class FaultStruck:
    """A fault struck: its index among the scenario's faults, and where.

    :ivar nth: the number of the opportunity, to replay the strike by ``nth``.
    """

    time: float
    fault: int
    kind: str
    where: str
    nth: int = -1


@dataclass(slots=True)
class History:
    """Everything recorded, each list in the order of time (commits also in that of versions).

    :ivar initial: the store's contents before the first request.
    :ivar refused_commits: commits the store answered with an error, by error name.
    :ivar aborted: tries at transactions, and at regions, that came to nothing and were made again.
    :ivar times: where the time of the requests that were answered went, in seconds, by kind; as far
        as somebody looked.
    :ivar points: how often each crash point ``Service.method@point`` was passed.
    :ivar misused: answers to whoever used another request's id.
    :ivar asked: what the outside was asked.
    :ivar garbled: arguments that were encoded otherwise than clients meant them, a line for each.
    :ivar reads: store reads asked for; ``read_versions`` likewise.
    """

    initial: dict[bytes, bytes] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    units: dict[str, Unit] = field(default_factory=dict)
    commits: list[Committed] = field(default_factory=list)
    faults: list[FaultStruck] = field(default_factory=list)
    refused_commits: dict[str, int] = field(default_factory=dict)
    aborted: int = 0
    times: dict[str, float] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    misused: list[Misused] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    garbled: list[str] = field(default_factory=list)
    reads: int = 0
    read_versions: int = 0


def trace_hash(history: History) -> str:
    """A hash of everything in ``history``: equal if, and only if, the runs were the same."""
    return hashlib.sha256(msgspec.msgpack.encode(history)).hexdigest()
