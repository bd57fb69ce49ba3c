"""The record of a step: what an access found, so that a second execution need not do it again."""

from __future__ import annotations

import msgspec

__all__ = ["Callee", "Record", "decode_record", "encode_record"]


class Callee(msgspec.Struct, frozen=True, array_like=True):
    """A service that has a part in a transaction, by a method of it that was called."""

    service: str
    method: str


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What one access found.

    :ivar locked: whether another transaction held a lock, so that the access failed.
    :ivar objects: the values of the objects, in the order in which they were asked for.
    :ivar callees: when a part was ended: who has to be told.
    """

    locked: bool = False
    objects: list[bytes | None] = []
    callees: list[Callee] = []


encode_record = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(Record).decode
