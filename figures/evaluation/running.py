"""Many lines at once: each measures its points in a process of its own, one after the other.

Commands of the simulator run in processes that have imported it already (``warm``). A command that
fails is told with what it said; the other lines go on. Ctrl-C ends the commands that run, and what
was measured stays.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from figures.errors import BadResult
from figures.evaluation.benchmarks import line_name
from figures.evaluation.points import RUN_WAS_MADE, Point
from figures.evaluation.sweeps import Sweep
from figures.evaluation.warm import Warm

__all__ = ["Failure", "run"]

_WARM = {"sim"} if hasattr(os, "fork") else set[str]()
"""The packages whose commands run in processes that have imported them already."""


class Failure(BadResult):
    """A point that could not be measured."""


@dataclass(slots=True)
class _Work:
    """What the threads share.

    :ivar failed: what went wrong, a message for each line.
    :ivar stops: what ends whatever runs, or waits to run.
    """

    told: Callable[[Point], None]
    sweeps: queue.SimpleQueue[Sweep] = field(default_factory=queue.SimpleQueue)
    failed: list[str] = field(default_factory=list)
    stops: list[Callable[[], object]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: bool = False

    def work(self) -> None:
        """Complete one line after the other."""
        warm: dict[str, Warm] = {}
        try:
            while not self.stopped:
                try:
                    sweep = self.sweeps.get_nowait()
                except queue.Empty:
                    return
                try:
                    while not self.stopped and (point := sweep.next()) is not None:
                        self.measure(point, warm)
                except (Failure, OSError) as error:
                    self.failed.append(f"{line_name(sweep.line)}: {error}")
        finally:
            for process in warm.values():
                process.close()

    def measure(self, point: Point, warm: dict[str, Warm]) -> None:
        """Run a point's command.

        :raises Failure: it failed.
        """
        point.write()
        argv = point.argv()
        if argv[1] == "-m" and argv[2] in _WARM:
            status, said = self.in_warm(argv[2], argv[3:], warm)
        else:
            status, said = self.in_new(argv)
        if self.stopped:
            return
        if status not in RUN_WAS_MADE or point.result() is None:
            raise Failure(f"{said.strip() or 'no result'}\n    {point.command()}")
        self.told(point)

    def in_warm(self, package: str, words: list[str], warm: dict[str, Warm]) -> tuple[int, str]:
        """Run a command in a process that is there for it."""
        with self.lock:
            if self.stopped:
                return 1, ""
            if package not in warm:
                warm[package] = Warm(package)
                self.stops.append(warm[package].stop)
        return warm[package].run(words)

    def in_new(self, argv: list[str]) -> tuple[int, str]:
        """Run a command in a process of its own."""
        with self.lock:
            if self.stopped:
                return 1, ""
            process = subprocess.Popen(
                argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self.stops.append(process.terminate)
        _, said = process.communicate()
        return process.returncode, said

    def stop(self) -> None:
        """End what runs."""
        with self.lock:
            self.stopped = True
            for stop in self.stops:
                stop()


def run(sweeps: Sequence[Sweep], jobs: int, told: Callable[[Point], None]) -> None:
    """Measure what is missing of all lines, the longest first.

    :param told: called after each point, by any thread.
    :raises Failure: points could not be measured; all others were.
    """
    work = _Work(told)
    for sweep in sweeps:
        work.sweeps.put(sweep)
    threads = [threading.Thread(target=work.work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except BaseException:
        work.stop()
        for thread in threads:
            thread.join()
        raise
    if work.failed:
        raise Failure("\n".join(work.failed))
