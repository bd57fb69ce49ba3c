"""What every store refuses before it looks at its content, alike in all of them.

Keys outside the user key space raise ValueError, keys or values that are not bytes
TypeError: errors of the program that asks, not answers of the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import TooLarge
from core.readable import readable_key
from core.store import (
    ATOMIC_OPERATIONS,
    KEY_LIMIT,
    TRANSACTION_LIMIT,
    VALUE_LIMIT,
    Atomic,
    Clear,
    KeyRange,
    Keys,
    Mutation,
    Ranges,
    Set,
    transaction_size,
)

__all__ = ["USER_KEYS_END", "check_bounds", "check_key", "check_read", "check_transaction"]

_SHOWN = 60

USER_KEYS_END = b"\xff"
"""User keys sort before this one; beyond are FoundationDB's own (error 2004)."""


def check_key(key: bytes) -> None:
    """See that ``key`` is one a user can have."""
    if not isinstance(key, bytes):
        raise TypeError(f"a key must be bytes, not {type(key).__name__}")
    if key >= USER_KEYS_END:
        raise ValueError(f"key {key[:20]!r} is outside the user key space: it must sort before ff")


def check_read(keys: Keys, ranges: Ranges) -> None:
    """See that everything that is to be read lies in the user key space."""
    for key in keys:
        check_key(key)
    for begin, end, _ in ranges:
        check_bounds(begin, end)


def check_bounds(begin: bytes, end: bytes) -> None:
    """See that a range lies in the user key space; either bound may be its end."""
    for bound in (begin, end):
        if bound != USER_KEYS_END:
            check_key(bound)


def check_transaction(
    reads: Sequence[KeyRange],
    mutations: Sequence[Mutation],
    entry: bytes | None = None,
    prefix: int = 0,
    limit: int = TRANSACTION_LIMIT,
) -> None:
    """See that a transaction can be committed at all, whatever the store holds.

    Clears are not checked for length, as in FoundationDB: no key of that length exists.

    :param entry: what is kept in a log of commits with the transaction; its bytes count.
    :param prefix: bytes that the store puts before every key; they count, too.
    :param limit: bytes of one transaction.
    :raises TooLarge: a key, a value or all together are over the limit.
    """
    for begin, end in reads:
        if begin >= USER_KEYS_END or end > USER_KEYS_END:
            check_bounds(begin, end)
    for mutation in mutations:
        if isinstance(mutation, Set):
            _check_write(mutation.key, mutation.value, prefix)
        elif isinstance(mutation, Atomic):
            _check_write(mutation.key, mutation.operand, prefix)
            if mutation.operation not in ATOMIC_OPERATIONS:
                known = ", ".join(ATOMIC_OPERATIONS)
                raise ValueError(f"no atomic operation {mutation.operation!r}: there are {known}")
        elif isinstance(mutation, Clear):
            check_key(mutation.key)
        else:
            check_bounds(mutation.begin, mutation.end)
    size = transaction_size(reads, mutations, prefix)
    if entry is not None:
        if not isinstance(entry, bytes):
            raise TypeError(f"an entry of the log must be bytes, not {type(entry).__name__}")
        size += len(entry)
    if size > limit:
        raise TooLarge(
            f"what is read and written together has {size:,} bytes, more than "
            f"{limit:,}: do less in one transaction"
        )


def _check_write(key: bytes, value: bytes, prefix: int) -> None:
    check_key(key)
    if len(key) + prefix > KEY_LIMIT:
        raise TooLarge(
            f"the key of {readable_key(key)[:_SHOWN]}... has {len(key):,} bytes, more than "
            f"{KEY_LIMIT - prefix:,}: shorten it"
        )
    if not isinstance(value, bytes):
        raise TypeError(f"the value of {key[:20]!r} must be bytes, not {type(value).__name__}")
    if len(value) > VALUE_LIMIT:
        raise TooLarge(
            f"the value of {readable_key(key)[:_SHOWN]} has {len(value):,} bytes, more than "
            f"{VALUE_LIMIT:,}: spread it over several elements"
        )
