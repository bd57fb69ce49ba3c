"""An event loop whose time leaps: what would wait is over at once, and always takes as long.

Tests of deadlines, pauses and timeouts run on it, so that they take no time and do not depend on
how fast a machine is. Time stands still while anything can run; when nothing can, it leaps to what
comes next. Nothing from outside, a socket or a thread, may be waited for.
"""

import asyncio
import contextlib
import selectors
import time
from unittest import mock

__all__ = ["run"]


class _Leaps(selectors.DefaultSelector):
    """Never waits: a wait is time that passes."""

    now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "everything waits for something that will not come"
        self.now += max(timeout, 0.0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._leaps = _Leaps()
        super().__init__(self._leaps)

    def time(self):
        return self._leaps.now


@contextlib.contextmanager
def _clocks_of(loop):
    """The clocks of :mod:`time` are the loop's, from the present on."""
    began, began_here = time.time_ns(), time.monotonic_ns()

    def time_ns():
        return began + round(loop.time() * 1e9)

    def monotonic_ns():
        return began_here + round(loop.time() * 1e9)

    def monotonic():
        return monotonic_ns() / 1e9

    with mock.patch.multiple(
        time,
        time=lambda: time_ns() / 1e9,
        time_ns=time_ns,
        monotonic_ns=monotonic_ns,
        monotonic=monotonic,
        perf_counter=monotonic,
    ):
        yield


def run(coroutine):
    """What it returns, in a time of its own, which :mod:`time` tells as well."""
    with asyncio.Runner(loop_factory=_Loop) as runner, _clocks_of(runner.get_loop()):
        return runner.run(coroutine)
