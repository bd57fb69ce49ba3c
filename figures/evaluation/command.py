"""``python -m figures [N ...]``: measures what the figures need, and draws them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from figures.errors import CannotDraw, FiguresError
from figures.evaluation.made import Picture
from figures.evaluation.pictures import PICTURES
from figures.evaluation.points import BACKENDS, PROFILE, Place, Point
from figures.evaluation.published import Published, load
from figures.evaluation.running import run
from figures.evaluation.sweeps import Sweep, together
from figures.progress import counting
from own_files import write

__all__ = ["DESCRIPTION", "EXAMPLES", "SECONDS", "add_arguments", "add_measuring", "draw"]

DESCRIPTION = """\
Measure what the paper's figures need, in the simulator or for real, and draw them: the published
points as hollow marks, the paper's protocol and ours on the same axes. What was measured before is
not measured again, so a run that broke off goes on where it was.
"""

EXAMPLES = """\
examples:
  python -m figures
      all of them: figures/out/figure-9.pdf, .png and .csv, and so on
  python -m figures 9 --quick
      one of them, from few points of few seconds
  python -m figures 9 --backend local --out runs/local
      the same figure from real processes of this machine
  python -m figures 9 11 --source runs/local
      draw again from the results in a folder, and measure nothing
"""

SECONDS, _QUICK_SECONDS = 10.0, 1.0
"""Of load, for each point."""
_SOURCE = "draw the results in DIR, and measure nothing; figure 16 takes two, to compare them"


def add_arguments(parser: argparse.ArgumentParser, jobs: int) -> None:
    """What the command takes."""
    add = parser.add_argument
    known = ", ".join(map(str, PICTURES))
    add("figures", nargs="*", type=_figure, metavar="N", help=f"which: {known} (all)")
    add("--quick", action="store_true", help="few points of few seconds, to see what comes out")
    add("--out", type=Path, default=Path("figures/out"), metavar="DIR", help="where (%(default)s)")
    add("--source", type=Path, action="append", metavar="DIR", help=_SOURCE)
    add_measuring(parser, jobs)


def add_measuring(parser: argparse.ArgumentParser, jobs: int) -> None:
    """What says how points are measured."""
    add = parser.add_argument
    add("--backend", choices=list(BACKENDS), default="sim", help="what measures (%(default)s)")
    add("--profile", default=PROFILE, metavar="P", help="the simulated platform (%(default)s)")
    add("--jobs", type=int, default=jobs, metavar="N", help="processes at once (%(default)s)")
    add("--quiet", action="store_true", help="show no progress")


def _figure(text: str) -> Picture:
    if text.isdecimal() and int(text) in PICTURES:
        return PICTURES[int(text)]
    known = ", ".join(map(str, PICTURES))
    raise argparse.ArgumentTypeError(f"there is no figure '{text}': give one of {known}")


def draw(options: argparse.Namespace, console: Console, errors: Console) -> None:
    """Measure what is missing, and draw.

    :raises FiguresError: bad input, or points that could not be measured.
    """
    wanted: list[Picture] = options.figures or list(PICTURES.values())
    _see_matplotlib()
    published = load()
    sources: list[Path] = options.source or []
    for source in sources:
        if not source.is_dir():
            raise CannotDraw(f"{source}: there is no such folder; give one that --out made")
    for figure in wanted:
        if len(sources) > figure.most:
            raise CannotDraw(
                f"figure {figure.number} is drawn from {figure.most} folder(s), not from "
                f"{len(sources)}; give --source less often"
            )
    if not sources:
        sources = [options.out / ("points-quick" if options.quick else "points")]
        _measure(wanted, sources[0], options, errors)
    for figure in wanted:
        written = _write(figure, sources, published, options.out)
        console.print(written, style="dim", markup=False, soft_wrap=True)


def _see_matplotlib() -> None:
    """Before anything is measured that could not be drawn then."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise CannotDraw(
            "pictures need matplotlib: install it with pip install matplotlib"
        ) from None


def _measure(
    wanted: Sequence[Picture], folder: Path, options: argparse.Namespace, errors: Console
) -> None:
    seconds = _QUICK_SECONDS if options.quick else SECONDS
    place = Place(folder, options.backend, seconds, options.profile)
    demands = together(demand for figure in wanted for demand in figure.demands())
    sweeps = [Sweep(place, each, options.quick) for each in demands]
    jobs = options.jobs if options.backend == "sim" else 1  # real ones would disturb each other
    with counting("points", errors, options.quiet) as bar:
        task = bar.add_task("measuring", total=None)

        def told(point: Point) -> None:
            line = point.line
            bar.update(task, advance=1, description=f"{line.benchmark} {line.protocol}")

        try:
            run(sweeps, jobs, told)
        except OSError as error:
            raise FiguresError(f"{error.filename}: cannot be written: {error.strerror}") from None


def _write(figure: Picture, sources: Sequence[Path], published: Published, out: Path) -> str:
    """Write the pictures and the numbers of a figure; says what was written."""
    from figures.style import save

    picture, numbers = figure.made(sources, published)
    base = out / f"figure-{figure.number}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for suffix in (".pdf", ".png"):
            save(picture, base.with_suffix(suffix))
        write(base.with_suffix(".csv"), numbers)
    except OSError as error:
        raise CannotDraw(
            f"{error.filename or base}: cannot be written: {error.strerror}; give another "
            "folder with --out"
        ) from None
    return f"Drawn: {base}.pdf, .png and .csv"
