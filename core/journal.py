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

from core.messages import Origin, Outcome, Request

__all__ = [
    "METHOD_END",
    "Called",
    "Entry",
    "Got",
    "Intent",
    "Record",
    "Scanned",
    "Ticked",
    "decode_intent",
    "decode_record",
    "encode_intent",
    "encode_record",
    "fingerprint",
]

METHOD_END = -1
"""The ``end`` of a region that ended its method."""


class Got(msgspec.Struct, frozen=True, array_like=True, tag="g"):
    """A key was read."""

    key: bytes
    value: bytes | None

    def __str__(self) -> str:
        return f"the value of {self.key!r}"


class Scanned(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A range was read."""

    begin: bytes
    end: bytes
    limit: int
    pairs: list[tuple[bytes, bytes]]

    def __str__(self) -> str:
        return f"the range {self.begin!r} to {self.end!r}"


class Ticked(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """The clock was read, in Unix nanoseconds."""

    time: int

    def __str__(self) -> str:
        return "the time"


class Called(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """A call travelled with the region and came back."""

    service: str
    method: str
    outcome: Outcome

    def __str__(self) -> str:
        return f"a call of {self.service}.{self.method}"


Entry = Got | Scanned | Ticked | Called


class Record(msgspec.Struct, frozen=True, array_like=True):
    """The journal record of one region.

    :ivar fingerprint: of the request's method and arguments.
    :ivar end: the place of the call or transaction that follows, or METHOD_END.
    :ivar entries: outcomes to replay, in program order.
    :ivar outcome: the method's, when it ended.
    """

    fingerprint: bytes
    end: int
    entries: list[Entry]
    outcome: Outcome | None = None


class Intent(msgspec.Struct, frozen=True, array_like=True):
    """What recovery needs to drive a request tree again."""

    origin: Origin


_encoder = msgspec.msgpack.Encoder()
_record_decoder = msgspec.msgpack.Decoder(Record)
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


def fingerprint(request: Request) -> bytes:
    """What tells two requests with the same id apart: method and arguments, in 8 bytes."""
    text = b"%b\x00%b\x00%b" % (request.service.encode(), request.method.encode(), request.args)
    return hashlib.blake2b(text, digest_size=8).digest()
