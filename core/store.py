"""The Store port: FoundationDB's contract in four calls.

Strictly serializable, optimistic, multi-version. A read version is a plain
number, so it can travel in a message, and the port holds no session. Three
kinds of store implement it (the simulator's model, SQLite, FoundationDB) and
one conformance suite (``tests/store_conformance.py``) runs against all.

Rules every implementation follows (FoundationDB developer guide, "Transaction
manifesto", "Known limitations" and API reference):

* Versions are positive.
* ``read_version`` is at least the version of every commit acknowledged before it was asked.
* Reads at a version see exactly the commits up to and including that version.
* ``commit`` fails with :class:`~core.errors.Conflict` when a key in ``reads`` was
  written after ``version``, with :class:`~core.errors.TooOld` when ``version`` left the
  window (also without reads), and otherwise applies every mutation at one new version.
* Writes never conflict with writes. ``ClearRange`` writes every key of its range,
  present or not. Conflict keys without a mutation are a real commit.
* ``Unknown`` is raised when the commit may or may not have happened, or may yet happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

__all__ = [
    "ATOMIC_OPERATIONS",
    "KEY_LIMIT",
    "TRANSACTION_LIMIT",
    "VALUE_LIMIT",
    "VERSIONS_PER_SECOND",
    "WINDOW_SECONDS",
    "Atomic",
    "Clear",
    "ClearRange",
    "KeyRange",
    "Keys",
    "Mutation",
    "Pairs",
    "Ranges",
    "ReadAnswer",
    "Set",
    "Store",
    "point",
    "read",
    "transaction_size",
]

KEY_LIMIT = 10_000
"""Longest key, in bytes (FoundationDB, error 2102)."""
VALUE_LIMIT = 100_000
"""Longest value, in bytes (FoundationDB, error 2103)."""
TRANSACTION_LIMIT = 10_000_000
"""Largest transaction, in bytes of mutations and conflict ranges (error 2101)."""
WINDOW_SECONDS = 5.0
"""How long a read version can be used."""
VERSIONS_PER_SECOND = 1_000_000
"""How fast versions advance."""


class KeyRange(NamedTuple):
    """Keys from ``begin`` (included) to ``end`` (excluded), in byte order."""

    begin: bytes
    end: bytes


def point(key: bytes) -> KeyRange:
    """The range that holds ``key`` alone."""
    return KeyRange(key, key + b"\x00")


class Set(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """Give ``key`` the value ``value``."""

    key: bytes
    value: bytes


class Clear(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Remove ``key``."""

    key: bytes


class ClearRange(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """Remove every key from ``begin`` (included) to ``end`` (excluded)."""

    begin: bytes
    end: bytes


class Atomic(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """Combine the stored value with ``operand``, without a read; one of ATOMIC_OPERATIONS."""

    operation: str
    key: bytes
    operand: bytes


ATOMIC_OPERATIONS = ("add", "max", "min", "byte_max", "byte_min", "and", "or", "xor")
"""Little-endian ``add``, ``max``, ``min``; bytewise the others, as FoundationDB defines them."""

_KEYS = {Set: 3, Atomic: 3, Clear: 4, ClearRange: 4}
"""How often a mutation's keys count, conflict ranges included."""

Mutation = Set | Clear | ClearRange | Atomic
Pairs = list[tuple[bytes, bytes]]

Keys = Sequence[bytes]
Ranges = Sequence[tuple[bytes, bytes, int]]
"""What is read at once: keys, and ranges as begin, end and limit (0: all)."""
ReadAnswer = tuple[list[bytes | None], list[Pairs]]
"""The values of the keys and the pairs of the ranges."""


def transaction_size(
    reads: Sequence[KeyRange], mutations: Sequence[Mutation], prefix: int = 0
) -> int:
    """Bytes that count against TRANSACTION_LIMIT: mutations and both kinds of conflict range.

    :param prefix: bytes that the store puts before every key.
    """
    size = sum(len(begin) + len(end) for begin, end in reads)
    size += prefix * (2 * len(reads) + sum(_KEYS[type(mutation)] for mutation in mutations))
    for mutation in mutations:
        if isinstance(mutation, Set):
            size += 3 * len(mutation.key) + len(mutation.value)
        elif isinstance(mutation, Atomic):
            size += 3 * len(mutation.key) + len(mutation.operand)
        elif isinstance(mutation, Clear):
            size += 4 * len(mutation.key)
        else:
            size += 2 * (len(mutation.begin) + len(mutation.end))
    return size


class Store(Protocol):
    """The four calls, as a blocking interface; hosts wrap them in their own kind of waiting."""

    def read_version(self) -> int:
        """The version of the latest commit, or a later one."""

    def get(self, key: bytes, version: int) -> bytes | None:
        """The value of ``key`` at ``version``.

        :raises TooOld, FutureVersion: the version cannot be read.
        """

    def get_range(self, begin: bytes, end: bytes, version: int, limit: int = 0) -> Pairs:
        """The pairs of a range at ``version`` in key order, the first ``limit`` (0: all).

        :raises TooOld, FutureVersion: the version cannot be read.
        """

    def commit(self, version: int, reads: Sequence[KeyRange], mutations: Sequence[Mutation]) -> int:
        """Apply ``mutations`` at once if nothing in ``reads`` changed after ``version``.

        :returns: the committed version.
        :raises Conflict, TooOld, TooLarge: nothing happened.
        :raises Unknown: it may have happened, or may yet happen.
        """


def read(store: Store, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
    """Keys and ranges at one version, one after the other.

    :raises TooOld, FutureVersion: the version cannot be read.
    """
    values = [store.get(key, version) for key in keys]
    return values, [store.get_range(begin, end, version, limit) for begin, end, limit in ranges]
