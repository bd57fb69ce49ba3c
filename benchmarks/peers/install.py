"""Everyone's packages in an environment of their own, installed on first use.

An environment is complete when its stamp says what was asked for; anything else, an
installation that was broken off included, is made again.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.processes import Failed, output

__all__ = ["Absent", "node_modules", "prepare", "python_environment"]

_STAMP = "installed.txt"


class Absent(Exception):
    """Somebody cannot be installed here; the message says why."""


def prepare(cache: Path) -> None:
    """Make the folder of all environments, which git is to ignore."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n")


def python_environment(cache: Path, name: str, packages: Sequence[str]) -> Path:
    """The interpreter of a virtual environment with these packages.

    :raises Absent: they cannot be installed.
    """
    folder = cache / name
    python = folder / "bin" / "python"
    if not _complete(folder, packages):
        _install(folder, [sys.executable, "-m", "venv", folder])
        _install(folder, [python, "-m", "pip", "install", "--quiet", *packages])
        _stamp(folder, packages)
    return python


def node_modules(cache: Path, name: str, packages: Sequence[str]) -> Path:
    """The ``node_modules`` with these packages; their scripts are not run.

    :raises Absent: they cannot be installed.
    """
    folder = cache / name
    if not _complete(folder, packages):
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        _install(folder, ["npm", "install", *options, *packages])
        _stamp(folder, packages)
    return folder / "node_modules"


def _complete(folder: Path, packages: Sequence[str]) -> bool:
    stamp = folder / _STAMP
    if stamp.exists() and stamp.read_text() == "\n".join(packages):
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _stamp(folder: Path, packages: Sequence[str]) -> None:
    (folder / _STAMP).write_text("\n".join(packages))


def _install(folder: Path, command: list[str | Path]) -> None:
    try:
        output(command, folder.with_name(f"{folder.name}.log"))
    except Failed as failure:
        raise Absent(f"not installed: {failure}") from None
