"""Profiles: a measured platform as a YAML file that people and the simulator read."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from backends.local.measuring.calibrate import Calibration, calibrate
from backends.local.measuring.report import see_writable, telling, write_down
from backends.stores import Wish
from experiment.scenario.model import Platform, StoreModel
from experiment.scenario.quantities import show_latency
from own_files import MARK

__all__ = ["profile_text", "run_calibrate"]

_PLATFORM = {
    "hop": "from one process to the next, beyond processor time: fitted to the probe's latency",
    "spread": "sigma of the hop's lognormal",
    "cpu": "processor time of one execution of a method",
    "call_cpu": "of a caller, for each call it makes",
    "client_cpu": "of the load generator, for each request",
    "ingress_cpu": "of the gateway, for each request",
    "cpu_after": "part of it that comes when the message is out: fitted to the probe's latency",
    "cores": "shared by all of these",
    "cold_start": "from the first fork until everything is ready",
    "restart": "from the death of a process until the next answers",
}
_STORE = {
    "read_version": "beyond processor time, as all three",
    "read": "",
    "commit": "",
    "spread": "sigma of their lognormal",
    "read_version_cpu": "processor time in the process that asks, as all three",
    "read_cpu": "",
    "commit_cpu": "",
    "commits_per_second": "of one process with many that commit at once",
}
_DEFAULTS = ("replicas", "workers", "concurrency")


def profile_text(found: Calibration) -> str:
    """The profile's file: read it with :func:`experiment.scenario.platform.read_profile`."""
    here, platform = found.machine, found.platform
    lines = [
        "# A platform for the simulator, as `python -m backends.local calibrate` measured it.",
        f"# {MARK}",
        f"# {here.time}: {here.cores} cores, {here.system}, Python {here.python},",
        f"# {found.store.kind}, {found.store.durability}; load {here.load} before;"
        f" others kept {found.others:.2f} cores busy meanwhile.",
        "#",
        "# The probe's methods at half of what they can do, median latencies:",
        "# method           per second   measured  simulated",
    ]
    lines += [
        f"# {each.method:<16} {each.rate:>10,.0f} {show_latency(each.latency):>10}"
        f" {show_latency(each.simulated):>10}"
        for each in found.probed
    ]
    lines += ["", *_section(platform, _PLATFORM, "")]
    lines += ["store:", *_section(platform.store, _STORE, "  ")]
    lines += ["defaults:  # processes of a service, and what one of them does at once"]
    lines += [f"  {name}: {getattr(platform.defaults, name)}" for name in _DEFAULTS]
    return "\n".join(lines) + "\n"


def _section(values: Platform | StoreModel, notes: dict[str, str], indent: str) -> list[str]:
    lines = []
    for name, note in notes.items():
        text = f"{indent}{name}: {_shown(name, getattr(values, name))}"
        lines.append(f"{text:<30}  # {note}" if note else text)
    return lines


def _shown(name: str, value: float) -> str:
    if name in ("spread", "cores", "cpu_after"):
        return f"{value:.4g}"
    if name == "commits_per_second":
        return f"{value:.0f}/s"
    return f"{value * 1e6:.1f}us" if value else "0"


def run_calibrate(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Measure, write the profile and say how well it fits the probe; the exit status.

    :raises MuError: it cannot be measured, or the file not be written.
    """
    out: Path = options.out
    see_writable(out)
    with telling(errors) as told:
        found = calibrate(options.seconds, Wish(options.store, options.synchronous), told)
    write_down(out, profile_text(found))
    table = Table("method", title="the probe at half of what it can do", title_justify="left")
    for column in ("per second", "measured p50", "simulated p50", "ratio"):
        table.add_column(column, justify="right")
    for each in found.probed:
        shown = [show_latency(each.latency), show_latency(each.simulated)]
        ratio = f"{each.simulated / each.latency:.2f}"
        table.add_row(each.method, f"{each.rate:,.0f}", *shown, ratio)
    console.print(table)
    console.print(f"Written: {out}")
    return 0
