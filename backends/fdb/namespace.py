"""Where an application's keys lie in a cluster that it shares with others.

The prefix is the tuple ``("mu2sls", application)`` in FoundationDB's tuple encoding
(``design/tuple.md``: strings are ``02``, UTF-8 with ``00`` escaped as ``00 ff``, ``00``),
so that ``fdbcli`` and the subspaces of every binding find the data. Everything from
:mod:`core.layout` follows the prefix as it is. Applications never meet: where one prefix is
the beginning of another (the name has a zero byte), ``ff`` comes next, beyond all keys.

The log of commits lies elsewhere, under ``("mu2sls-log", application)``: no read of the
application's keys can see it.

The directory layer would give a shorter prefix for one more read when a process starts
and a mapping that must not get lost; the name itself needs neither.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

from backends.fdb.log import Log
from core.limits import USER_KEYS_END
from core.store import Atomic, Clear, ClearRange, KeyRange, Mutation, Pairs, Set

__all__ = ["Namespace"]

_LAYER = "mu2sls"
_LOG_LAYER = "mu2sls-log"
_PLAIN = frozenset(b"-._" + string.ascii_letters.encode() + string.digits.encode())


def _packed(text: str) -> bytes:
    return b"\x02" + text.encode().replace(b"\x00", b"\x00\xff") + b"\x00"


def _shown(key: bytes) -> str:
    """A key as `fdbcli` reads it."""
    return "".join(chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in key)


class Namespace:
    """Puts keys under the application's prefix and takes them out again.

    :ivar prefix: what every key begins with.
    :ivar whole: the range of all keys; what lies beyond it under the prefix is nobody's.
    :ivar nobodys: a key under the prefix that no user key can be.
    :ivar log: the log of commits.
    """

    def __init__(self, application: str) -> None:
        self.prefix = _packed(_LAYER) + _packed(application)
        self.whole = KeyRange(self.prefix, self.prefix + USER_KEYS_END)
        self.nobodys = self.prefix + USER_KEYS_END
        self.log = Log(_packed(_LOG_LAYER) + _packed(application))

    def removal(self) -> str:
        """What `fdbcli` removes all of it with, after `writemode on`."""
        parts = KeyRange(self.prefix, self.prefix + b"\xff"), self.log.range
        return "; ".join(f"clearrange {_shown(begin)} {_shown(end)}" for begin, end in parts)

    def key(self, key: bytes) -> bytes:
        """The key in the cluster."""
        return self.prefix + key

    def ranges(self, ranges: Sequence[KeyRange]) -> list[KeyRange]:
        """The ranges in the cluster."""
        prefix = self.prefix
        return [KeyRange(prefix + begin, prefix + end) for begin, end in ranges]

    def mutation(self, mutation: Mutation) -> Mutation:
        """The mutation of the keys in the cluster."""
        prefix = self.prefix
        if isinstance(mutation, Set):
            return Set(prefix + mutation.key, mutation.value)
        if isinstance(mutation, Atomic):
            return Atomic(mutation.operation, prefix + mutation.key, mutation.operand)
        if isinstance(mutation, Clear):
            return Clear(prefix + mutation.key)
        return ClearRange(prefix + mutation.begin, prefix + mutation.end)

    def own(self, key: bytes) -> bytes:
        """The application's key of a key in the cluster."""
        return key[len(self.prefix) :]

    def pairs(self, pairs: Pairs) -> Pairs:
        """The application's pairs of pairs in the cluster."""
        start = len(self.prefix)
        return [(key[start:], value) for key, value in pairs]
