"""Which cluster, which application's part of it, and which limits."""

from __future__ import annotations

import msgspec

from backends.fdb.errors import SetupError
from core.store import TRANSACTION_LIMIT

__all__ = ["API_VERSION", "OLDEST_API_VERSION", "FaultInjection", "Settings"]

API_VERSION = 730
"""What is chosen if nobody says otherwise: FoundationDB 7.3's."""
OLDEST_API_VERSION = 630
"""Special keys, which name the keys of a conflict, are there from this version on."""
_SMALLEST_SIZE_LIMIT = 32


class FaultInjection(msgspec.Struct, frozen=True):
    """The client's own fault injection, ``client_buggify`` (API reference, network options).

    It holds for the whole process and has to be set before the first connection.

    :ivar activated: percent of the places in the client that can fail at all.
    :ivar fired: percent of the passes of an activated place that fail.
    """

    activated: int = 100
    fired: int = 10


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the store. One process has one API version and one kind of faults.

    :ivar application: the name whose namespace the keys lie in (:mod:`backends.fdb.namespace`).
    :ivar cluster_file: path; None: FDB_CLUSTER_FILE, or FoundationDB's default location.
    :ivar api_version: the newest one that bindings and client library both know works best.
    :ivar timeout: seconds that one read version, read or commit may take.
    :ivar size_limit: bytes of one commit, at most FoundationDB's own 10,000,000.
    :ivar faults: the client's fault injection, for tests.
    """

    application: str
    cluster_file: str | None = None
    api_version: int = API_VERSION
    timeout: float = 5.0
    size_limit: int = TRANSACTION_LIMIT
    faults: FaultInjection | None = None

    def __post_init__(self) -> None:
        """:raises SetupError: a setting that cannot work, and what can."""
        if not self.application:
            raise SetupError("the setting application is empty: give the application's name")
        if self.api_version < OLDEST_API_VERSION:
            raise SetupError(
                f"API version {self.api_version} is too old: {OLDEST_API_VERSION} or newer"
            )
        if self.timeout < 0.001:
            raise SetupError(f"a timeout of {self.timeout} s is too short: 0.001 or more")
        if not _SMALLEST_SIZE_LIMIT <= self.size_limit <= TRANSACTION_LIMIT:
            raise SetupError(
                f"a size limit of {self.size_limit} is out of range: "
                f"{_SMALLEST_SIZE_LIMIT} to {TRANSACTION_LIMIT} bytes"
            )
        faults = self.faults
        if faults and not (0 <= faults.activated <= 100 and 0 <= faults.fired <= 100):
            raise SetupError("the probabilities of fault injection are percent: 0 to 100")
