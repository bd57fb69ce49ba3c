"""Compile errors: what is wrong, where, and what to write instead.

An application's errors are collected while it is compiled and raised together,
so that nobody has to mend them one run at a time.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import MuError

__all__ = [
    "ApplicationNotFound",
    "CompileError",
    "CompileErrors",
    "Problems",
    "WorkloadError",
    "display_path",
    "innermost_place",
]


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
    found: tuple[Path | None, int] = (None, 0)
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename in known:
            found = (known[frame.filename], frame.lineno or 1)
    if isinstance(error, SyntaxError) and error.filename in known:
        found = (known[error.filename], error.lineno or 1)
    return found


class ApplicationNotFound(MuError):
    """There is no such application; the message says what was tried."""


class WorkloadError(MuError):
    """The application's workload fails; the message names the entry, its file and line."""


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
        """``file:line:column``."""
        return f"{display_path(self.path)}:{self.line}:{self.column}"

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.what}"]
        stripped = self.text.strip()
        if stripped:
            indent = len(self.text) - len(self.text.lstrip())
            start = max(self.column - 1 - indent, 0)
            width = max(min(self.end_column - self.column, len(stripped) - start), 1)
            lines += [f"    {stripped}", "    " + " " * start + "^" * width]
        if self.remedy:
            lines.append(f"    instead: {self.remedy}")
        return "\n".join(lines)


class CompileErrors(MuError):
    """Every error of an application.

    :ivar errors: in the order of files and lines.
    """

    def __init__(self, errors: Sequence[CompileError]) -> None:
        self.errors = tuple(
            sorted(errors, key=lambda error: (str(error.path), error.line, error.column))
        )
        count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
        super().__init__("\n\n".join([*map(str, self.errors), count]))


class Problems:
    """Collects the errors of an application while it is compiled."""

    def __init__(self) -> None:
        self._errors: dict[tuple[Path, int, int, str], CompileError] = {}

    def add(self, path: Path, text: str, node: ast.AST | None, what: str, remedy: str) -> None:
        """Record that ``node`` in the module with this ``text`` cannot be compiled."""
        line = getattr(node, "lineno", 0)
        lines = text.splitlines()
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
