"""Stateful services as plain Python classes: everything a service's author imports.

The compiler itself is in the modules beside this one and is not loaded by it.
"""

from compiler.api.calls import call, spawn
from compiler.api.futures import Future, gather, wait
from compiler.api.paper import (
    AbortTx,
    AbortTxNoExc,
    AsyncInvoke,
    BeginTx,
    Client,
    CommitTx,
    SyncInvoke,
    Wait,
    WaitAll,
)
from compiler.api.services import Persistent, instance, service
from compiler.api.transactions import TransactionException, abort, transaction

__all__ = [
    "AbortTx",
    "AbortTxNoExc",
    "AsyncInvoke",
    "BeginTx",
    "Client",
    "CommitTx",
    "Future",
    "Persistent",
    "SyncInvoke",
    "TransactionException",
    "Wait",
    "WaitAll",
    "abort",
    "call",
    "gather",
    "instance",
    "service",
    "spawn",
    "transaction",
    "wait",
]
