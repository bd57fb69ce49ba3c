"""Which data folder a command is about."""

from __future__ import annotations

from pathlib import Path

from backends.local.folder import Folder
from backends.local.up import DATA
from core.errors import MuError

__all__ = ["find"]


def find(data: Path | None) -> Folder:
    """The data folder that is meant.

    :raises MuError: there is none, or more than one.
    """
    if data is not None:
        if not ((data / "store.db").exists() or (data / "up.lock").exists()):
            raise MuError(f"{data}: holds no application's data; give the folder of an `up`")
        return Folder(data, create=False)
    found = sorted(path for path in DATA.glob("*") if _has_data(path))
    if len(found) > 1:
        running = [path for path in found if Folder(path, create=False).running()]
        found = running if len(running) == 1 else found
    if len(found) == 1:
        return Folder(found[0], create=False)
    if not found:
        raise MuError(
            "there is no application's data below .mu2sls here: start one with "
            "`python -m backends.local up APP`, or say where they are with --data"
        )
    names = ", ".join(str(path) for path in found)
    raise MuError(f"several applications have data here: give one of {names} with --data")


def _has_data(path: Path) -> bool:
    """Whether a folder holds an application's data, or says in which cluster they are."""
    return Folder(path, create=False).choice() is not None
