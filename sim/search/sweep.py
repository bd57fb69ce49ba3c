"""Many seeds of one scenario, in parallel processes.

Each worker process compiles the application once and then runs seed after seed.
Ctrl-C reaches only the parent: workers are started with it ignored, and ended by
the parent, which keeps what they have reported by then.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from experiment.outcome import Outcome, Sweep, Task
from experiment.preparation import Prepared, prepare
from sim.execution import attempt, planting

__all__ = ["sweep"]


def sweep(
    prepared: Prepared,
    seeds: Sequence[int],
    jobs: int,
    out: Path | None = None,
    told: Callable[[Sweep], None] = lambda _: None,
) -> Sweep:
    """Run every seed and add up what came out; interrupted, return what is known by then.

    :param jobs: how many processes work at once; with 1, this one does.
    :param out: where to keep the files of failing seeds.
    :param told: called after each seed.
    """
    found = Sweep(prepared.scenario, prepared.task, len(seeds))
    started = time.perf_counter()
    jobs = min(jobs, len(seeds))
    outcomes = (
        (attempt(prepared, seed, out) for seed in seeds)
        if jobs <= 1
        else _parallel(prepared.task, seeds, jobs, out)
    )
    try:
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                found.add(outcome)
                found.wall_seconds = time.perf_counter() - started
                told(found)
    except KeyboardInterrupt:
        found.interrupted = True
    found.wall_seconds = time.perf_counter() - started
    return found


def _parallel(
    task: Task, seeds: Sequence[int], jobs: int, out: Path | None
) -> Generator[Outcome, None, None]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(task, out))
    try:
        with _deaf_to_interrupts():
            futures = {pool.submit(_work, seed): seed for seed in seeds}
        for future in as_completed(futures):
            yield _outcome(future, futures[future])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()


def _outcome(future: Future[Outcome], seed: int) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # a worker that died must not end a sweep
        return Outcome(seed, error=f"its process died: {error}")


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; processes started meanwhile ignore it for ever."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Worker:
    """What a worker process keeps between seeds."""

    prepared: Prepared
    out: Path | None
    planted = contextlib.ExitStack()


def _begin(task: Task, out: Path | None) -> None:
    _Worker.planted.enter_context(planting(task))
    _Worker.prepared = prepare(task)
    _Worker.out = out


def _work(seed: int) -> Outcome:
    return attempt(_Worker.prepared, seed, _Worker.out)
