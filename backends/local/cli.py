"""The command line of the local backend: an application on one machine, for real.

Exit status: 0 done (``run``: every check holds), 1 something fails, 2 bad input, 3 not known
(``run``: inconclusive; ``invoke``: nobody knows whether it happened), 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
from rich.console import Console
from rich.text import Text

from backends.local.values import duration, limit, numbers, port, seconds, workers
from backends.runtime.logs import LEVELS
from backends.runtime.settings import Settings
from command_line import BAD_INPUT, ended
from core.errors import MuError
from core.promises import STATES
from core.protocol import OURS, PROTOCOLS

__all__ = ["main"]

_DESCRIPTION = """\
Run an application on this machine for real: every service as its own processes, a
gateway that speaks HTTP and JSON, SQLite as the store, recovery and retention beside them.
"""

_EXAMPLES = """\
APP is a package (apps/hotel or apps.hotel), a module, a folder, or a .csv file.

examples:
  python -m backends.local up apps/hotel
      start it, and say where it can be reached; Ctrl-C stops it, a second `up` goes on
  python -m backends.local invoke Hotel.free hotel-01
      call a method of the application that is up
  python -m backends.local run scenarios/crash.yaml
      a scenario with real processes and real faults, checked as in the simulator
  python -m backends.local bench apps/hotel --compare
      what it can do on this machine, and what the protocol costs
  python -m backends.local status
      what runs, what the store holds, and what was set aside
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    return ended(lambda: _run_command(options, errors), errors.print)


def _run_command(options: argparse.Namespace, errors: Console) -> int:
    try:
        status: int = options.command(options)
    except MuError as error:
        errors.print(Text.assemble(("error: ", "bold red"), str(error)))
        return BAD_INPUT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backends.local",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(commands)
    _add_invoke(commands)
    _add_run(commands)
    _add_status(commands)
    _add_requests(commands)
    _add_schedules(commands)
    _add_resume(commands)
    _add_gc(commands)
    _add_dump(commands)
    _add_erase(commands)
    _add_bench(commands)
    _add_calibrate(commands)
    return parser


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add(
    commands: _Commands, name: str, text: str, command: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    made.set_defaults(command=command)
    return made


def _add_up(commands: _Commands) -> None:
    up = _add(commands, "up", "Start an application and keep it running.", _up)
    add = up.add_argument
    add("app", metavar="APP", help="the application")
    add("--port", type=port, default=8080, metavar="N", help="the gateway's port (%(default)s)")
    add("--data", type=Path, metavar="DIR", help="where its data are (.mu2sls/APP)")
    _add_workers(up)
    _add_store(up)
    add(
        "--namespace",
        default="",
        metavar="NAME",
        help="its part of a FoundationDB cluster (that of the application's name)",
    )
    add(
        "--retention",
        type=duration,
        default=Settings().retention,
        metavar="TIME",
        help="how long finished requests are remembered, as 30m, 12h, 7d (1d)",
    )
    add(
        "--step-limit",
        type=duration,
        default=Settings().step_limit,
        metavar="TIME",
        help="how long a method may compute without asking for anything (1m)",
    )
    _add_what_runs(up)
    add(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that the gateway may be called by, besides localhost and addresses",
    )
    add("--auth", default="none", metavar="HOW", help="who callers are: none, keys:FILE, jwt:FILE")
    add(
        "--log-level",
        choices=LEVELS,
        default="info",
        help="the least that is logged; info has a line for each request (%(default)s)",
    )
    add(
        "--log-format",
        choices=["text", "json"],
        default="text",
        help="lines for people, or a JSON object a line (%(default)s)",
    )


def _add_invoke(commands: _Commands) -> None:
    invoke = _add(commands, "invoke", "Call a method of an application that is up.", _invoke)
    add = invoke.add_argument
    add("target", metavar="Service.method")
    add(
        "arguments",
        metavar="ARGS",
        nargs="*",
        help="JSON ('[1, 2]', '\"text\"', 3), or bare words, which are strings; name=value too",
    )
    add("--key", default="", metavar="KEY", help="the Idempotency-Key (a new one)")
    _add_where(invoke)


def _add_run(commands: _Commands) -> None:
    run = _add(commands, "run", "Run a scenario with real processes and real faults.", _run)
    add = run.add_argument
    add("scenario", metavar="SCENARIO", help="the scenario file, such as scenarios/crash.yaml")
    add("--seed", type=int, metavar="N", help="the seed, in place of the scenario's own")
    add("--app", default="", metavar="APP", help="the application, in place of the scenario's")
    add("--faults", choices=["none"], help="'none' runs the scenario without its faults")
    add("--out", type=Path, metavar="DIR", help="write result.json and history.jsonl to DIR")
    add("--keep", type=Path, metavar="DIR", help="keep the store in DIR")
    _add_what_runs(run)
    add("--unchecked", action="store_true", help="measure only: make no checks, keep no history")
    add("--quiet", action="store_true", help="show no progress")
    _add_store(run)


def _add_status(commands: _Commands) -> None:
    status = _add(commands, "status", "Say what runs and what the store holds.", _status)
    _add_where(status)


def _add_requests(commands: _Commands) -> None:
    text = "List the requests that are not done yet; show, cancel or resume some."
    listed = _add(commands, "requests", text, _requests)
    add = listed.add_argument
    text = "the one with this key or id; cancel and resume without it: all that are meant"
    add("words", metavar="show|cancel|resume KEY", nargs="*", help=text)
    add("--state", choices=list(STATES), help="only those")
    add("--method", default="", metavar="Service.method", help="only those that began with it")
    add("--limit", type=limit, default=20, metavar="N", help="so many at most (%(default)s)")
    _add_where(listed)


def _add_schedules(commands: _Commands) -> None:
    text = "List what time asks for, or pause, resume or trigger it."
    schedules = _add(commands, "schedules", text, _schedules)
    add = schedules.add_argument
    add("words", metavar="pause|resume|trigger Service.method", nargs="*", help="what to do")
    _add_where(schedules)


def _add_resume(commands: _Commands) -> None:
    text = "Take up again what was set aside, once the code is mended."
    resume = _add(commands, "resume", text, _resume)
    add = resume.add_argument
    add("ids", metavar="ID", nargs="*", help="the requests, as `status` lists them")
    add("--all", action="store_true", help="all of them")
    _add_where(resume)


def _add_gc(commands: _Commands) -> None:
    gc = _add(commands, "gc", "Forget finished requests now, and give back their room.", _gc)
    gc.add_argument(
        "--older-than",
        type=duration,
        default=Settings().retention,
        metavar="TIME",
        help="only those that began so long ago, as 30m, 12h, 7d (1d)",
    )
    _add_where(gc)


def _add_dump(commands: _Commands) -> None:
    text = "Print the application's data as lines of JSON, one for each entry of each field."
    dump = _add(commands, "dump", text, _dump)
    dump.add_argument("field", metavar="Service.field", nargs="?", default="", help="only this one")
    _add_where(dump)


def _add_erase(commands: _Commands) -> None:
    text = "Remove the application's data, and all that is remembered of its requests."
    erase = _add(commands, "erase", text, _erase)
    erase.add_argument("--yes", action="store_true", help="without asking")
    _add_where(erase)


def _add_bench(commands: _Commands) -> None:
    bench = _add(commands, "bench", "Measure what an application costs and can do.", _bench)
    add = bench.add_argument
    add("app", metavar="APP", help="the application")
    add("--clients", type=numbers, default=[1, 16], metavar="N,N", help="clients at once (1,16)")
    add(
        "--seconds",
        type=seconds,
        default=10.0,
        metavar="N",
        help="for each number of clients, and each protocol (10)",
    )
    _add_workers(bench)
    which = bench.add_mutually_exclusive_group()
    which.add_argument(
        "--protocol",
        action="append",
        default=[],
        choices=list(PROTOCOLS),
        metavar="NAME",
        help="what decides (mu2sls); several are compared, in turns",
    )
    which.add_argument(
        "--compare",
        action="store_const",
        dest="protocol",
        const=[OURS, "unsafe"],
        help="with and without the protocol, in turns",
    )
    add(
        "--saturation",
        action="store_true",
        help="let clients become more (1, 2, 4 to 64) until that brings nothing more, and then "
        "measure latency at half of that",
    )
    add("--out", type=Path, metavar="FILE", help="write what was measured to FILE, as JSON")
    _add_store(bench)


def _add_calibrate(commands: _Commands) -> None:
    text = "Measure this machine, and write a platform profile for the simulator."
    calibrate = _add(commands, "calibrate", text, _calibrate)
    add = calibrate.add_argument
    add("-o", "--out", type=Path, required=True, metavar="FILE", help="the profile, a YAML file")
    add(
        "--seconds",
        type=seconds,
        default=5.0,
        metavar="N",
        help="for each of the probe's methods, in rounds (5)",
    )
    _add_store(calibrate)


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the data folder (the only one in .mu2sls, if there is just one)",
    )


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=workers,
        action="append",
        default=[],
        metavar="N|Service=N",
        help="processes of every service, or of one (1); may be given several times",
    )


def _add_what_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--protocol",
        choices=list(PROTOCOLS),
        default=OURS,
        metavar="NAME",
        help=f"what decides: {', '.join(PROTOCOLS)} (%(default)s)",
    )
    text = "run the workload's OUTSIDE in place of outside functions"
    parser.add_argument("--stand-ins", action="store_true", help=text)


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        default="sqlite",
        metavar="STORE",
        help="sqlite, fdb (as FoundationDB's clients find it), or fdb:CLUSTER_FILE (%(default)s)",
    )
    parser.add_argument(
        "--synchronous",
        choices=["off", "normal", "full"],
        default="normal",
        help="what an acknowledged commit survives: full also a power cut (%(default)s)",
    )


# --- commands


def _up(options: argparse.Namespace) -> int:
    from backends.local.up import Voice, Wanted, up
    from backends.stores import Wish

    workers = dict(options.workers)
    wanted = Wanted(
        app=options.app,
        data=options.data,
        port=options.port,
        store=Wish(options.store, options.synchronous),
        settings=msgspec.structs.replace(
            Settings(), retention=options.retention, step_limit=options.step_limit
        ),
        default_workers=workers.pop("", 1),
        workers=workers,
        protocol=PROTOCOLS[options.protocol](),
        namespace=options.namespace,
        hosts=frozenset({"localhost", *(name.lower() for name in options.host)}),
        auth=options.auth,
        stand_ins=options.stand_ins,
        log_level=options.log_level,
        log_format=options.log_format,
    )
    up(wanted, Voice(soft_wrap=True))
    return 0


def _invoke(options: argparse.Namespace) -> int:
    from backends.local.ask import invoke

    return invoke(options.data, options.target, options.arguments, options.key)


def _run(options: argparse.Namespace) -> int:
    from backends.local.trial import trial

    return trial(options, Console(highlight=False), Console(stderr=True, highlight=False))


def _status(options: argparse.Namespace) -> int:
    from backends.local.ask import status

    return status(options.data)


def _requests(options: argparse.Namespace) -> int:
    from backends.local.requests import Sought, requests

    sought = Sought(options.state, options.method, options.limit)
    return requests(options.data, options.words, sought)


def _schedules(options: argparse.Namespace) -> int:
    from backends.local.schedules import DEEDS, change_schedule, show_schedules

    if not options.words:
        return show_schedules(options.data)
    if len(options.words) != 2 or options.words[0] not in DEEDS:
        raise MuError("give `schedules` alone, or `schedules pause Service.method`")
    return change_schedule(options.data, *options.words)


def _resume(options: argparse.Namespace) -> int:
    from backends.local.aside import resume

    return resume(options.data, options.ids, options.all)


def _gc(options: argparse.Namespace) -> int:
    from backends.local.ask import collect_garbage

    return collect_garbage(options.data, options.older_than)


def _dump(options: argparse.Namespace) -> int:
    from backends.local.contents import dump

    return dump(options.data, options.field, print)


def _erase(options: argparse.Namespace) -> int:
    from backends.local.contents import erase

    return erase(options.data, options.yes, print)


def _bench(options: argparse.Namespace) -> int:
    from backends.local.measuring.report import run_bench

    return run_bench(options, Console(highlight=False), Console(stderr=True, highlight=False))


def _calibrate(options: argparse.Namespace) -> int:
    from backends.local.measuring.profile import run_calibrate

    return run_calibrate(options, Console(highlight=False), Console(stderr=True, highlight=False))
