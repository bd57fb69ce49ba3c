"""What the compiler knows about Python's own library and about the user API."""

from __future__ import annotations

import pathlib
import random
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import compiler as facade
from compiler.api.outside import OutsideFunction

__all__ = [
    "BUILDERS",
    "CHANGE_ARGUMENTS",
    "CLOCK",
    "CONTAINERS",
    "FORBIDDEN",
    "ITERATING",
    "JUDGES",
    "MUTATORS",
    "RANDOM_METHODS",
    "UUIDS",
    "forbidden",
    "is_nondeterministic",
    "is_path",
    "is_stateful",
    "operation",
]

_OPERATIONS: Final = {
    "call": "call",
    "SyncInvoke": "call",
    "spawn": "spawn",
    "AsyncInvoke": "spawn",
    "gather": "gather",
    "wait": "wait",
    "Wait": "wait",
    "WaitAll": "wait_all",
    "start": "start",
    "sleep": "sleep",
    "result": "result",
    "cancel": "cancel",
    "timeout": "timeout",
    "event": "event",
    "signal": "signal",
    "transaction": "transaction",
    "BeginTx": "begin",
    "CommitTx": "commit",
    "abort": "abort",
    "AbortTx": "abort",
    "AbortTxNoExc": "rollback",
    "caller": "caller",
    "outside": "outside",
}
_BY_IDENTITY: Final = {id(getattr(facade, name)): meaning for name, meaning in _OPERATIONS.items()}


def operation(value: Any) -> str | None:
    """Which operation of the user API, ours or the paper's, ``value`` is."""
    if isinstance(value, OutsideFunction):
        return "ask"
    return _BY_IDENTITY.get(id(value))


CLOCK: Final = {
    "time.time": "time",
    "time.time_ns": "time_ns",
    "time.monotonic": "monotonic",
    "time.monotonic_ns": "monotonic_ns",
    "time.perf_counter": "perf_counter",
    "time.perf_counter_ns": "perf_counter_ns",
    "time.gmtime": "gmtime",
    "time.localtime": "localtime",
    "time.ctime": "ctime",
    "datetime.datetime.now": "datetime_now",
    "datetime.datetime.utcnow": "datetime_utcnow",
    "datetime.datetime.today": "datetime_today",
    "datetime.date.today": "date_today",
}
"""Clock readings, and the functions of :mod:`compiler.runtime` that take their place."""

UUIDS: Final = {"uuid.uuid1": "uuid1", "uuid.uuid4": "uuid4"}

RANDOM_METHODS: Final = frozenset(
    name
    for name in dir(random.Random)
    if not name.startswith("_")
    and callable(getattr(random, name, None))
    and name not in ("seed", "getstate", "setstate")
)


def is_nondeterministic(name: str) -> bool:
    """Whether the function with this documented name reads the clock, or chance."""
    owner, _, method = name.rpartition(".")
    return name in CLOCK or name in UUIDS or (owner == "random" and method in RANDOM_METHODS)


_OUTSIDE: Final = "a function at module level that is decorated with @outside"
_FILES: Final = (
    "files are outside the service's state: reads and writes would not be remembered",
    f"a Persistent field, or {_OUTSIDE}",
)
_NETWORK: Final = (
    "the network would be used again by every retry",
    f"{_OUTSIDE}, or call(...) of another service",
)
_ENDS: Final = (
    "a method cannot end the process, which serves others as well",
    f"return, or raise; what ends another process is {_OUTSIDE}",
)
_DEBUGGER: Final = (
    "a debugger would hold up everybody",
    f"raise, a test of the plain class, or {_OUTSIDE}",
)
_IMPORTS: Final = (
    "what is imported by name cannot be compiled",
    f"import at the top of the module, or {_OUTSIDE}",
)

FORBIDDEN: Final = {
    "time.sleep": (
        "sleeping in the process holds a worker, and a crash forgets it",
        "sleep(...) of compiler, which holds nothing, or start(...) of what is due later",
    ),
    "random.seed": (
        "the random numbers of a request are its own and cannot be seeded",
        "random.Random(seed) for a sequence of your own",
    ),
    "random.getstate": ("the random state is the request's own", "random.Random(seed)"),
    "random.setstate": ("the random state is the request's own", "random.Random(seed)"),
    "uuid.uuid6": ("uuid6 is not supported", "uuid.uuid4()"),
    "uuid.uuid7": ("uuid7 is not supported", "uuid.uuid4()"),
    "uuid.uuid8": ("uuid8 is not supported", "uuid.uuid4()"),
    "uuid.getnode": ("the machine differs between executions of a request", "uuid.uuid4()"),
    "time.process_time": ("processor time differs between executions", "time.perf_counter()"),
    "time.process_time_ns": ("processor time differs between executions", "time.perf_counter_ns()"),
    "time.thread_time": ("processor time differs between executions", "time.perf_counter()"),
    "io.open": _FILES,
    "_io.open": _FILES,
    "builtins.open": _FILES,
    "sys.exit": _ENDS,
    "_sitebuiltins.Quitter": _ENDS,
    "builtins.breakpoint": _DEBUGGER,
    "builtins.__import__": _IMPORTS,
    "builtins.compile": ("what is compiled when it runs is not seen before", "the code itself"),
    "builtins.input": ("a service has nobody to ask", "an argument of the method"),
    "builtins.eval": ("eval cannot be compiled", "the expression itself"),
    "builtins.exec": ("exec cannot be compiled", "the statements themselves"),
    "builtins.globals": ("module-level state is not kept", "a Persistent field"),
    "builtins.locals": ("locals() differs between plain and compiled code", "the names themselves"),
    "builtins.vars": ("vars() differs between plain and compiled code", "the names themselves"),
    "builtins.super": (
        "super() means something in a call of a method alone",
        "super().method(...)",
    ),
    "builtins.id": ("identities differ between executions of a request", "uuid.uuid4()"),
    "builtins.hash": (
        "hashes differ between processes",
        "hashlib.sha256(...), which is the same everywhere",
    ),
    "_socket.gethostname": ("the machine differs between executions", "a constant"),
}
"""What cannot be compiled: why, and what to write instead."""

_FORBIDDEN_MODULES: Final = {
    "asyncio": (
        "asyncio is not available inside a service",
        "spawn(...) and gather(...) for concurrency",
    ),
    "threading": ("threads are not available inside a service", "spawn(...) and gather(...)"),
    "multiprocessing": (
        "processes are not available inside a service",
        "spawn(...) and gather(...)",
    ),
    "concurrent.futures": ("threads are not available inside a service", "spawn(...)"),
    "subprocess": ("other programs would be run again by every retry", _OUTSIDE),
    **dict.fromkeys(
        ("pathlib.Path", "pathlib._local.Path", "pathlib._abc.PathBase"),  # two are Python 3.13's
        (_FILES[0], f"pathlib.PurePath for names alone; {_FILES[1]}"),
    ),
    "ctypes": ("what a foreign library does would be done again by every retry", _OUTSIDE),
    "importlib": _IMPORTS,
    "pdb": _DEBUGGER,
    **dict.fromkeys(
        (
            *("socket", "ssl", "urllib.request", "http.client", "requests", "httpx", "aiohttp"),
            *("urllib3", "smtplib", "ftplib", "imaplib", "poplib", "xmlrpc", "webbrowser"),
        ),
        _NETWORK,
    ),
    "sqlite3": (
        "a database of your own is outside the service's state",
        f"a Persistent field, or {_OUTSIDE}",
    ),
    "signal": ("signals belong to the process, not to a request", "nothing"),
    **dict.fromkeys(("tempfile", "shutil", "fileinput", "glob", "genericpath"), _FILES),
}
_OS_HARMLESS: Final = ("os.path", "os.fspath", "os.sep", "posix.urandom", "posix.getrandom")


def is_path(value: object) -> bool:
    """Whether ``value`` is a path that reads and writes, and not merely a name."""
    return isinstance(value, pathlib.Path)


def forbidden(name: str) -> tuple[str, str] | None:
    """Why something with this documented name cannot be used, and the remedy; else None."""
    if name in FORBIDDEN:
        return FORBIDDEN[name]
    for module, reason in _FORBIDDEN_MODULES.items():
        if name == module or name.startswith((module + ".", f"_{module}.")):
            return reason
    if name.startswith(("os.", "posix.")) and not name.startswith(_OS_HARMLESS):
        return (
            "the operating system is outside the service's state",
            f"a Persistent field, or {_OUTSIDE}",
        )
    return None


CONTAINERS: Final[tuple[type, ...]] = (dict, list, set, bytearray, deque)
"""What is changed in place."""


def is_stateful(value: object) -> bool:
    """Whether using ``value`` changes it: a random stream, an iterator."""
    return isinstance(value, random.Random | Iterator)


MUTATORS: Final = frozenset(
    {
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
        *("update", "setdefault", "popitem", "add", "discard", "difference_update"),
        *("intersection_update", "symmetric_difference_update", "appendleft", "popleft"),
    }
)
"""Methods of containers that change them."""

ITERATING: Final = (
    *("list", "tuple", "enumerate", "zip", "map", "filter", "iter", "sum", "min", "max"),
    *("sorted", "reversed"),
)
"""Builtins that iterate over what they are given."""

BUILDERS: Final = (*ITERATING, "set", "frozenset", "dict")
"""Builtins that keep no reference to what they are given, but to its elements."""

JUDGES: Final = (
    *("any", "all", "len", "bool", "int", "float", "str", "repr", "bytes", "complex", "abs"),
    *("round", "pow", "divmod", "format", "print", "range", "isinstance", "ascii", "ord", "chr"),
    *("hex", "bin", "oct", "callable"),
)
"""Builtins that keep no reference to anything in what they are given."""

CHANGE_ARGUMENTS: Final = frozenset(
    {
        *("_heapq.heappush", "_heapq.heappop", "_heapq.heapify", "_heapq.heapreplace"),
        *("_heapq.heappushpop", "_bisect.insort_left", "_bisect.insort_right"),
        *("_operator.setitem", "_operator.delitem", "_operator.iadd", "_operator.ior"),
        *("_operator.iconcat", "_operator.isub", "_operator.iand", "_operator.ixor"),
    }
)
"""Functions of Python's library that change their first argument."""
