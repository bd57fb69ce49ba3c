"""What rounds of forgetting removed from the store, counted where it is exact: in their commits.

A commit of :func:`core.retention.retain` says which keys and ranges it clears. What lies there is
read at the commit's own version, right before it, and counts if the commit succeeds. It costs a
read that forgetting does not need, so only who wants to know has it counted.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from core.layout import CLIENT_KEYS_BY_ROOT, JOURNAL
from core.ports import Commit, Effect, Read
from core.store import Clear, ClearRange

__all__ = ["Tally"]

_ROOT = slice(1, 17)
"""Where the root id stands in the keys of both sections that are sorted by it."""


@dataclass(slots=True)
class Tally:
    """What is gone.

    A commit of which nobody knows whether it happened is not in it.

    :ivar requests: how many root requests left something that is gone now: journal records, or
        a client's key.
    :ivar keys: of the store.
    """

    requests: int = 0
    keys: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def counting(self, steps: Generator[Effect, Any, Any]) -> Generator[Effect, Any, Any]:
        """The same steps of retention; what their commits clear is added.

        :returns: what they return.
        """
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                self._seen.clear()  # nothing is left of them that could be met again
                return stop.value
            cleared: list[bytes] = []
            if isinstance(effect, Commit):
                cleared = yield from _cleared(effect)
            answer = yield effect
            new = {key[_ROOT] for key in cleared if _is_by_root(key)} - self._seen
            self._seen |= new
            self.requests += len(new)
            self.keys += len(cleared)


def _is_by_root(key: bytes) -> bool:
    return any(part.begin <= key < part.end for part in (JOURNAL, CLIENT_KEYS_BY_ROOT))


def _cleared(commit: Commit) -> Generator[Effect, Any, list[bytes]]:
    """The keys that a commit clears; the single ones were read just now, so they are there."""
    mutations = commit.mutations
    single = [each.key for each in mutations if isinstance(each, Clear)]
    ranges = tuple((each.begin, each.end, 0) for each in mutations if isinstance(each, ClearRange))
    _, found = yield Read(commit.units[0], commit.version, (), ranges)
    return single + [key for pairs in found for key, _ in pairs]
