"""Many short runs in few processes, each a ``python -m sim.serve``.

What a folder has already is not run again, so a command that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from figures.errors import CannotRun
from figures.evaluation.points import Measured, Point, measured

__all__ = ["Simulators"]

_MEASURED = (0, 1, 3)
"""Exit statuses of a run that was made."""


class Simulators:
    """Processes that run points.

    :param told: called after each run.
    """

    def __init__(self, jobs: int, told: Callable[[], object]) -> None:
        self._told = told
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "sim.serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(jobs)
        ]

    def __enter__(self) -> Simulators:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.communicate()

    def run(self, points: Sequence[Point]) -> list[Measured]:
        """What the points measure, in their order.

        :raises CannotRun: one of them cannot be run.
        """
        waiting: queue.SimpleQueue[Point] = queue.SimpleQueue()
        for point in points:
            waiting.put(point)
        failed: list[str] = []

        def work(process: subprocess.Popen[str]) -> None:
            while not failed:
                try:
                    point = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    self._run(process, point)
                except (OSError, ValueError, CannotRun) as error:
                    failed.append(f"{point.command()}: {error}")
                self._told()

        threads = [
            threading.Thread(target=work, args=(process,), daemon=True)
            for process in self._processes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # so that Ctrl-C is heard
        if failed:
            raise CannotRun(failed[0])
        results = [point.result() for point in points]
        return [measured(result) for result in results if result is not None]

    @staticmethod
    def _run(process: subprocess.Popen[str], point: Point) -> None:
        if point.result() is not None:
            return
        point.write()
        asked, answers = process.stdin, process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps(point.argv()[3:]) + "\n")
        asked.flush()
        line = answers.readline()
        if not line:
            raise CannotRun("the simulator ended")
        status, said = json.loads(line)
        if status not in _MEASURED or point.result() is None:
            raise CannotRun(str(said).strip() or "there is no result")
