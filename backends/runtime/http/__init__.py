"""HTTP, as nodes use it: the only package that knows the library.

A node serves with one :data:`Handler` and asks with one :class:`Client`. Messages are whole
bodies; nothing is streamed. The library is aiohttp for both sides, the event loop is uvloop where
it is installed (:func:`run`); docs/performance.md has the measurements that decided.

==============  ======================================================================
module          is about
==============  ======================================================================
`messages`      what a server receives and answers, and how asking can fail
`server`        one handler on a listening socket: its doors, and how it stops
`connection`    one client's connection: heads in time, half-closed ones, what is not HTTP
`bodies`        reading a body within its limit, its time and the process's budget
`client`        asking, over connections that are kept
`loop`          the event loop
==============  ======================================================================
"""

from backends.runtime.http.bodies import Budget
from backends.runtime.http.client import Client
from backends.runtime.http.loop import run
from backends.runtime.http.messages import (
    FAILED_BY,
    Broken,
    Door,
    Handler,
    Incoming,
    Outgoing,
    Unreachable,
    plain_refusal,
    plain_text,
)
from backends.runtime.http.server import Server

__all__ = [
    "FAILED_BY",
    "Broken",
    "Budget",
    "Client",
    "Door",
    "Handler",
    "Incoming",
    "Outgoing",
    "Server",
    "Unreachable",
    "plain_refusal",
    "plain_text",
    "run",
]
