"""How long a cluster that does not answer is waited for.

An API server restarts, a leader of etcd changes, a proxy cuts connections: that lasts seconds and
passes. Whoever watches has time, so he goes on waiting; what lasts for a minute is told.
"""

from __future__ import annotations

from collections.abc import Callable

from backends.knative.cluster.errors import (
    Broken,
    ClusterError,
    Gone,
    ServerFailed,
    TooBusy,
    Unreachable,
    Untrusted,
)

__all__ = ["Absence", "passes"]

_LONGEST = 60.0
_SHORT_PAUSE, _LONG_PAUSE = 0.2, 2.0


def passes(error: ClusterError) -> bool:
    """Whether a failure is of a kind that goes away by itself."""
    passing = isinstance(error, Broken | Gone | ServerFailed | TooBusy | Unreachable)
    return passing and not isinstance(error, Untrusted)


class Absence:
    """The time since the cluster answered last, if it does not.

    :param sleep: passes seconds.
    :param clock: seconds; also of what a try itself takes.
    """

    def __init__(self, sleep: Callable[[float], object], clock: Callable[[], float]) -> None:
        self._sleep = sleep
        self._clock = clock
        self._since: float | None = None
        self._slept = 0.0
        self._pause = _SHORT_PAUSE

    def over(self) -> None:
        """The cluster has answered."""
        self._since, self._slept, self._pause = None, 0.0, _SHORT_PAUSE

    def wait(self, error: ClusterError) -> None:
        """Wait before another try.

        :raises ClusterError: ``error`` itself, if it does not pass, or has lasted for long.
        """
        if not passes(error):
            raise error
        if self._since is None:
            self._since = self._clock()
        lasted = max(self._slept, self._clock() - self._since)
        if lasted >= _LONGEST:
            raise type(error)(f"{error} (for {lasted:.0f} s now)") from None
        self._sleep(self._pause)
        self._slept += self._pause
        self._pause = min(2 * self._pause, _LONG_PAUSE)
