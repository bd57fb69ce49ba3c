"""The check of determinism once more, in a process that orders Python's own sets otherwise.

A request may begin in one process and be completed in another. All processes of a run, and of
its checks, were given the same hash seed, so an order of hashes that leaks into what a method
does is the same in each of them, and shows only where it is too late. So request trees are
executed from their journals in one more process, which lives on from run to run and has another
hash seed. It works while this one makes the other checks.

What was changed in this process on purpose, as planted bugs do, is changed there, too
(:func:`there_too`).
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from compiler.application import Application, load
from experiment.checks.determinism import determinism
from experiment.checks.subject import Subject
from experiment.record.history import History, Unit
from experiment.record.run import Run
from experiment.verdict import Verdict

__all__ = ["begin", "finish", "main", "there_too"]

_SEEDS = ("1", "2")
"""Hash seeds, of which this process has one at most."""
_MOST_LOADED = 8
"""How many applications the other process remembers."""

_contexts: list[tuple[str, str, str]] = []


class _Job(NamedTuple):
    """What is to be judged.

    :ivar folder: where this process is, and how it finds modules (``path``).
    :ivar contexts: module, function and argument of what must hold meanwhile.
    """

    folder: str
    path: list[str]
    app: str
    contexts: list[tuple[str, str, str]]
    run: Run


@contextlib.contextmanager
def there_too(module: str, function: str, argument: str) -> Iterator[None]:
    """Judge in the context ``function(argument)``, which holds here already."""
    _contexts.append((module, function, argument))
    try:
        yield
    finally:
        _contexts.pop()


# --- this process


class _Process:
    """The other process; it ends when this one does."""

    def __init__(self) -> None:
        mine = os.environ.get("PYTHONHASHSEED")
        self.hash_seed = next(each for each in _SEEDS if each != mine)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "experiment.elsewhere"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONHASHSEED": self.hash_seed,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            start_new_session=True,  # Ctrl-C is not for it
        )
        self._owner = os.getpid()
        self._owed = False

    @property
    def is_usable(self) -> bool:
        """Whether it runs, and was not started by the process that this one was forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def send(self, job: _Job) -> None:
        """Let it judge."""
        assert self._process.stdin is not None
        if self._owed:  # whoever asked was interrupted
            self.receive()
        self._owed = True
        with contextlib.suppress(OSError, ValueError):  # it has ended, as receive() tells
            pickle.dump(job, self._process.stdin)
            self._process.stdin.flush()

    def receive(self) -> Verdict | str:
        """The verdict, or why there is none."""
        assert self._process.stdout is not None
        self._owed = False
        try:
            received: Verdict | str = pickle.load(self._process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            return f"it ended: {type(error).__name__}"
        return received

    def close(self) -> None:
        """Let it end."""
        if self.is_usable:
            self._process.communicate()


class _Processes:
    """The one process that is kept."""

    kept: _Process | None = None


def begin(run: Run, application: Application) -> _Process:
    """Let the other process begin to judge ``run``."""
    process = _Processes.kept
    if process is None or not process.is_usable:
        process = _Processes.kept = _Process()
        atexit.register(process.close)
    contexts = list(_contexts)
    job = _Job(os.getcwd(), list(sys.path), application.origin, contexts, _slim(run))
    process.send(job)
    return process


def _slim(run: Run) -> Run:
    """What the check looks at; what was read, which is most, is not part of it."""
    whole = run.history
    units = {
        name: Unit(name, unit.request, unit.version, clocks=unit.clocks)
        for name, unit in whole.units.items()
        if unit.clocks
    }
    history = History(
        whole.initial, whole.sent, units=units, commits=whole.commits, asked=whole.asked
    )
    return Run(run.scenario, history, seconds=run.seconds, protocol=run.protocol, secret=run.secret)


def finish(process: _Process, here: Verdict) -> Verdict:
    """What both processes say, where this one says ``here``."""
    there = process.receive()
    if here.status == "fails":
        return here
    if isinstance(there, str):
        told = f"the process with another hash seed cannot judge: {there}"
        return Verdict(here.name, "inconclusive", told)
    if there.status != "fails":
        return here
    evidence = [f"in a process with another hash seed: {line}" for line in there.evidence]
    return Verdict(here.name, "fails", here.detail, evidence)


# --- the other process


def main(jobs: IO[bytes], verdicts: IO[bytes]) -> None:
    """Judge until nobody asks any more."""
    loaded: dict[tuple[str, str], Application] = {}
    while True:
        try:
            job: _Job = pickle.load(jobs)
        except EOFError:
            return
        try:
            told: Verdict | str = _judge(job, loaded)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        pickle.dump(told, verdicts)
        verdicts.flush()


def _judge(job: _Job, loaded: dict[tuple[str, str], Application]) -> Verdict:
    os.chdir(job.folder)
    sys.path[:] = job.path
    name = (job.folder, job.app)
    if name not in loaded:
        if len(loaded) >= _MOST_LOADED:
            loaded.clear()
        loaded[name] = load(job.app)
    with contextlib.ExitStack() as stack:
        for module, function, argument in job.contexts:
            context: Any = getattr(importlib.import_module(module), function)
            stack.enter_context(context(argument))
        return determinism(Subject(job.run, loaded[name], job.run.scenario))


def _begin() -> None:
    """Keep what an application prints away from the verdicts."""
    verdicts = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    main(sys.stdin.buffer, verdicts)


if __name__ == "__main__":
    _begin()
