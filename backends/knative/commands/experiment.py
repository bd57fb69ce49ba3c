"""The command ``run``."""

from __future__ import annotations

import argparse
import time
from random import Random

import msgspec
from rich.console import Console

from backends.knative.cluster.errors import NotReady
from backends.knative.cluster.kinds import POD
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.secrets import read_wire_key
from backends.knative.cluster.status import gateway_url
from backends.knative.commands.connection import connected
from backends.knative.experiment import injectable
from backends.knative.experiment import run as run_scenario
from backends.knative.names import COMPONENT, UPKEEP, Names, selector
from backends.knative.settings import Settings
from core.errors import MuError
from sim import report
from sim.execution import judge, prepare, write_run
from sim.faults import PLATFORM
from sim.outcome import EXIT, Task, describe
from sim.result import Place

__all__ = ["Pods", "run"]


def run(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Run a scenario against what is deployed, and report; the status of its verdict.

    :raises MuError: bad input, or the deployment cannot be reached.
    """
    task = Task(options.scenario, options.app, module="backends.knative run")
    prepared = prepare(task)
    scenario, rest = injectable(prepared.scenario)
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    if options.out is not None:
        try:
            options.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MuError(f"{options.out}: cannot be written: {error.strerror}") from None
    started = time.perf_counter()
    with connected(options, errors) as objects:
        chosen = Settings(image="", name=options.name, namespace=objects.namespace)
        names = Names(prepared.application, chosen)
        url = options.url or gateway_url(objects, names.instance)
        if not url:
            raise NotReady(
                f"{names.instance} has no gateway with an address in namespace "
                f"{objects.namespace}: deploy it, or give its address with --url"
            )
        key = read_wire_key(objects, names)
        pods = Pods(objects, names)
        done = run_scenario(scenario, prepared.application, url, key, pods.kill)
    outcome = judge(done, prepared.application)
    outcome.wall_seconds = time.perf_counter() - started
    outcome.not_injected = [describe(fault) for fault in rest]
    report.print_report(console, task, scenario, outcome)
    if options.out is not None:
        write_run(options.out, prepared, done, outcome, Place("knative", "fdb"))
    return EXIT[outcome.status(scenario.faults)]


class Pods:
    """The pods of a deployment, to be deleted."""

    def __init__(self, objects: Objects, names: Names) -> None:
        self._objects = objects
        self._names = names

    def kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """Delete pods of a service, at once and without grace; their names."""
        part = UPKEEP if service == PLATFORM else service
        components = [self._names.components[part]] if part else self._names.components.values()
        labels = f"{selector(self._names.instance)},{COMPONENT} in ({','.join(components)})"
        found = self._objects.list(POD, labels).items
        chosen = found if mode == "all" else rng.sample(found, min(1, len(found)))
        deleted = [pod for pod in chosen if self._objects.delete(POD, pod, grace=0)]
        return [pod["metadata"]["name"] for pod in deleted]
