"""The command line: check an application, look at what it became, try it.

Exit status: 0 done, 1 the method that was run raised an exception, 2 bad input, 130 after
Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from command_line import BAD_INPUT, ended
from compiler.errors import BadInput, CompileErrors, display_path
from compiler.stopping import stoppable
from core.errors import MuError

if TYPE_CHECKING:
    from compiler.application import Application
    from compiler.model import Service

__all__ = ["main"]

_APP = """\
APP is a package (apps/hotel or apps.hotel), a module (hotel.py or a dotted
name), a folder of modules, or a .csv file with ClassName,path lines.
"""

_EXAMPLES = f"""\
{_APP}
examples:
  python -m compiler check apps/hotel
  python -m compiler build apps/hotel -o build/
  python -m compiler graph apps/hotel -o hotel.dot
  python -m compiler run apps/hotel Hotel.free hotel-01
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    complaints = Console(stderr=True, soft_wrap=True, highlight=False)
    return ended(lambda: _run_command(options, complaints), complaints.print)


def _run_command(options: argparse.Namespace, complaints: Console) -> int:
    try:
        with stoppable():
            status: int = options.command(options)
    except CompileErrors as errors:
        _show_errors(complaints, errors)
        return BAD_INPUT
    except MuError as error:
        complaints.print(Text.assemble(("error: ", "bold red"), str(error)))
        return BAD_INPUT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m compiler",
        description="Compile services written as plain Python classes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str, command: object) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=_APP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.add_argument("app", metavar="APP", help="the application, see below")
        made.set_defaults(command=command)
        return made

    add("check", "Say what every method does to state, or what cannot be compiled.", _check)
    build = add("build", "Write the compiled modules as readable Python.", _build)
    build.add_argument("-o", "--out", metavar="DIR", type=Path, default=Path("build"))
    graph = add("graph", "Write the application's graph.", _graph)
    graph.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        type=Path,
        help=".dot, .graphml, .json, or a picture (.png, .svg, .pdf; needs matplotlib); "
        "DOT on the screen if left out",
    )
    run = add("run", "Run one method of the plain, uncompiled classes.", _run)
    run.add_argument("target", metavar="Service.method")
    run.add_argument(
        "arguments",
        metavar="ARGS",
        nargs="*",
        help="JSON ('[1, 2]', '\"text\"', 3), or bare words, which are strings; name=value too",
    )
    run.add_argument(
        "--as",
        dest="caller",
        default="",
        metavar="NAME",
        help="who asks, of the workload's CALLERS",
    )
    run.add_argument("--empty", action="store_true", help="without the workload's set-up data")
    run.add_argument("--seed", type=_seed, metavar="N", help="seed of random numbers and uuids")
    return parser


def _seed(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no seed: give a whole number") from None


def _show_errors(console: Console, errors: CompileErrors) -> None:
    for error in errors.errors:
        first, *rest = str(error).splitlines()
        place, what = first[: len(error.place)], first[len(error.place) :]
        console.print(Text.assemble((place, "bold"), (what, "red")))
        for line in rest:
            style = "green" if line.lstrip().startswith("instead:") else ""
            console.print(Text(line, style=style))
        console.print()
    count = len(errors.errors)
    console.print(Text(_counted(count, "error"), style="bold red"))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _load(app: str) -> Application:
    from compiler.application import load

    return load(app)


def _check(options: argparse.Namespace) -> int:
    application = _load(options.app)
    console = Console()
    for service in application.declared.services.values():
        console.print(_table(service))
    methods = sum(len(s.methods) for s in application.declared.services.values())
    count = len(application.declared.services)
    console.print(
        f"[bold green]{escape(application.name)} compiles:[/] "
        f"{_counted(count, 'service')}, {_counted(methods, 'method')}"
    )
    return 0


def _table(service: Service) -> Table:
    place = f"{display_path(service.plain.source.path)}:{service.node.lineno}"
    table = Table(title=f"[bold]{service.name}[/]  [dim]{escape(place)}[/]", title_justify="left")
    for heading in ("method", "effect", "commits", "touches", "calls"):
        table.add_column(heading, overflow="fold")
    for method in service.methods.values():
        facts = method.facts
        effect = "[green]reads only[/]" if facts.read_only else "[yellow]writes[/]"
        if facts.read_only and not facts.footprint and not facts.callees:
            effect = "[dim]computes[/]"
        commits = "one" if facts.single_region else "several"
        name = method.name + (" [dim]recursive[/]" if facts.recursive else "")
        table.add_row(
            name,
            effect,
            "none" if facts.read_only else commits,
            "\n".join(sorted(facts.footprint)),
            "\n".join(sorted(facts.callees)),
        )
    return table


def _build(options: argparse.Namespace) -> int:
    from compiler.emit import emit

    console = Console(soft_wrap=True)
    application = _load(options.app)
    with _writing(options.out):
        written = emit(application, options.out)
    for path in written:
        console.print(f"wrote {display_path(path.absolute())}", highlight=False)
    return 0


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """:raises BadInput: what is to be written cannot be."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{error.filename or out}: cannot be written: {error.strerror}: give another place "
            "with -o"
        ) from None


def _graph(options: argparse.Namespace) -> int:
    from compiler.export import graph_writer, to_dot

    if options.out is None:
        sys.stdout.write(to_dot(_load(options.app).graph))
        return 0
    writer = graph_writer(options.out)
    application = _load(options.app)
    with _writing(options.out):
        writer(application, options.out)
    Console(soft_wrap=True).print(f"wrote {options.out}", highlight=False)
    return 0


def _run(options: argparse.Namespace) -> int:
    from compiler.try_out import try_out

    return try_out(
        _load(options.app),
        options.target,
        options.arguments,
        options.empty,
        options.seed,
        options.caller,
    )
