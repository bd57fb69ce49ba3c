"""What can be wrong with what figures are asked to draw."""

from __future__ import annotations

__all__ = ["BadResult", "CannotDraw", "CannotRun", "FiguresError", "NotComparable"]


class FiguresError(Exception):
    """Base of every error of this package; the message names the place and the remedy."""


class BadResult(FiguresError):
    """A file that is not there, is no result, or is of another version."""


class NotComparable(FiguresError):
    """Results that cannot stand side by side."""


class CannotDraw(FiguresError):
    """A picture that cannot be made or written."""


class CannotRun(FiguresError):
    """A run that a table needs and that cannot be made, or a page that cannot take the table."""
