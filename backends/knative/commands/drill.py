"""The command ``run``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from rich.console import Console

from backends.drill.quiet import errors_only
from backends.knative.choices import base_url, host_name, instance_name
from backends.knative.cluster.kinds import POD
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.secrets import read_wire_key
from backends.knative.commands.connection import connected, find_gateway
from backends.knative.drill import injectable
from backends.knative.drill import run as run_scenario
from backends.knative.names import COMPONENT, UPKEEP, Names, selector
from backends.knative.settings import Settings
from core.errors import MuError
from experiment import report
from experiment.judgement import judge, measured_only, see_writable, write_run
from experiment.outcome import EXIT, Task, describe
from experiment.preparation import prepare
from experiment.progress import Bar
from experiment.result import Place
from experiment.scenario.model import PLATFORM

__all__ = ["Pods", "run"]

_GRACE = 1
"""Seconds, as ``kubectl delete --now`` gives. With 0 the API server forgets the pod at once, and
its containers may go on running."""


def run(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Run a scenario against what is deployed, and report; the status of its verdict.

    :raises MuError: bad input, or the deployment cannot be reached.
    """
    task = Task(
        options.scenario,
        options.app,
        module="backends.knative run",
        unchecked=options.unchecked,
        stand_ins=False,
    )
    prepared = prepare(task)
    scenario, rest = injectable(prepared.scenario)
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    given = base_url(options.url) if options.url else ""
    host = host_name(options.host)
    if options.name:
        instance_name(prepared.application.name, options.name)
    if options.out is not None:
        with _written(options.out):
            see_writable(options.out)
    started = time.perf_counter()
    with connected(options, errors) as objects:
        chosen = Settings(image="", name=options.name, namespace=objects.namespace)
        names = Names(prepared.application, chosen)
        url = given or find_gateway(objects, names.instance)
        key = read_wire_key(objects, names.wire_key)
        if not options.quiet:
            where = f"{url} ({host})" if host else url
            errors.print(f"{scenario.name}: load on {names.instance} at {where}", markup=False)
        pods = Pods(objects, names)
        with errors_only(), Bar(errors, scenario.name, options.quiet) as bar:
            done = run_scenario(
                scenario,
                prepared.application,
                url,
                key,
                pods.kill,
                bar.show,
                host,
                options.protocol,
            )
    task = replace(task, protocol=done.protocol)
    prepared = replace(prepared, task=task)
    outcome = measured_only(done) if task.unchecked else judge(done, prepared.application)
    outcome.wall_seconds = time.perf_counter() - started
    outcome.not_injected = [describe(fault) for fault in rest]
    report.print_report(console, task, scenario, outcome)
    if options.out is not None:
        with _written(options.out):
            written = write_run(options.out, prepared, done, outcome, Place("knative", "fdb"))
        console.print(written, markup=False)
    return EXIT[outcome.status(scenario.faults)]


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """:raises MuError: the folder cannot be written to."""
    try:
        yield
    except OSError as error:
        raise MuError(
            f"{error.filename or folder}: cannot be written: {error.strerror}: give another folder "
            "with --out"
        ) from None


class Pods:
    """The pods of a deployment, to be deleted."""

    def __init__(self, objects: Objects, names: Names) -> None:
        self._objects = objects
        self._names = names

    def kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """Delete pods of a service that are at work, for immediate shutdown; their names.

        :raises ClusterError: they cannot be listed or deleted.
        """
        part = UPKEEP if service == PLATFORM else service
        components = [self._names.components[part]] if part else self._names.components.values()
        labels = f"{selector(self._names.instance)},{COMPONENT} in ({','.join(components)})"
        found = [pod for pod in self._objects.list(POD, labels).items if _at_work(pod)]
        chosen = found if mode == "all" else rng.sample(found, min(1, len(found)))
        deleted = [pod for pod in chosen if self._objects.delete(POD, pod, grace=_GRACE)]
        return [pod["metadata"]["name"] for pod in deleted]


def _at_work(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has not ended and is not about to."""
    phase = (pod.get("status") or {}).get("phase")
    return not pod["metadata"].get("deletionTimestamp") and phase not in ("Succeeded", "Failed")
