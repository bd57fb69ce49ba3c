"""Which application a service may be part of, when a smaller one was given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from compiler.errors import display_path
from compiler.sources import Layout

__all__ = ["where_else"]


def where_else(service: str, layout: Layout) -> str:
    """What to give instead of the application: where ``service`` is too; empty if unknown.

    One module of several was given, or a ``.csv`` that lists some: a ``.csv`` file near by may
    list the service, or a module of the same folder hold it.
    """
    own = {path.resolve() for path in layout.files.values()}
    folders = sorted({path.parent for path in own})
    for listing in _listings(folders):
        if listing != layout.listing and re.search(rf"^\s*{service}\s*,", _text(listing), re.M):
            return f"the application {display_path(listing)}, which lists {service}"
    for folder in folders:
        for module in sorted(folder.glob("*.py")):
            if re.search(rf"^class {service}\b", _text(module), re.M) and module not in own:
                return f"the application {display_path(folder)}: {module.name} has {service}"
    if len(own) == 1 and layout.listing is None:
        return "the application as a whole: its folder, or the .csv file that lists its modules"
    return ""


def _listings(folders: list[Path]) -> Iterator[Path]:
    """The ``.csv`` files of the folders and of those above them that the command may mean."""
    seen: set[Path] = set()
    for folder in folders:
        for above in (folder, *folder.parents):
            if above in seen:
                break
            seen.add(above)
            yield from sorted(above.glob("*.csv"))
            if above == Path.cwd():
                yield from sorted(above.glob("*/*.csv"))
                break


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""  # what cannot be read is no help
