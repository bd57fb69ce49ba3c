"""The commands ``status`` and ``logs``."""

from __future__ import annotations

import argparse
import math

import msgspec
from rich.console import Console
from rich.text import Text

from backends.knative.choices import instance_name
from backends.knative.cluster.errors import InputError
from backends.knative.cluster.logs import Line, Wanted, follow_logs, read_logs
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.status import components, statuses
from backends.knative.commands.aside import as_data, set_aside, show_aside
from backends.knative.commands.connection import connected
from backends.knative.names import COMPONENT, kubernetes_name, selector
from backends.knative.reporting import print_status

__all__ = ["logs", "status"]

_FAILED = 1
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def status(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Show what is deployed; 1 if something is not ready, or nothing is there.

    :raises MuError: bad input, or the cluster cannot be asked.
    """
    instance = instance_name(options.application, options.name)
    with connected(options, errors) as objects:
        rows = statuses(objects, instance)
        namespace = objects.namespace
        is_there = bool(options.url) or any(row.url and row.ready == "ready" for row in rows)
        aside = set_aside(options, objects, instance, errors) if rows and is_there else []
    if options.output == "json":
        found = {"name": instance, "namespace": namespace, "services": rows}
        found["set_aside"] = [as_data(each) for each in aside]
        console.print(
            msgspec.json.format(msgspec.json.encode(found)).decode(), markup=False, soft_wrap=True
        )
    elif rows:
        print_status(console, rows)
        show_aside(console, aside)
    if not rows:
        errors.print(f"nothing of {instance} is in namespace {namespace}", markup=False)
    return 0 if rows and all(row.ready == "ready" for row in rows) else _FAILED


def logs(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Print log lines, each after the name of its pod; 1 if there are no pods.

    :raises MuError: bad input, or the cluster cannot be asked.
    """
    instance = instance_name(options.application, options.name)
    part = kubernetes_name(options.service) if options.service else ""
    chosen = selector(instance) + (f",{COMPONENT}={part}" if part else "")
    wanted = Wanted(chosen, options.since, options.tail, options.previous)
    with connected(options, errors) as objects:
        if part:
            _check_part(objects, instance, part)
        following = options.follow and not options.previous
        lines = (
            follow_logs(objects, wanted, lambda: math.inf)
            if following
            else read_logs(objects, wanted)
        )
        colours: dict[str, str] = {}
        for line in lines:
            colour = colours.setdefault(line.pod, _COLOURS[len(colours) % len(_COLOURS)])
            _print(line, colour, errors if line.trouble else console)
    if not colours:
        errors.print(f"{instance} has no pods with logs; Knative takes away pods that idle")
    return 0 if colours else _FAILED


def _check_part(objects: Objects, instance: str, part: str) -> None:
    """:raises InputError: the deployment is there, and has no such part."""
    known = components(objects, instance)
    if known and part not in known:
        raise InputError(
            f"{instance} has no {part} in namespace {objects.namespace}: choose one of "
            f"{', '.join(known)} with --service"
        )


def _print(line: Line, colour: str, console: Console) -> None:
    console.print(Text(f"{line.pod} ", style=colour) + Text(line.text))
