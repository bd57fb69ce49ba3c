"""Many lines at once: each measures its points in a process of its own, one after the other.

A command that fails is told with what it said; the other lines go on. Ctrl-C ends the commands that
run, and what was measured stays.
"""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from figures.errors import BadResult
from figures.evaluation.benchmarks import line_name
from figures.evaluation.points import Point
from figures.evaluation.sweeps import Sweep

__all__ = ["Failure", "run"]

_FINE = {0, 1, 3}
"""Exit statuses of a run that was made: what it was not held to is not judged."""


class Failure(BadResult):
    """A point that could not be measured."""


@dataclass(slots=True)
class _Work:
    """What the threads share.

    :ivar failed: what went wrong, a message for each line.
    """

    told: Callable[[Point], None]
    sweeps: queue.SimpleQueue[Sweep] = field(default_factory=queue.SimpleQueue)
    failed: list[str] = field(default_factory=list)
    running: set[subprocess.Popen[str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: bool = False

    def work(self) -> None:
        """Complete one line after the other."""
        while not self.stopped:
            try:
                sweep = self.sweeps.get_nowait()
            except queue.Empty:
                return
            try:
                while not self.stopped and (point := sweep.next()) is not None:
                    self.measure(point)
            except (Failure, OSError) as error:
                self.failed.append(f"{line_name(sweep.line)}: {error}")

    def measure(self, point: Point) -> None:
        """Run a point's command.

        :raises Failure: it failed.
        """
        point.write()
        with self.lock:
            if self.stopped:
                return
            process = subprocess.Popen(
                point.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self.running.add(process)
        _, said = process.communicate()
        with self.lock:
            self.running.discard(process)
        if self.stopped:
            return
        if process.returncode not in _FINE or point.result() is None:
            raise Failure(f"{said.strip() or 'no result'}\n    {point.command()}")
        self.told(point)

    def stop(self) -> None:
        """End what runs."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.terminate()


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
