"""The names under which an application's files are imported, and names that others have."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["NEEDED", "OURS", "identifier", "import_name", "is_ours", "owner_of"]

OURS = frozenset(
    {
        *("backends", "benchmarks", "command_line", "compiler", "core", "experiment"),
        *("figures", "own_files", "sim", "tests"),
    }
)
"""Top-level modules and packages of mu2sls itself."""

NEEDED = frozenset(
    {
        *("aiohttp", "ast_comments", "cronsim", "greenlet", "msgspec", "networkx", "rich"),
        *("ruamel", "simpy", "sortedcontainers", "uvloop"),
    }
)
"""Top-level packages that mu2sls imports, in one command or another."""

_HOME = Path(__file__).resolve().parents[1]


def owner_of(name: str) -> str:
    """Whose module the top-level ``name`` is already; empty if an application may have it.

    It does not depend on what has been imported, so that every command says the same.
    """
    if name in OURS:
        return "mu2sls"
    if name in sys.stdlib_module_names:
        return "Python's library"
    return f"{name}, a library that mu2sls needs" if name in NEEDED else ""


def import_name(path: Path) -> tuple[Path, str]:
    """The folder to search and the dotted name under which ``path`` is imported.

    A file below the working directory, in folders that could be packages, is named from there,
    or from the outermost folder that is a package.
    """
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) > 1 or (path.name != "__init__.py" and _is_free(path.stem)):
        return folder, ".".join(parts)
    if path.name == "__init__.py" and _is_free(path.parent.name):
        return folder, ".".join(parts)
    return folder, "app_" + identifier(path.stem)


def identifier(text: str) -> str:
    """``text`` with an underscore for whatever cannot stand in a name."""
    return "".join(c if c.isalnum() else "_" for c in text)


def is_ours(path: Path) -> bool:
    """Whether a file or folder lies beside the packages of mu2sls, in its own clone."""
    return path.resolve().is_relative_to(_HOME)


def _is_free(name: str) -> bool:
    """Whether a top-level module may be called ``name`` without hiding another."""
    if not name.isidentifier() or owner_of(name):
        return False
    known = sys.modules.get(name)
    return known is None or hasattr(known, "__mu2sls_text__") or not hasattr(known, "__file__")
