"""Outside functions for real: in threads, on the loop, and for no longer than they may take."""

import asyncio
import inspect
import threading

import pytest

from backends.runtime.outside import answered, tried_for_real
from compiler import outside
from core.codec import Codec
from core.ids import RequestId
from core.messages import Raised, Returned
from core.outside import Outside
from core.ports import Ask

CODEC = Codec()


def declared(function, attempts=1, timeout=60.0, backoff=0):
    check = inspect.signature(function).bind
    retried = (Exception,), (ValueError,)
    return Outside("there.charge", function, check, attempts, int(timeout * 1e9), backoff, *retried)


def asked(function, *args, **declaration):
    ask = Ask("u", RequestId(bytes(16)), 0, "there.charge", "the key", CODEC.encode((args, {})))

    async def once(function, ask, tried):
        return await tried_for_real(function, CODEC, ask, tried)

    async def run():
        ticks = asyncio.ensure_future(asyncio.sleep(0))
        outcome = await answered(declared(function, **declaration), ask, once)
        await ticks
        return outcome

    return asyncio.run(run())


def value(outcome):
    assert isinstance(outcome, Returned)
    return CODEC.decode(outcome.value)


def test_one_that_is_not_async_runs_in_a_thread_of_its_own():
    name, key = value(asked(lambda: (threading.current_thread().name, outside.key())))
    assert name != threading.main_thread().name
    assert key == "the key"


def test_one_that_is_async_runs_on_the_loop():
    async def charge(card):
        await asyncio.sleep(0)
        return [card, outside.key(), threading.current_thread() is threading.main_thread()]

    assert value(asked(charge, "ada")) == ["ada", "the key", True]


@pytest.mark.parametrize("is_async", [False, True])
def test_one_that_hangs_is_not_waited_for(is_async):
    released = threading.Event()

    async def never():
        await asyncio.Event().wait()

    outcome = asked(never if is_async else released.wait, attempts=2, timeout=0.01)
    released.set()
    assert isinstance(outcome, Raised)
    assert outcome.type == "TimeoutError"
    assert outcome.text == "charge gave no answer within 0.01 s"


def test_it_is_tried_again_as_often_as_was_declared():
    tries = []

    def charge(error):
        tries.append(outside.key())
        raise {"lost": ConnectionError, "bad": ValueError, "end": SystemExit}[error](error)

    assert asked(charge, "lost", attempts=3).type == "ConnectionError"
    assert tries == ["the key"] * 3
    assert asked(charge, "bad", attempts=3).type == "ValueError"
    assert len(tries) == 4
    assert asked(charge, "end", attempts=2).type == "RuntimeError"


def test_an_answer_that_cannot_be_sent_is_no_reason_to_ask_again():
    tries = []
    outcome = asked(lambda: tries.append(0) or threading.Lock(), attempts=3)
    assert isinstance(outcome, Raised)
    assert outcome.type == "UnsupportedValue"
    assert len(tries) == 1
