"""What FoundationDB's atomic operations make of a stored value and an operand.

An absent value gives the operand, whatever the operation. ``byte_max`` and
``byte_min`` compare whole byte strings. All others first bring the stored value
to the operand's length, cutting it or adding zero bytes at its end, and treat
both as little-endian unsigned numbers; ``add`` wraps around. (FoundationDB API
reference, "Atomic operations"; ``and`` and ``min`` as since API version 510.)
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["combine"]

_NUMERIC: dict[str, Callable[[int, int], int]] = {
    "add": int.__add__,
    "max": max,
    "min": min,
    "and": int.__and__,
    "or": int.__or__,
    "xor": int.__xor__,
}
_BYTEWISE: dict[str, Callable[[bytes, bytes], bytes]] = {"byte_max": max, "byte_min": min}


def combine(operation: str, stored: bytes | None, operand: bytes) -> bytes:
    """The new value of a key that holds ``stored`` (None: absent).

    :param operation: one of :data:`core.store.ATOMIC_OPERATIONS`; others raise KeyError.
    """
    bytewise = _BYTEWISE.get(operation)
    if bytewise is not None:
        return operand if stored is None else bytewise(stored, operand)
    numeric = _NUMERIC[operation]
    if stored is None:
        return operand
    size = len(operand)
    result = numeric(int.from_bytes(stored[:size], "little"), int.from_bytes(operand, "little"))
    return (result & ((1 << 8 * size) - 1)).to_bytes(size, "little")
