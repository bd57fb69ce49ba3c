"""Many short runs in few processes (:mod:`figures.evaluation.warm`).

What a folder has already is not run again, so a command that was stopped goes on where it was.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from figures.errors import CannotRun
from figures.evaluation.points import RUN_WAS_MADE, Measured, Point, measured
from figures.evaluation.warm import Warm

__all__ = ["Simulators"]


class Simulators:
    """Processes that run points.

    :param told: called after each run.
    """

    def __init__(self, jobs: int, told: Callable[[], object]) -> None:
        self._told = told
        self._processes = [Warm("sim") for _ in range(jobs)]

    def __enter__(self) -> Simulators:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.close()

    def run(self, points: Sequence[Point]) -> list[Measured]:
        """What the points measure, in their order.

        :raises CannotRun: one of them cannot be run.
        """
        waiting: queue.SimpleQueue[Point] = queue.SimpleQueue()
        for point in points:
            waiting.put(point)
        failed: list[str] = []

        def work(process: Warm) -> None:
            while not failed:
                try:
                    point = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    self._run(process, point)
                except (OSError, CannotRun) as error:
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
    def _run(process: Warm, point: Point) -> None:
        if point.result() is not None:
            return
        point.write()
        status, said = process.run(point.argv()[3:])
        if status not in RUN_WAS_MADE or point.result() is None:
            raise CannotRun(said.strip() or "there is no result")
