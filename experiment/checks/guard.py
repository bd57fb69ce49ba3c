"""What the plain program may do only in a committed region.

Outside of one a strand (:mod:`experiment.checks.strands`) may not write, nor read the clock: doing
so is a :class:`Forbidden`, raised at the very statement.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from compiler import api, machine
from compiler.api.reference import Reference

__all__ = ["Forbidden", "guarded", "user_line"]

_OURS = {Path(__file__).parent, *map(Path, api.__path__), *map(Path, machine.__path__)}
"""Where frames are not the user's."""


class Forbidden(BaseException):
    """A method did what it may do only in a committed region.

    A BaseException, so that no ``except Exception`` of the user's hides it.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class _NoEntries(list[Any]):
    """The undo entries of a stretch in which nothing may be written."""

    def append(self, _: Any) -> None:
        raise Forbidden(f"writes state{user_line()}")

    def extend(self, entries: Any) -> None:
        if entries:
            raise Forbidden(f"keeps what a transaction wrote{user_line()}")


class guarded:  # noqa: N801 - used like a function
    """``with guarded(reference):`` nothing inside may write state; Forbidden if it does."""

    __slots__ = ("_reference", "_scope")

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def __enter__(self) -> None:
        undo = self._reference.undo
        self._scope = undo.begin(self)
        undo.open[-1].entries = _NoEntries()

    def __exit__(self, *_: object) -> None:
        self._reference.undo.rollback(self, self._scope)


def user_line() -> str:
    """`` at file:line`` of the user's statement that led here."""
    for frame in reversed(traceback.extract_stack()):
        if _OURS.isdisjoint(Path(frame.filename).parents):
            return f" at {frame.filename}:{frame.lineno}"
    return ""
