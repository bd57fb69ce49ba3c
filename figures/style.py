"""How pictures look, and how they are written.

The colours are those of Okabe and Ito ("Color universal design", 2008), which people
with any common kind of colour blindness can tell apart; lines differ in their
dashes as well, and every verdict is a word.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.comparison import Mood
from figures.errors import CannotDraw
from own_files import MARK, write

__all__ = ["COLOURS", "DASHES", "FORMATS", "INK", "MOODS", "plain", "save"]

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""One for each run, in order."""

DASHES: Final[tuple[Any, ...]] = (
    "solid",
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 3)),
)
"""One for each run, in order."""

INK: Final = {"text": "#1c2430", "quiet": "#6b7480", "line": "#c3c8d0", "grid": "#e6e9ee"}

MOODS: Final[dict[Mood, str]] = {
    "plain": INK["text"],
    "quiet": "#9aa2ad",
    "good": "#00724f",
    "bad": "#b03a00",
    "unclear": "#946200",
}

FORMATS: Final = (".svg", ".png", ".pdf")

_DPI = 160
_METADATA: Final[dict[str, dict[str, Any]]] = {
    ".svg": {"Date": None, "Description": MARK},
    ".png": {"Software": None, "Description": MARK},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None, "Subject": MARK},
}
"""Nothing that changes from day to day, and that the picture is ours."""


def plain(axes: Axes, title: str) -> None:
    """Take away what says nothing: the frame, and marks without numbers."""
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK["text"])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK["line"])
    axes.tick_params(colors=INK["quiet"], labelsize=9, length=3, color=INK["line"])
    axes.xaxis.label.set(color=INK["quiet"], fontsize=9)
    axes.yaxis.label.set(color=INK["quiet"], fontsize=9)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all; the same figure gives the same bytes.

    :raises CannotDraw: it is to be of another kind than FORMATS, or cannot be written.
    """
    if path.suffix not in FORMATS:
        kinds = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise CannotDraw(f"{path}: a picture is {kinds}; give a name that ends so")
    metadata = _METADATA[path.suffix]
    drawn = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "figures", "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(drawn, format=path.suffix[1:], dpi=_DPI, metadata=metadata)
    try:
        write(path, drawn.getvalue())
    except OSError as error:
        raise CannotDraw(
            f"{path}: cannot be written: {error.strerror}; give another place with -o"
        ) from None
