"""Files that a command writes: whole or not at all, and over nothing but what one wrote before.

What a command writes says so in its text (``MARK``, or the head of a result). A file that does
not is somebody's own, an application's source perhaps, and stays as it is.
It knows nothing of the rest, so that every package with a command line can use it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

__all__ = ["MARK", "see_free", "see_writable", "write", "writing"]

MARK: Final = "Written by mu2sls, which may write over it."
"""Stands near the beginning or the end of everything that has no head of its own."""

_HEADS: Final = (MARK.encode(), b'"format": "mu2sls-', b'{"event":"run","version":')
_NEAR: Final = 65_536


def see_free(path: Path) -> None:
    """See that there is nothing at ``path``, or what a command wrote.

    :raises FileExistsError: there is something else.
    """
    if path.is_file() and not _is_ours(path):
        said = "there is a file already, which mu2sls did not write"
        raise FileExistsError(errno.EEXIST, said, str(path))


def see_writable(path: Path) -> None:
    """See that a file can be written at ``path``, before what stands in it is worked out.

    :raises FileExistsError: there is one that no command wrote.
    :raises OSError: it cannot be written.
    """
    see_free(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        return  # a terminal, a pipe
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.NamedTemporaryFile(dir=Path(os.path.realpath(path)).parent):
            pass  # permissions do not tell: nobody can make a file in /proc
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def write(path: Path, content: str | bytes) -> None:
    """Write a file, see :func:`writing`."""
    with writing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; it takes its place when all is written.

    :raises FileExistsError: there is one that no command wrote.
    :raises OSError: it cannot be written.
    """
    see_free(path)
    if path.exists() and not path.is_file():  # a terminal, a pipe; a folder cannot be opened
        try:
            with path.open("wb") as file:
                yield file
        except OSError as error:
            error.filename, error.filename2 = str(path), None
            raise
        return
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
        assert _is_ours(part), f"{path} would not be known again"
        os.replace(part, target)
    except FileExistsError:
        raise
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        text = file.read(_NEAR)
        file.seek(max(os.path.getsize(path) - _NEAR, 0))
        text += file.read(_NEAR)
    return any(head in text for head in _HEADS)
