"""What Python runs by itself in the middle of a method: whose are the readings?

Finalizers and callbacks of what the method itself made run at the same place on every execution, as
references are counted: they read for the request. What comes from outside reads for itself.
"""

import _thread
import asyncio
import contextlib
import contextvars
import functools
import gc
import signal
import sys
import threading
import time
import weakref

import pytest

from compiler.machine.execution import Execution
from compiler.machine.installing import install
from core import effects
from tests.patience import patience

MOMENT = 1_700_000_000.0


@pytest.fixture(autouse=True, scope="module")
def installed():
    install()


def executed(method):
    """What an execution returns, and how often it asked for the time; each time it is later."""
    execution, value, asked = Execution(method()), None, 0
    while True:
        try:
            effect = execution.send(value)
        except StopIteration as stop:
            return stop.value, asked
        assert isinstance(effect, effects.Clock)
        asked += 1
        value = int(MOMENT + asked) * 1_000_000_000


class Timed:
    """Says in the end when that is."""

    def __init__(self, seen):
        self.seen = seen

    def __del__(self):
        self.seen.append(time.time())


def is_now(moment):
    return moment > MOMENT + 10_000


# --- what the method made


async def dies_of_a_name():
    seen = []
    timed = Timed(seen)
    del timed
    return seen


async def dies_of_another_value():
    seen = []
    timed = Timed(seen)
    timed = None
    return seen, timed


async def dies_with_a_list():
    seen = []
    kept = [Timed(seen), Timed(seen)]
    kept.clear()
    return seen


async def dies_with_a_function():
    seen = []

    def work():
        timed = Timed(seen)
        return timed is not None

    assert work()
    return seen


async def dies_of_an_exception():
    seen = []

    def work():
        timed = Timed(seen)
        raise ValueError(timed is None)

    with contextlib.suppress(ValueError):
        work()
    return seen


async def is_watched():
    seen, timed = [], Timed([])
    watching = weakref.ref(timed, lambda _: seen.append(time.time()))
    del timed
    return seen, watching


async def is_finalized():
    seen = []

    class Plain:
        pass

    plain = Plain()
    weakref.finalize(plain, lambda: seen.append(time.time()))
    del plain
    return seen


async def is_called_back():
    seen = []
    sorted([2, 1], key=lambda each: seen.append(time.time()) or each)
    return seen


async def runs_in_a_context():
    return contextvars.copy_context().run(time.time)


OWN = [
    dies_of_a_name, dies_of_another_value, dies_with_a_list, dies_with_a_function,
    dies_of_an_exception, is_watched, is_finalized, is_called_back, runs_in_a_context,
]  # fmt: skip


@pytest.mark.parametrize("method", OWN)
def test_what_the_method_made_reads_for_the_request_the_same_each_time(method):
    first, asked = executed(method)
    again, asked_again = executed(method)
    assert asked == asked_again > 0
    assert not is_now(readings(first)[0])
    assert readings(first) == readings(again)


def readings(value):
    if isinstance(value, float):
        return [value]
    return value[0] if isinstance(value, tuple) else value


def test_what_dies_with_the_method_reads_before_its_end():
    seen = []

    async def method():
        timed = Timed(seen)
        return timed is not None

    assert executed(method) == (True, 1)
    assert seen == [MOMENT + 1]


# --- what is over


def test_an_execution_that_has_ended_leaves_nothing_to_the_next():
    """What an exception held is dropped where it is handled, and no later: not in a method."""
    seen = []

    async def raises():
        timed = Timed(seen)
        raise ValueError(timed is None)

    async def reads_nothing():
        return list(seen)

    with pytest.raises(ValueError, match="False") as caught:
        executed(raises)
    del caught
    found, asked = executed(reads_nothing)
    assert asked == 0
    assert all(map(is_now, found))
    gc.collect()
    assert len(seen) == 1
    assert all(map(is_now, seen))


def test_what_dies_with_a_dropped_execution_asks_nobody_for_anything(monkeypatch):
    """It was rewound: what is finalized now is of nobody's execution."""
    seen, trouble = [], []
    monkeypatch.setattr(sys, "unraisablehook", trouble.append)

    async def method():
        timed = Timed(seen)
        time.time()
        return timed

    execution = Execution(method())
    assert isinstance(execution.send(None), effects.Clock)
    execution.close()
    assert [is_now(each) for each in seen] == [True]
    assert trouble == []


# --- what comes from outside


async def in_another_thread():
    seen = []
    context = contextvars.copy_context()
    read = threading.Event()

    def work():
        seen.append(time.time())
        read.set()

    _thread.start_new_thread(context.run, (work,))  # which no library of Python's began
    assert read.wait(patience())
    return seen


async def handled_by_a_function():
    seen = []
    handled(lambda *_: seen.append(time.time()))
    return seen


async def handled_by_an_object():
    seen = []

    class Handler:
        def __call__(self, *_):
            seen.append(time.time())

    handled(Handler())
    return seen


async def handled_by_a_method_and_what_it_calls():
    seen = []

    class Handler:
        def handle(self, *_):
            self.read()

        def read(self):
            seen.append(time.time())

    handled(Handler().handle)
    return seen


async def handled_by_a_part():
    seen = []

    def handle(kept, *_):
        kept.append(time.time())

    handled(functools.partial(handle, seen))
    return seen


def handled(handler):
    before = signal.signal(signal.SIGUSR1, handler)
    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


async def profiled():
    seen = []

    def look(*_):
        seen.append(time.time())

    before = sys.getprofile()
    sys.setprofile(look)
    len("")
    sys.setprofile(before)
    return seen


async def traced():
    seen = []

    def look(*_):
        seen.append(time.time())

    def called():
        return 1

    before = sys.gettrace()
    sys.settrace(look)
    called()
    sys.settrace(before)
    return seen


OUTSIDE = [
    in_another_thread, handled_by_a_function, handled_by_an_object,
    handled_by_a_method_and_what_it_calls, handled_by_a_part, profiled, traced,
]  # fmt: skip


@pytest.mark.parametrize("method", OUTSIDE)
def test_what_comes_from_outside_reads_for_itself(method):
    seen, asked = executed(method)
    assert asked == 0
    assert seen
    assert all(map(is_now, seen))


def test_what_an_event_loop_does_later_reads_for_itself():
    """A callback has the context of the method that asked for it."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []

        async def method():
            loop.call_soon(lambda: seen.append(time.time()))
            return time.time()

        first, asked = executed(method)
        await asyncio.sleep(0)
        assert (first, asked) == (MOMENT + 1, 1)
        assert all(map(is_now, seen))
        assert len(seen) == 1

    asyncio.run(main())


def test_who_handles_a_signal_is_asked_for_as_ever():
    def handle(*_):
        pass

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        assert signal.getsignal(signal.SIGUSR1) is handle
        assert signal.signal(signal.SIGUSR1, signal.SIG_IGN) is handle
    finally:
        signal.signal(signal.SIGUSR1, before)
