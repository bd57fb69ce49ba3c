"""The Store port on FoundationDB: see ``docs/fdb.md``.

================  =======================================================================
module            what it knows
================  =======================================================================
``settings``      which cluster, which application, which limits
``cluster_file``  which one the client takes, and why nobody answers
``bindings``      the official Python bindings, and nobody else does
``errors``        what each of FoundationDB's error codes means for a request
``namespace``     where an application's keys lie in the cluster
``log``           how the log of commits is written and read
``store``         the port for an asyncio host
================  =======================================================================
"""

from backends.fdb.errors import FdbError, FinalError, SetupError
from backends.fdb.settings import FaultInjection, Settings
from backends.fdb.store import FdbStore

__all__ = [
    "FaultInjection",
    "FdbError",
    "FdbStore",
    "FinalError",
    "Settings",
    "SetupError",
]
