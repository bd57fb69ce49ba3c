"""``python -m figures claims``: what the paper's evaluation says, and what comes out here.

One row for each claim: the figure published, the same from the results in a folder, and whether
they agree. All numbers of the table in ``docs/reproduction.md`` are of this command.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console

from figures.errors import CannotDraw
from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.published import Published, load
from figures.evaluation.series import Series, collect
from figures.marked import insert

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "tell"]

DESCRIPTION = """\
Lay the published numbers of the paper beside those of the results in a folder: how many
requests a second each configuration does at most, and what its switches cost.
"""

EXAMPLES = """\
examples:
  python -m figures && python -m figures claims
      the table, from figures/out/points
  python -m figures claims --source figures/out/points --write docs/reproduction.md
      the same, between the marks of a page
"""

_CLOSE: Final = 0.2
"""Numbers agree that differ by no more than this part of the published one."""

Lines = Callable[[str, str], Series]
"""A line, by benchmark and protocol."""


class _Claim(NamedTuple):
    """One row.

    :ivar published, here: None if it was not published, or not measured.
    """

    figure: int
    text: str
    published: float | None
    here: float | None
    unit: str = ""


def add_arguments(parser: argparse.ArgumentParser, jobs: int) -> None:  # noqa: ARG001
    """What the command takes."""
    add = parser.add_argument
    folder = Path("figures/out/points")
    add("--source", type=Path, default=folder, metavar="DIR", help="results (%(default)s)")
    add("--write", type=Path, metavar="PAGE", help="put the table into a page, between its marks")


def tell(options: argparse.Namespace, console: Console, _: Console) -> None:
    """Print the table, or write it into a page.

    :raises FiguresError: there are no results, or the page has no place for a table.
    """
    if not options.source.is_dir():
        raise CannotDraw(
            f"{options.source}: there is no such folder; measure first: python -m figures"
        )
    text = _table(options.source, load())
    if options.write:
        insert(options.write, "claims", text)
        console.print(f"Written: {options.write}", style="dim", markup=False, soft_wrap=True)
    else:
        console.print(text, markup=False, soft_wrap=True)


def _table(folder: Path, published: Published) -> str:
    known: dict[Line, Series] = {}

    def line(benchmark: str, protocol: str) -> Series:
        asked = Line(benchmark, protocol)
        if asked not in known:
            known[asked] = collect(folder, asked, published)
        return known[asked]

    rows = ["| figure | claim | published | here | |", "|---|---|---|---|---|"]
    for each in _claims(line):
        numbers = " | ".join(_shown(value, each.unit) for value in (each.published, each.here))
        command = f"`python -m figures {each.figure}`"
        rows.append(f"| {command} | {each.text} | {numbers} | {_verdict(each)} |")
    return "\n".join(rows) + "\n"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"


def _verdict(claim: _Claim) -> str:
    if claim.published is None or claim.here is None:
        return ""
    ratio = claim.here / claim.published
    return "agrees" if abs(ratio - 1) <= _CLOSE else f"{ratio:.2f} times the published"


# --- what is claimed


def _claims(line: Lines) -> list[_Claim]:
    found: list[_Claim] = []
    for name in ("counter", "chain"):
        whole, log = line(name, "popl23"), line(name, "popl23-no-fault-tolerance")
        buckets = line(name, "popl23-no-optimized-dict")
        locks = line(name, "popl23-unsafe-with-fault-tolerance")
        found += [
            _peak(9, f"`{name}`: requests per second at most", whole),
            _peak(9, f"`{name}`: the same without fault tolerance", log),
            _ratio(9, f"`{name}`: fault tolerance leaves of the throughput", whole, log),
            _first(9, f"`{name}`: median at one request per second", whole),
            _peak(10, f"`{name}`: at most, without the optimized dictionary", buckets),
            _ratio(10, f"`{name}`: the optimized dictionary multiplies it by", whole, buckets),
            _ratio(10, f"`{name}`: both, over neither that nor transactions", whole, locks),
        ]
    for name in BENCHMARKS:
        number = 11 if name in ("media", "hotel") else 10
        text = f"`{name}`: this system's throughput over the paper's"
        ours, whole = line(name, "mu2sls"), line(name, "popl23")
        found.append(_Claim(number, text, None, _over(_most(ours), _most(whole)), " x"))
    return found


def _peak(figure: int, text: str, line: Series) -> _Claim:
    return _Claim(figure, text, _most_published(line), _most(line), "/s")


def _ratio(figure: int, text: str, one: Series, other: Series) -> _Claim:
    said = _over(_most_published(one), _most_published(other))
    return _Claim(figure, text, said, _over(_most(one), _most(other)), " x")


def _first(figure: int, text: str, line: Series) -> _Claim:
    said = line.published[0].p50 if line.published else None
    return _Claim(figure, text, said, line.points[0].p50 if line.points else None, " ms")


def _most(line: Series) -> float | None:
    """The most that came out; unknown as long as no point was past it."""
    if not any(point.is_saturated for point in line.points):
        return None
    return max(point.achieved for point in line.points)


def _most_published(line: Series) -> float | None:
    return max((point.achieved for point in line.published), default=None)


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None
