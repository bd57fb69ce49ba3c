"""Those who are measured, each with its own default and with the other durability."""

from __future__ import annotations

from benchmarks.peers.contenders.contender import Contender
from benchmarks.peers.contenders.dbos import Dbos
from benchmarks.peers.contenders.dictionary import Dictionary
from benchmarks.peers.contenders.ours import Ours
from benchmarks.peers.contenders.restate import Restate

__all__ = ["CONTENDERS"]

CONTENDERS: tuple[Contender, ...] = (
    Dictionary(),
    Ours("normal"),
    Ours("full"),
    Restate(fsync=True),
    Restate(fsync=False),
    Dbos(wal=False),
    Dbos(wal=True),
    Dbos(wal=False, http=False),
    Dbos(wal=True, http=False),
)
"""One row each, in this order."""
