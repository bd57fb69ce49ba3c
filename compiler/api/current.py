"""The reference run that the API functions speak to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import MuError

if TYPE_CHECKING:
    from compiler.api.reference import Reference

__all__ = ["NotRunningError", "current", "enter", "leave", "running"]

_entered: list[Reference] = []


class NotRunningError(MuError):
    """The API was used outside any run."""


def running() -> Reference | None:
    """The current reference run, if there is one."""
    return _entered[-1] if _entered else None


def current() -> Reference:
    """The current reference run.

    :raises NotRunningError: there is none.
    """
    if not _entered:
        raise NotRunningError(
            "services run inside a reference run, a simulator or a backend, not by themselves: "
            "try `python -m compiler run APP Service.method ARGS`"
        )
    return _entered[-1]


def enter(reference: Reference) -> None:
    """Make ``reference`` current."""
    _entered.append(reference)


def leave() -> None:
    """Go back to the one that was current before."""
    _entered.pop()
