"""The command line: ``python -m figures``, and its commands.

Tables go to standard output, errors to standard error. The exit status is 0, or 2
for bad input.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from command_line import BAD_INPUT, ended
from figures import faults
from figures.calibration import command as calibration
from figures.comparison import compare
from figures.errors import CannotDraw, FiguresError
from figures.evaluation import artifact, claims, peaks
from figures.evaluation import command as evaluation
from figures.runs import MOST, load
from figures.table import print_comparison

__all__ = ["main"]

_DRAW = "draw"
"""The command that is meant when none is given."""

_DESCRIPTION = """\
The paper's figures with ours in them, and results side by side. Without a command: draw.
"""

_APPS = ("apps/hotel", "apps/tree", "apps/media", "apps/bank")
_PROTOCOLS = (
    "mu2sls",
    "popl23",
    "popl23-no-fault-tolerance",
    "popl23-no-optimized-dict",
    "popl23-transactions-only",
    "popl23-unsafe-with-fault-tolerance",
    "popl23-unsafe",
    "unsafe",
)
_MOST = 100_000
_FAULTS = """\
Run each kind of fault by itself, in the simulator, with each protocol and several seeds,
and say which check fell. Runs python -m sim from the folder of the repository; stopped,
it goes on where it was.
"""

_COMPARE = f"""\
Put the results of 1 to {MOST} runs side by side: one table and one picture. They may
be of any backend. The first is A; beside each other run stands its ratio to A.
"""

_EXAMPLES = """\
examples:
  python -m sim scenarios/crash.yaml --out runs/full
  python -m sim scenarios/crash.yaml --protocol unsafe --out runs/unsafe
  python -m figures compare runs/full/result.json runs/unsafe/result.json
      print the table, and draw runs/full/compare.png
  python -m figures compare runs/full runs/unsafe -o compare.svg
      the same from the folders; the picture's kind follows from its name

reading the table:
  throughput       answers per second of load; goodput: those given in time
  latency          from the moment a request was meant to be sent, with retries
  B/A              the value of B over that of A
  aborts           commits that the store refused because of a conflict

exit status:
  0  compared
  2  bad input: the message names the file and the remedy

docs/figures.md describes the picture.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in (*_COMMANDS, "-h", "--help"):
        given.insert(0, _DRAW)
    options = _parser().parse_args(given)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    return ended(lambda: _run(options, errors), errors.print)


def _run(options: argparse.Namespace, errors: Console) -> int:
    try:
        options.command(options, Console(highlight=False), errors)
    except FiguresError as error:
        errors.print(str(error), markup=False)
        return BAD_INPUT
    return 0


def _compare(options: argparse.Namespace, console: Console, _: Console) -> None:
    paths = [Path(each) for each in options.results]
    runs = load(paths)
    picture = Path(options.output) if options.output else _beside(paths[0])
    try:
        from figures.picture import draw_comparison
        from figures.style import save
    except ImportError:
        raise CannotDraw(
            "a picture needs matplotlib: install it with pip install matplotlib"
        ) from None
    save(draw_comparison(runs), picture)
    print_comparison(console, runs, compare(runs))
    console.print(f"Drawn: {picture}", style="dim", markup=False, soft_wrap=True)


def _faults(options: argparse.Namespace, console: Console, errors: Console) -> None:
    cells = [
        faults.Cell(app, kind, protocol)
        for app in options.apps
        for protocol in options.protocols
        for kind in options.kinds
    ]

    def progress(done: int, cell: faults.Cell) -> None:
        errors.print(f"{done} of {len(cells)}: {' '.join(cell)}", style="dim")

    found = faults.make(cells, options.seeds, options.jobs, Path(options.out), progress)
    text = faults.table(found, options.seeds)
    if options.write:
        faults.insert(Path(options.write), text)
        console.print(f"Written: {options.write}", style="dim", markup=False, soft_wrap=True)
    else:
        console.print(text, markup=False, soft_wrap=True)


def _list(text: str) -> list[str]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise argparse.ArgumentTypeError("there is nothing in this list: give names, as a,b")
    return found


def _kinds(text: str) -> list[str]:
    for kind in _list(text):
        if kind not in faults.KINDS:
            known = ", ".join(faults.KINDS)
            raise argparse.ArgumentTypeError(f"there is no kind '{kind}': give some of {known}")
    return _list(text)


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to {_MOST}")
    return int(text)


def _beside(result: Path) -> Path:
    folder = result if result.is_dir() else result.parent
    return folder / "compare.png"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m figures",
        description=_DESCRIPTION,
        epilog="python -m figures COMMAND --help says more.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    jobs = os.cpu_count() or 1
    for name, text, module, run in _POINTS:
        command = commands.add_parser(
            name,
            help=text,
            description=module.DESCRIPTION,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command, jobs)
        command.set_defaults(command=run)
    command = commands.add_parser(
        "compare",
        help="put runs side by side: a table and a picture",
        description=_COMPARE,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument(
        "results", nargs="+", metavar="RESULT", help="a result.json, or the folder it is in"
    )
    command.add_argument(
        "-o",
        "--output",
        default="",
        metavar="PICTURE",
        help="where to draw, .svg or .png (compare.png beside the first result)",
    )
    command.set_defaults(command=_compare)
    _add_faults(commands)
    return parser


def _add_faults(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "faults",
        help="which check falls under which fault, with which protocol: a table",
        description=_FAULTS,
        allow_abbrev=False,
    )
    add = command.add_argument
    add("--apps", type=_list, default=list(_APPS), metavar="A,A", help=", ".join(_APPS))
    add("--protocols", type=_list, default=list(_PROTOCOLS), metavar="P,P", help="all of them")
    add("--kinds", type=_kinds, default=list(faults.KINDS), metavar="K,K", help="all of them")
    add("--seeds", type=_number, default=20, metavar="N", help="for each entry (%(default)s)")
    add(
        "--jobs",
        type=_number,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes at once (%(default)s)",
    )
    add("--out", default="runs/faults", metavar="DIR", help="keeps what was found (%(default)s)")
    add("--write", default="", metavar="PAGE", help="put the table into a page, between its marks")
    command.set_defaults(command=_faults)


_POINTS: tuple[tuple[str, str, Any, Any], ...] = (
    (_DRAW, "measure what the paper's figures need, and draw them", evaluation, evaluation.draw),
    ("eval", "run the evaluation as the paper's artifact did", artifact, artifact.evaluate),
    (
        "peaks",
        "tabulate what each protocol can do at most, from measured points",
        peaks,
        peaks.peaks,
    ),
    ("claims", "the published numbers beside ours: a table", claims, claims.tell),
    (
        "calibrate",
        "compare a simulated platform with the published points, or fit it to them",
        calibration,
        calibration.calibrate,
    ),
)
"""Commands about points: name, help, module, and what runs it."""

_COMMANDS = (_DRAW, "eval", "peaks", "claims", "calibrate", "compare", "faults")
