"""Files of other people that a command writes in: a part of a page, or a value of a profile."""

from __future__ import annotations

import os
from pathlib import Path

from figures.errors import CannotRun

__all__ = ["insert", "replace"]


def replace(file: Path, text: str) -> None:
    """Give a file other content, all of it or none.

    :raises CannotRun: it cannot be written.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise CannotRun(f"{file}: cannot be written: {error.strerror}") from None


def insert(page: Path, name: str, text: str) -> None:
    """Put ``text`` between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.

    :raises CannotRun: the page cannot be read or written, or lacks the marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    try:
        content = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"{page}: cannot be read: {error}") from None
    head, found, rest = content.partition(begin)
    _, ended, tail = rest.partition(end)
    if not (found and ended):
        raise CannotRun(f"{page}: has no marks; write '{begin}' and '{end}' where it is to stand")
    replace(page, f"{head}{begin}\n{text.strip()}\n{end}{tail}")
