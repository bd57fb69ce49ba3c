"""Load for a measurement: what is asked, and the process that asks it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from backends.local.measuring.generator import Seen, Setting, Stage, Target
from backends.local.measuring.started import Started
from compiler.application import Application
from core.errors import MuError

__all__ = ["Driver", "NoAnswer", "Requests", "draw_requests", "driver"]

Requests = list[tuple[str, str]]
"""Paths and bodies, of which each request is one."""

_DRAWN = 5_000
_ROOT = Path(__file__).parents[3]


class NoAnswer(MuError):
    """Nothing was answered while it was measured."""


def draw_requests(
    application: Application, mix: Mapping[str, float] | None = None, seed: int = 0
) -> Requests:
    """Requests of the application's own mix, or of ``mix``, in JSON.

    :raises MuError: it has no mix, or arguments that JSON cannot say.
    """
    workload = application.workload
    weights = mix or (workload.mix if workload is not None else {})
    if not weights:
        raise MuError(
            f"{application.name} has no load of its own: write MIX and ARGUMENTS in its workload.py"
        )
    rng = random.Random(seed)
    requests = []
    for call in rng.choices(list(weights), list(weights.values()), k=_DRAWN):
        drawn = workload.draw(call, rng) if workload is not None else ()
        try:
            requests.append((f"/{call}", msgspec.json.encode(drawn).decode()))
        except (TypeError, ValueError) as error:
            raise MuError(
                f"the arguments of {call} cannot be sent as JSON: {error}; give a mix without it"
            ) from None
    return requests


class Driver:
    """The load generator, as who measures sees it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, stage: Stage) -> Seen:
        """Run a stage to its end.

        :raises NoAnswer: nothing was answered.
        :raises MuError: the generator is gone.
        """
        self._tell(stage)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MuError("the load generator is gone: see what it wrote above")
        seen = msgspec.json.decode(line, type=Seen)
        if not seen.answered:
            why = ", ".join(seen.failures) or "nothing came back in that time"
            raise NoAnswer(f"no request was answered: {why}")
        return seen

    def _tell(self, what: Setting | Stage) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(what) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise MuError("the load generator is gone: see what it wrote above") from None


@contextmanager
def driver(targets: Sequence[tuple[Started, Requests]]) -> Iterator[Driver]:
    """Start a load generator for applications that are up, and end it afterwards.

    :param targets: what can be asked, and for what; a stage names one by its number.
    """
    found = [Target(up.url, up.processes(), requests) for up, requests in targets]
    paths = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "backends.local.measuring.generator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        made = Driver(process)
        made._tell(Setting(found))
        yield made
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
