"""Where an exception came from: the application's own lines, through the services called.

A trace is a list of places, the outermost first: ``apps/hotel/services.py:31 in Hotel.reserve``.
Files are named from their package on, so that a trace is the same on every machine; frames of the
executor and of libraries are left out. It travels and is recorded with the answer, so a request
that is asked again names the same places.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Elsewhere", "standing", "trace_of"]

_NOWHERE = "no line of the application"
_LONGEST = 16
"""Places that are kept, the innermost ones: a recursion without end has many."""
_ROOT = Path(__file__).resolve().parent.parent
_NOT_THE_APPLICATIONS = (
    *(f"{_ROOT / name}/" for name in ("core", "compiler")),
    *(f"{path}/" for name, path in sysconfig.get_paths().items() if name.endswith("lib")),
    "<",
)


class Elsewhere(Exception):
    """The cause of an exception that came from a service: its places there."""

    def __init__(self, trace: list[str]) -> None:
        super().__init__("\n".join(trace))
        self.trace = trace


def trace_of(exception: BaseException) -> list[str]:
    """The places that an exception went through, those in services called included; one at least.

    An exception of a class that the application defines, and one that ends a transaction, is an
    answer that was meant. Any other is a mistake of the program, and has a trace.
    """
    found = []
    step = exception.__traceback__
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith(_NOT_THE_APPLICATIONS):
            code = step.tb_frame.f_code
            found.append(f"{_file(step.tb_frame)}:{step.tb_lineno} in {code.co_qualname}")
        step = step.tb_next
    cause = exception.__cause__
    if isinstance(cause, Elsewhere):
        found += cause.trace
    return found[-_LONGEST:] or [_NOWHERE]


def _file(frame: FrameType) -> str:
    """The frame's file from its package on."""
    path, module = Path(frame.f_code.co_filename), _module(frame.f_globals)
    parts = module.count(".") + 1 + (path.stem == "__init__")
    return "/".join(path.parts[-parts:])


def _module(names: dict[str, Any]) -> str:
    return str(names.get("__name__", ""))


def standing(coroutine: Any, file: str, line: int) -> str:
    """``file:line`` of the statement that a coroutine stands at: the last one in its own file."""
    place = f"{file}:{line}"
    at: Any = coroutine
    while at is not None:
        frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None)
        if frame is not None and frame.f_code.co_filename == file:
            place = f"{file}:{frame.f_lineno}"
        at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None)
    return place
