"""Compile errors: what is wrong, where, and what to write instead.

An application's errors are collected while it is compiled and raised together,
so that nobody has to mend them one run at a time.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import MuError

__all__ = [
    "ApplicationNotFound",
    "BadInput",
    "CompileError",
    "CompileErrors",
    "Problems",
    "WorkloadError",
    "display_path",
    "innermost_place",
    "marked",
    "raised",
    "source_line",
]


class BadInput(MuError):
    """The command line asks for what is not there; the message says what is."""


_LONGEST = 200
"""So many characters of a source line are shown."""


def display_path(path: Path) -> str:
    """``path`` as a person would write it: relative to the working directory if below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def innermost_place(error: BaseException, files: Iterable[Path]) -> tuple[Path | None, int]:
    """The innermost file of ``files`` and its line where ``error`` was raised; None and 0 if none.

    What is raised of code that does not compile has the place of that code.
    """
    known = {str(path): path for path in files}
    if isinstance(error, SyntaxError) and error.filename in known:
        return known[error.filename], error.lineno or 1
    frame = _innermost_frame(error, known)
    return (None, 0) if frame is None else (known[frame.filename], frame.lineno or 1)


def _innermost_frame(error: BaseException, known: Container[str]) -> traceback.FrameSummary | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame for frame in reversed(frames) if frame.filename in known), None)


@dataclass(frozen=True, slots=True)
class CompileError:
    """One thing that cannot be compiled correctly.

    :ivar line: from 1; ``column`` and ``end_column`` from 1, as editors count; 0 when unknown.
    :ivar text: the source line.
    :ivar what: what is wrong.
    :ivar remedy: what to write instead.
    """

    path: Path
    line: int
    column: int
    end_column: int
    text: str
    what: str
    remedy: str

    @property
    def place(self) -> str:
        """``file:line:column``, or the file alone if the line is not known."""
        file = display_path(self.path)
        return f"{file}:{self.line}:{self.column}" if self.line else file

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.what}", *marked(self.text, self.column, self.end_column)]
        if self.remedy:
            lines.append(f"    instead: {self.remedy}")
        return "\n".join(lines)


def raised(error: BaseException, files: Sequence[Path], what: str, remedy: str) -> CompileError:
    """What user code raised, at the innermost line of ``files`` that it was raised from.

    :param files: the application's; the first stands for the place if it was none of them.
    """
    path, line = innermost_place(error, files)
    if path is None:
        return CompileError(files[0], 0, 0, 0, "", what, remedy)
    text = source_line(path, line)
    start, end = _columns(error, str(path), line, text)
    return CompileError(path, line, start, end, text, what, remedy)


def source_line(path: Path, line: int) -> str:
    """A line of a file, from 1, without its end; empty if there is none."""
    linecache.checkcache(str(path))
    return linecache.getline(str(path), line).rstrip()


def _columns(error: BaseException, file: str, line: int, text: str) -> tuple[int, int]:
    """From where to where, from 1, the code that raised ``error`` stands in its line."""
    start, end = len(text) - len(text.lstrip()) + 1, len(text) + 1
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.offset or start, (error.offset or start) + 1
    frame = _innermost_frame(error, {file})
    if frame is None or frame.colno is None:  # Python was told not to keep columns
        return start, end
    if frame.end_lineno == line and frame.end_colno is not None:
        end = _characters(text, frame.end_colno) + 1
    return _characters(text, frame.colno) + 1, end


def marked(text: str, column: int, end_column: int) -> list[str]:
    """A source line and carets below what stands from ``column`` to ``end_column``, from 1.

    Nothing for a blank line; of a very long one, what stands around the carets.
    """
    stripped = text.strip()
    if not stripped:
        return []
    start = max(column - 1 - (len(text) - len(text.lstrip())), 0)
    width = max(min(end_column - column, len(stripped) - start), 1)
    first = max(start - _LONGEST // 2, 0) if len(stripped) > _LONGEST else 0
    shown = stripped[first : first + _LONGEST]
    start -= first
    carets = "^" * max(min(width, len(shown) - start), 1)
    return [f"    {shown}", "    " + " " * start + carets]


class ApplicationNotFound(MuError):
    """There is no such application.

    :ivar what: what is wrong, and what was tried.
    :ivar remedy: what to give instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


class CompileErrors(MuError):
    """Every error of an application.

    :ivar errors: in the order of files and lines.
    :param asked_by: the place that asked for the application, if that is worth telling.
    """

    def __init__(self, errors: Sequence[CompileError], asked_by: str = "") -> None:
        self.errors = tuple(
            sorted(errors, key=lambda error: (str(error.path), error.line, error.column))
        )
        count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
        if asked_by:
            count += f" in the application that {asked_by} asks for"
        super().__init__("\n\n".join([*map(str, self.errors), count]))


class WorkloadError(CompileErrors):
    """The application's workload fails when it is used: set-up, or arguments of requests."""


class Problems:
    """Collects the errors of an application while it is compiled."""

    def __init__(self) -> None:
        self._errors: dict[tuple[Path, int, int, str], CompileError] = {}

    def add(self, path: Path, text: str, node: ast.AST | None, what: str, remedy: str) -> None:
        """Record that ``node`` in the module with this ``text`` cannot be compiled."""
        line = getattr(node, "lineno", 0)
        lines = text.split("\n")
        shown = lines[line - 1] if 0 < line <= len(lines) else ""
        start = _characters(shown, getattr(node, "col_offset", -1)) + 1
        end = start + 1
        if getattr(node, "end_lineno", None) == line:
            end = _characters(shown, getattr(node, "end_col_offset", 0)) + 1
        elif line:
            end = len(shown) + 1
        self.add_error(CompileError(path, line, start, end, shown, what, remedy))

    def add_error(self, error: CompileError) -> None:
        """Record an error; the same one is kept once."""
        self._errors.setdefault((error.path, error.line, error.column, error.what), error)

    def __bool__(self) -> bool:
        return bool(self._errors)

    def __len__(self) -> int:
        return len(self._errors)

    def raise_if_any(self) -> None:
        """Raise what was collected.

        :raises CompileErrors: something was.
        """
        if self._errors:
            raise CompileErrors(list(self._errors.values()))


def _characters(line: str, byte_offset: int) -> int:
    """The character offset of a UTF-8 byte offset, as :mod:`ast` counts columns."""
    return len(line.encode()[: max(byte_offset, 0)].decode(errors="ignore"))
