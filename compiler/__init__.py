"""Stateful services as plain Python classes: everything a service's author imports.

The compiler itself is in the modules beside this one and is not loaded by it.
"""

from compiler.api.access import allow, caller, internal
from compiler.api.calls import call, spawn
from compiler.api.events import Event, event, signal
from compiler.api.futures import Future, gather, wait
from compiler.api.later import Started, cancel, result, sleep, start, timeout
from compiler.api.outside import outside
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
from compiler.api.queues import Queue, queue
from compiler.api.schedules import cron, every
from compiler.api.services import Persistent, instance, service
from compiler.api.transactions import TransactionException, abort, transaction
from core.callers import Caller
from core.errors import Cancelled

__all__ = [
    "AbortTx",
    "AbortTxNoExc",
    "AsyncInvoke",
    "BeginTx",
    "Caller",
    "Cancelled",
    "Client",
    "CommitTx",
    "Event",
    "Future",
    "Persistent",
    "Queue",
    "Started",
    "SyncInvoke",
    "TransactionException",
    "Wait",
    "WaitAll",
    "abort",
    "allow",
    "call",
    "caller",
    "cancel",
    "cron",
    "event",
    "every",
    "gather",
    "instance",
    "internal",
    "outside",
    "queue",
    "result",
    "service",
    "signal",
    "sleep",
    "spawn",
    "start",
    "timeout",
    "transaction",
    "wait",
]
