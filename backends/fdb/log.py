"""The log of commits: entries under keys that FoundationDB stamps with the commit's version.

A versionstamped key ends, when it is handed over, with four bytes, little-endian: where in
the key the ten bytes of the stamp go. They are cut off, and the stamp is filled in when the
commit gets its version (API reference, ``set_versionstamped_key``; as here from API version
520 on). The stamp is that version, eight bytes, big-endian, then two that order the commits
which share a version. So the log's keys sort as the commits took place. A proxy has commits
resolved in batches, one version for each: of a batch, later ones are refused if they read what
earlier ones write, and a read version is never in the midst of one. So this is a serial order,
in which reads at a version come after all of its commits::

    prefix  stamp (10)  number of the chunk (2)

An entry is cut into chunks, since a value has a limit. Nothing is read to write it, so the
log makes no commit conflict with another.
"""

from __future__ import annotations

from itertools import groupby

from core.store import VALUE_LIMIT, KeyRange, Pairs

__all__ = ["Log"]

_STAMP = 10
_VERSION = 8


class Log:
    """How the entries under one prefix are written and read.

    :ivar range: every key of the log.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self.range = KeyRange(prefix, prefix + b"\xff")

    def writes(self, entry: bytes) -> list[tuple[bytes, bytes]]:
        """The keys to be stamped, each with its place for the stamp at the end, and values."""
        place = len(self._prefix).to_bytes(4, "little")
        chunks = [entry[at : at + VALUE_LIMIT] for at in range(0, len(entry), VALUE_LIMIT)]
        return [
            (self._prefix + bytes(_STAMP) + number.to_bytes(2, "big") + place, chunk)
            for number, chunk in enumerate(chunks or [b""])
        ]

    def entries(self, pairs: Pairs) -> list[tuple[int, bytes]]:
        """Versions and entries of the log's pairs."""
        start = len(self._prefix)
        commits = groupby(pairs, lambda pair: pair[0][start : start + _STAMP])
        return [
            (
                int.from_bytes(stamp[:_VERSION], "big"),
                b"".join(chunk for _, chunk in chunks),
            )
            for stamp, chunks in commits
        ]
