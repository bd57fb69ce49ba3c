"""What travels between services: one request, one reply.

Messages are msgspec structs of plain numbers, bytes and strings, so any
transport can carry them. User values inside them are already encoded
(:mod:`core.codec`).
"""

from __future__ import annotations

import msgspec

from core.ids import RequestId
from core.store import KeyRange, Mutation

__all__ = [
    "Failed",
    "Inside",
    "Origin",
    "Outcome",
    "Raised",
    "Reply",
    "Request",
    "Returned",
    "Travel",
    "Travelled",
]


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """The root call of a request tree: what an intent must hold to re-drive it.

    :ivar caller: who asks, see :mod:`core.callers`; empty: nobody is known.
    :ivar started: whether another request started it, so that its answer may be waited for.
    """

    service: str
    method: str
    args: bytes
    caller: bytes = b""
    started: bool = False


class Travel(msgspec.Struct, frozen=True, array_like=True):
    """A region that travels: the callee reads at its version and sees its writes."""

    version: int
    writes: list[Mutation]


class Inside(msgspec.Struct, frozen=True, array_like=True):
    """What the baseline sends along with a call: the transaction that it belongs to.

    :ivar word: ``execute`` the method inside it, or ``commit`` or ``abort`` the callee's part.
    """

    transaction: bytes
    word: str


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A call of one method.

    :ivar args: the codec's bytes of ``(args, kwargs)``.
    :ivar origin: the tree's root call; for a root request, its own.
    :ivar travel: the caller's region, when the callee must make nothing durable.
    :ivar intent_recorded: whether some commit of the tree has recorded the intent.
    :ivar last: whether nothing in the tree commits after this request, so that
        its own last commit may clear the intent.
    :ivar deadline: host time in nanoseconds after which nobody waits for the answer, 0 for never.
    :ivar inside: the transaction of the baseline that the call belongs to.
    :ivar asker: the revision of the application that calls (:mod:`core.revisions`); None: unknown.
    :ivar shielded: whether it does not count that the request is cancelled, and ``timeouts``, when
        those of its callers are over: :class:`core.bounds.Inherited`.
    """

    id: RequestId
    service: str
    method: str
    args: bytes
    origin: Origin
    travel: Travel | None = None
    intent_recorded: bool = False
    last: bool = True
    deadline: int = 0
    inside: Inside | None = None
    asker: str | None = None
    shielded: bool = False
    timeouts: tuple[int, ...] = ()


class Returned(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="v"):
    """The method returned; ``value`` is the codec's bytes."""

    value: bytes


class Raised(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="e", eq=False):
    """The method raised: the exception's registered name, codec bytes of its args, its text.

    :ivar trace: where it came from (:mod:`core.traces`), if it is a mistake of the program; empty
        for an exception that the application declares. It makes no two answers differ.
    """

    type: str
    args: bytes
    text: str
    trace: list[str] = []

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Raised):
            return NotImplemented
        return (self.type, self.args, self.text) == (other.type, other.args, other.text)

    def __ne__(self, other: object) -> bool:  # a Struct has one of its own
        return not self == other

    def __hash__(self) -> int:
        return hash((self.type, self.args, self.text))


class Failed(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="f"):
    """No answer: ``kind`` names a class of :mod:`core.errors`, ``definite`` its family.

    :ivar cause: of what is set aside: the kind of what no retry mends.
    :ivar until: of what is asleep, as ``seen``, ``alarm`` and ``waiters``: see
        :class:`core.errors.Asleep`.
    """

    kind: str
    definite: bool
    text: str
    cause: str = ""
    until: int = 0
    seen: int = 0
    alarm: int = 0
    waiters: list[bytes] = []


Outcome = Returned | Raised | Failed


class Travelled(msgspec.Struct, frozen=True, array_like=True):
    """What a travelling callee gives back: what it read, what it wrote, and which units did it.

    :ivar overlaid: what it read from the writes that were sent along, not from the store.
    """

    reads: list[KeyRange]
    overlaid: list[KeyRange]
    writes: list[Mutation]
    units: list[str]


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The end of one attempt at a request.

    :ivar intent_recorded: whether the tree's intent is now known to be recorded.
    :ivar intent_cleared: whether the commit that ended the tree cleared the intent.
    :ivar version: for a read-only root request, the version it read at; else 0.
    :ivar units: for a read-only root request, the units that read; see :class:`core.ports.Read`.
    :ivar aborted: of the baseline: the callee's part of the transaction is aborted.
    """

    id: RequestId
    outcome: Outcome
    travelled: Travelled | None = None
    intent_recorded: bool = False
    intent_cleared: bool = False
    version: int = 0
    units: list[str] = []
    aborted: bool = False
