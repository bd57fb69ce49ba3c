"""What FoundationDB's error codes mean here: definite or indefinite, by code, never guessed.

The codes are those of FoundationDB's API reference, "Error codes", and its three
predicates ``retryable``, ``maybe_committed`` and ``retryable_not_committed`` (C API,
``fdb_error_predicate``). A code that is not in the tables below is classified by the
client library's own predicates; what they do not know either is final.

=====================================  ===================  ==============================
code                                   of a commit          of a read
=====================================  ===================  ==============================
1020                                   Conflict             StoreUnavailable
1007                                   TooOld               TooOld
1009                                   FutureVersion        FutureVersion
1021 1039 1031 1025, maybe_committed   Unknown              StoreUnavailable
2101 2102 2103                         TooLarge             TooLarge
retryable_not_committed                StoreUnavailable     StoreUnavailable
no cluster, no library                 SetupError           SetupError
anything else                          FinalError           FinalError
=====================================  ===================  ==============================

A read commits nothing, so whatever became of it, nothing happened.
"""

from __future__ import annotations

from collections.abc import Callable

from core.errors import (
    Conflict,
    FutureVersion,
    MuError,
    StoreError,
    StoreUnavailable,
    TooLarge,
    TooOld,
    Unknown,
)

__all__ = ["CONFLICT", "LOCKED", "TIMED_OUT", "FdbError", "FinalError", "SetupError", "translate"]

CONFLICT = 1020
TIMED_OUT, _CANCELLED = 1031, 1025
LOCKED = 1038
_MAYBE_COMMITTED = frozenset({1021, 1039, TIMED_OUT, _CANCELLED})
"""1031 and 1025 are not ``maybe_committed``: they say that nobody waits for the answer any more."""
_NOT_COMMITTED = frozenset({CONFLICT, 1037, LOCKED, 1042, 1051, 1078, 1213})
_TOO_LARGE = {
    2101: "do less in one transaction",
    2102: "shorten the key",
    2103: "spread the value over several elements",
}
_REMEDIES = {
    1513: "make the cluster file readable for this process",
    1515: "set FDB_CLUSTER_FILE, or give --store fdb:CLUSTER_FILE, with the cluster file of a "
    "running cluster (usually /etc/foundationdb/fdb.cluster)",
    2104: "a cluster file holds one line, description:id@address:port,...; copy it again from a "
    "machine of the cluster",
    2100: "install a client library of the cluster's own release",
}
_OF_FILE = frozenset({1513, 1515, 2104})
"""They are about the cluster file, which FoundationDB does not name."""


class FdbError(MuError):
    """Base of what goes wrong with FoundationDB beyond the port's own answers.

    :ivar code: FoundationDB's error code, or 0 where it has none.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class SetupError(FdbError):
    """There is no way to the cluster: package, library, cluster file, settings or network."""


class FinalError(FdbError):
    """An answer that no retry will change.

    Not a :class:`core.errors.StoreError`, so no attempt retries on it. What became of a
    commit that ended so is not known: its host ends the attempt as ``Interrupted``.
    """


def translate(
    code: int,
    message: str,
    committing: bool,
    maybe_committed: Callable[[], bool],
    not_committed: Callable[[], bool],
    cluster_file: Callable[[], object] = str,
) -> StoreError | FdbError:
    """The error of this project that says what ``code`` means.

    :param committing: whether a commit ended so, rather than a read.
    :param maybe_committed: the library's predicate, asked about codes not in the tables.
    :param not_committed: the library's ``retryable_not_committed``, likewise.
    :param cluster_file: gives the one that the client takes, asked where the error is about it.
    """
    text = f"FoundationDB error {code}: {message}"
    if code in _OF_FILE:
        text += f", for the cluster file {cluster_file()}"
    if code in _REMEDIES:
        return SetupError(f"{text}; {_REMEDIES[code]}", code)
    if code == CONFLICT and committing:
        return Conflict()
    if code == 1007:
        return TooOld(text)
    if code == 1009:
        return FutureVersion(text)
    if code in _TOO_LARGE:
        return TooLarge(f"{text}; {_TOO_LARGE[code]}")
    if code in _NOT_COMMITTED:
        return StoreUnavailable(text)
    if code in _MAYBE_COMMITTED or maybe_committed():
        return Unknown(text) if committing else StoreUnavailable(text)
    if not_committed():
        return StoreUnavailable(text)
    return FinalError(text, code)
