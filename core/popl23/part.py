"""A transaction's part in one service: the locks it holds there, its shadow copies, its callees.

Each part is committed or aborted by itself, in one store transaction; who began the transaction
ends its own part first and then tells the callees that are on its list to end theirs, and so on.
The part lies in the store, so every request of the transaction that comes to the service finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from core.layout import began_transaction, lock_key, object_key, part_prefix
from core.popl23.log import Callee, Record
from core.store import Clear, ClearRange, KeyRange, Mutation, Pairs, Set

__all__ = ["Part"]

_names = msgspec.msgpack.Decoder(list[bytes]).decode
_callees = msgspec.msgpack.Decoder(list[Callee]).decode
_encode = msgspec.msgpack.encode


class Part(NamedTuple):
    """The part of ``transaction`` in ``service``.

    :ivar waits: whether it waits for locks that younger transactions hold.
    """

    transaction: bytes
    service: str
    waits: bool = False

    @property
    def _prefix(self) -> bytes:
        return part_prefix(self.transaction, self.service)

    @property
    def all(self) -> KeyRange:
        """Everything of it."""
        return KeyRange(self._prefix, self._prefix + b"\xff")

    @property
    def callees(self) -> bytes:
        """The key of the list of callees."""
        return self._prefix + b"c"

    @property
    def locks(self) -> bytes:
        """The key of the list of locks."""
        return self._prefix + b"l"

    def copy(self, name: bytes) -> bytes:
        """The key of the shadow copy of an object."""
        return self._prefix + b"o" + name

    # --- taking part

    def refused(self, holders: Sequence[bytes | None]) -> bool:
        """Whether one of the locks with these holders is another transaction's."""
        return any(holder is not None and holder != self.transaction for holder in holders)

    def must_wait(self, holders: Sequence[bytes | None]) -> bool:
        """Whether a part that is refused is to wait: it waits, and all holders are younger.

        So nobody waits for one who waits for him: the oldest of all waits for nobody. A try is as
        old as the first one, so whoever is refused again and again becomes the oldest.
        """
        own = began_transaction(self.transaction)
        return self.waits and all(
            holder is None or own <= began_transaction(holder) for holder in holders
        )

    def lock(self, names: Sequence[bytes], locked: bytes | None) -> list[Mutation]:
        """What takes the locks of these objects, beside those on the list already."""
        held = [] if locked is None else _names(locked)
        known = set(held)
        new = [name for name in names if name not in known]
        if not new:
            return []
        taken: list[Mutation] = [Set(lock_key(name), self.transaction) for name in new]
        return [*taken, Set(self.locks, _encode([*held, *new]))]

    def write(self, contents: Mapping[bytes, bytes]) -> list[Mutation]:
        """What gives objects new shadow copies."""
        return [Set(self.copy(name), value) for name, value in contents.items()]

    def call(self, callee: Callee, listed: bytes | None) -> list[Mutation]:
        """What adds a callee to the list, unless its service is on it."""
        known = [] if listed is None else _callees(listed)
        if any(each.service == callee.service for each in known):
            return []
        return [Set(self.callees, _encode([*known, callee]))]

    # --- its end

    def end(self, pairs: Pairs, commits: bool) -> tuple[Record, list[Mutation]]:
        """What ends the part that consists of ``pairs``; its record names the callees."""
        found = dict(pairs)
        listed, locked = found.get(self.callees), found.get(self.locks)
        mutations: list[Mutation] = []
        if commits:
            copies = len(self.copy(b""))
            mutations += [
                Set(object_key(key[copies:]), value)
                for key, value in pairs
                if key.startswith(self.copy(b""))
            ]
        if locked is not None:
            mutations += [Clear(lock_key(name)) for name in _names(locked)]
        if pairs:
            mutations.append(ClearRange(*self.all))
        return Record(callees=[] if listed is None else _callees(listed)), mutations
