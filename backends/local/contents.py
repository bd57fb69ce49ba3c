"""What is stored on this machine: shown by ``dump``, removed by ``erase``."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from backends.local.finding import find
from backends.local.folder import Folder
from backends.runtime.dump import dump as lines
from backends.stores import StoreChoice
from command_line import confirmed
from core.errors import MuError

__all__ = ["dump", "erase"]

_OURS = ("store.db*", "store.json", "up.json", "up.lock", "wire.key", "*.part", "nodes")
"""What `up` leaves in a data folder."""


def dump(data: Path | None, field: str, say: Callable[[str], object]) -> int:
    """Print every entry of the application's data, or of one field; the exit status.

    :raises MuError: there are none, or the store does not answer.
    """
    choice = _choice(find(data))
    asyncio.run(_dump(choice, field, say))
    return 0


async def _dump(choice: StoreChoice, field: str, say: Callable[[str], object]) -> None:
    store = await choice.calm().visit()
    try:
        async for line in lines(store, field):
            say(line)
    finally:
        await store.close()


def _choice(folder: Folder) -> StoreChoice:
    choice = folder.choice()
    if choice is None:
        raise MuError(f"{folder.path}: holds no application's data; give the folder of an `up`")
    return choice


def erase(data: Path | None, is_sure: bool, say: Callable[[str], object]) -> int:
    """Remove an application's data, and all that is remembered of its requests; the exit status.

    :raises MuError: it runs, nobody confirms, or something may be left.
    """
    folder = Folder(find(data).path)
    choice = _choice(folder)
    folder.claim()
    if not is_sure and not confirmed(f"All data in {choice} ({folder.path})", "erase"):
        raise MuError("nothing was erased: answer 'erase', or give --yes")
    asyncio.run(choice.erase())
    left = _remove(folder.path)
    say(f"erased {choice}" + (f"; {left} are not of `up` and were left" if left else ""))
    return 0


def _remove(path: Path) -> str:
    """Remove what `up` made; what else is there, by name."""
    for pattern in _OURS:
        for each in path.glob(pattern):
            try:
                shutil.rmtree(each) if each.is_dir() else each.unlink()
            except OSError as error:
                raise MuError(
                    f"{each}: cannot be removed: {error.strerror}: remove it yourself"
                ) from None
    left = sorted(each.name for each in path.iterdir())
    if not left:
        path.rmdir()
    return ", ".join(left)
