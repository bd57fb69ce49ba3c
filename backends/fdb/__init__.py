"""The Store port on FoundationDB: see ``docs/fdb.md``.

=============  ==========================================================================
module         what it knows
=============  ==========================================================================
``settings``   which cluster, which application, which limits
``bindings``   the official Python bindings, and nobody else does
``errors``     what each of FoundationDB's error codes means for a request
``namespace``  where an application's keys lie in the cluster
``store``      the port for an asyncio host
``blocking``   the port as :mod:`core.store` writes it, for tools and tests
=============  ==========================================================================
"""

from backends.fdb.blocking import BlockingFdbStore
from backends.fdb.errors import FdbError, FinalError, SetupError
from backends.fdb.settings import FaultInjection, Settings
from backends.fdb.store import FdbStore

__all__ = [
    "BlockingFdbStore",
    "FaultInjection",
    "FdbError",
    "FdbStore",
    "FinalError",
    "Settings",
    "SetupError",
]
