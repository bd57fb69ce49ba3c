"""Journal records and intents: what the executor itself keeps in the store.

A record holds what a re-execution needs to replay one region without asking
again: the outcomes of its reads, clock readings and travelling calls in program
order. The record of a region that ended the method holds the method's outcome
instead, and nothing else is needed. Whatever a region ends in, it has one key
(:func:`core.layout.journal_key`), so of all attempts exactly one wins it.
"""

from __future__ import annotations

import hashlib

import msgspec

from core.errors import TooLarge
from core.messages import Origin, Outcome, Request
from core.store import VALUE_LIMIT, Mutation, Set

__all__ = [
    "METHOD_END",
    "Aside",
    "Called",
    "Entry",
    "Got",
    "Heard",
    "Intent",
    "Record",
    "Scanned",
    "Ticked",
    "Waited",
    "decode_aside",
    "decode_intent",
    "decode_record",
    "digest",
    "encode_aside",
    "encode_intent",
    "encode_record",
    "fingerprint",
    "in_chunks",
]

METHOD_END = -1
"""The ``end`` of a region that ended its method."""


class Got(msgspec.Struct, frozen=True, array_like=True, tag="g"):
    """A key was read."""

    key: bytes
    value: bytes | None

    @property
    def asked(self) -> tuple[object, ...]:
        """What a replay must ask for to get this answer."""
        return (self.key,)

    def __str__(self) -> str:
        return f"the value of {self.key!r}"


class Scanned(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A range was read."""

    begin: bytes
    end: bytes
    limit: int
    pairs: list[tuple[bytes, bytes]]

    @property
    def asked(self) -> tuple[object, ...]:
        """What a replay must ask for to get this answer."""
        return (self.begin, self.end, self.limit)

    def __str__(self) -> str:
        return f"the range {self.begin!r} to {self.end!r}, limit {self.limit}"


class Ticked(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """The clock was read, in Unix nanoseconds."""

    time: int

    @property
    def asked(self) -> tuple[object, ...]:
        """What a replay must ask for to get this answer."""
        return ()

    def __str__(self) -> str:
        return "the time"


class Called(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """A call travelled with the region and came back; ``args`` is a digest of its arguments."""

    service: str
    method: str
    args: bytes
    outcome: Outcome

    @property
    def asked(self) -> tuple[object, ...]:
        """What a replay must ask for to get this answer."""
        return (self.service, self.method, self.args)

    def __str__(self) -> str:
        return f"a call of {self.service}.{self.method} with arguments {self.args.hex()}"


class Heard(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """The outside answered what was asked at a place; ``args`` is a digest of its arguments."""

    place: int
    function: str
    args: bytes
    outcome: Outcome

    @property
    def asked(self) -> tuple[object, ...]:
        """What a replay must ask for to get this answer."""
        return (self.place, self.function, self.args)

    def __str__(self) -> str:
        return f"{self.function} with arguments {self.args.hex()}"


class Waited(msgspec.Struct, frozen=True, array_like=True, tag="w"):
    """A wait at a place ended: with what was waited for; None: its time had come before.

    :ivar bound: the number of what broke it off (:mod:`core.bounds`); None: nothing did.
    """

    place: int
    value: bytes | None = None
    bound: int | None = None

    @property
    def asked(self) -> tuple[object, ...]:
        """What a replay must ask for to get this answer."""
        return (self.place,)

    def __str__(self) -> str:
        return f"the end of the wait at place {self.place}"


Entry = Got | Scanned | Ticked | Called | Heard | Waited


class Record(msgspec.Struct, frozen=True, array_like=True):
    """The journal record of one region.

    :ivar fingerprint: of the request (:func:`fingerprint`).
    :ivar end: the place of the call or transaction that follows, or METHOD_END.
    :ivar entries: outcomes to replay, in program order.
    :ivar outcome: the method's, when it ended.
    :ivar last: whether nothing in the tree commits after this record.
    :ivar revision: of the application that wrote it (:mod:`core.revisions`).
    :ivar asker: the revision that the request came from; None: unknown.
    """

    fingerprint: bytes
    end: int
    entries: list[Entry]
    outcome: Outcome | None = None
    last: bool = False
    revision: str = ""
    asker: str | None = None


class Intent(msgspec.Struct, frozen=True, array_like=True):
    """What recovery needs to drive a request tree again.

    :ivar until: of a tree that rests: when it is woken, in Unix nanoseconds; 0: not by its time.
    :ivar waiters: of a tree that rests: keys of what it waits for; a few.
    :ivar woken: the version of the store at which whoever woke it last saw why.
    """

    origin: Origin
    until: int = 0
    woken: int = 0
    waiters: list[bytes] = []


class Aside(msgspec.Struct, frozen=True, array_like=True):
    """The note of a request tree set aside.

    :ivar reason: what no retry mends, with the place in the user's code where it is known.
    :ivar cause: the kind of that: the name of a class of :mod:`core.errors`.
    :ivar since: when it was set aside, in Unix nanoseconds; ``resumed``: when it was taken up
        again, 0 if it was not.
    """

    origin: Origin
    reason: str
    cause: str = ""
    since: int = 0
    resumed: int = 0


_encoder = msgspec.msgpack.Encoder()
_record_decoder = msgspec.msgpack.Decoder(Record)
_aside_decoder = msgspec.msgpack.Decoder(Aside)
_intent_decoder = msgspec.msgpack.Decoder(Intent)


def encode_record(record: Record) -> bytes:
    """A record as stored."""
    return _encoder.encode(record)


def decode_record(data: bytes) -> Record:
    """The record stored as ``data``.

    :raises msgspec.DecodeError: the bytes are no record.
    """
    return _record_decoder.decode(data)


def encode_intent(intent: Intent) -> bytes:
    """An intent as stored."""
    return _encoder.encode(intent)


def decode_intent(data: bytes) -> Intent:
    """The intent stored as ``data``.

    :raises msgspec.DecodeError: the bytes are no intent.
    """
    return _intent_decoder.decode(data)


def encode_aside(aside: Aside) -> bytes:
    """A note of a request set aside, as stored."""
    return _encoder.encode(aside)


def decode_aside(data: bytes) -> Aside:
    """The note stored as ``data``.

    :raises msgspec.DecodeError: the bytes are no note.
    """
    return _aside_decoder.decode(data)


def digest(*parts: bytes) -> bytes:
    """Eight bytes that stand for ``parts``."""
    return hashlib.blake2b(b"\x00".join(parts), digest_size=8).digest()


def fingerprint(request: Request) -> bytes:
    """What tells two requests with the same id apart, in 16 bytes.

    The first half stands for the tree's root call, the second for the request's own method and
    arguments. Who asks is part of the root call. Every record holds both, so a tree that has left
    any trace refuses another root call under its id, even if the root itself records nothing.
    """
    origin = request.origin
    asked = [origin.service.encode(), origin.method.encode(), origin.args]
    root = digest(*asked, *([origin.caller] if origin.caller else []))
    return root + digest(request.service.encode(), request.method.encode(), request.args)


_CHUNK = VALUE_LIMIT - 1_000


def in_chunks(key: bytes, data: bytes) -> list[Mutation]:
    """Write ``data`` under ``key`` and, where it is too long for one value, its continuations.

    :raises TooLarge: it is longer than 255 values.
    """
    if len(data) <= _CHUNK:
        return [Set(key, data)]
    count = -(-len(data) // _CHUNK)
    if count > 256:
        raise TooLarge(f"a journal record of {len(data):,} bytes: keep what one region reads small")
    keys = [key, *(key + bytes((number,)) for number in range(1, count))]
    return [Set(k, data[n * _CHUNK : (n + 1) * _CHUNK]) for n, k in enumerate(keys)]
