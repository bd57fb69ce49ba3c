"""The command line of this backend.

Reports and manifests go to standard output; progress and errors to standard error. A command is
a parser in :mod:`backends.knative.arguments` and a function in ``_COMMANDS``. What talks to a
cluster is imported when it is needed, so that rendering needs no Kubernetes client.
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from backends.knative.arguments import make_parser
from backends.knative.choices import ChoiceProblem
from command_line import BAD_INPUT, ended
from core.errors import MuError

__all__ = ["main"]

_FAILED = 1

_COMMANDS = {
    "build": "backends.knative.commands.image",
    "render": "backends.knative.commands.manifests",
    "deploy": "backends.knative.commands.deployment",
    "status": "backends.knative.commands.inspection",
    "resume": "backends.knative.commands.aside",
    "invoke": "backends.knative.commands.calling",
    "run": "backends.knative.commands.drill",
    "logs": "backends.knative.commands.inspection",
    "delete": "backends.knative.commands.deployment",
}
"""The module with the function of the command's name."""

_CLIENT = ("kubernetes", "urllib3", "websocket", "yaml")
"""What the Kubernetes client brings along."""

Command = Callable[[argparse.Namespace, Console, Console], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = make_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    console = Console(highlight=False, soft_wrap=True)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    changing = options.command in ("deploy", "delete")
    rest = "; what was done so far stays, and the same command goes on from there" * changing
    return ended(lambda: _run(options, console, errors), errors.print, rest)


def _run(options: argparse.Namespace, console: Console, errors: Console) -> int:
    try:
        return _command(_name(options))(options, console, errors)
    except MuError as error:
        errors.print(str(error), markup=False)
        return _FAILED if getattr(error, "status", BAD_INPUT) == _FAILED else BAD_INPUT


def _name(options: argparse.Namespace) -> str:
    """The command; a deployment that is only to be printed is a rendering, without a cluster."""
    if options.command == "deploy" and options.dry_run == "client":
        return "render"
    return str(options.command)


def _command(name: str) -> Command:
    try:
        module = importlib.import_module(_COMMANDS[name])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _CLIENT:
            raise
        raise ChoiceProblem(
            f"{name} needs the Kubernetes client: pip install 'mu2sls[knative]'"
        ) from None
    command: Command = getattr(module, name)
    return command
