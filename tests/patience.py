"""How long tests wait for what must happen: the one place that says so.

A test waits for a condition, never for a time, and asserts nothing about how long something took:
where time itself is meant, it is a time that the test makes (:mod:`tests.leaping`). What never
happens has to end the wait some day, though. That day is so far off that no machine is too slow
for it, and farther where many processes want the same cores.
"""

import asyncio
import os
import time

__all__ = ["LONGER_AND_LONGER", "alarm", "coming", "patience", "until"]

QUIET = 120.0
"""Seconds on a machine that has nothing else to do: what is waited for takes one or two."""
PAUSE = 0.01
LONGER_AND_LONGER = (0.3, 1.0, 4.0, 16.0)
"""Seconds to measure for, one after the other, until they were enough for anything to happen."""


def patience():
    """Seconds that whatever was begun now may take: a bound for what hangs, no measure."""
    return QUIET * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def alarm(began, what):
    """Fail if what was waited for since ``began``, on the monotonic clock, will never happen."""
    waited = time.monotonic() - began
    assert waited < patience(), (
        f"waited for {what() if callable(what) else what} in vain, for {waited:.0f} s"
    )


def until(condition, what):
    """Wait for a condition: what it says, once that is true.

    :param what: what is waited for, as the message says it when it never happens; or a function
        that says so then.
    """
    began = time.monotonic()
    while not (found := condition()):
        alarm(began, what)
        time.sleep(PAUSE)
    return found


async def coming(condition, what):
    """:func:`until`, for who waits on an event loop."""
    began = time.monotonic()
    while not (found := condition()):
        alarm(began, what)
        await asyncio.sleep(0)
    return found
