"""Who waits shares a round, and nobody is left waiting."""

import asyncio
import threading

import pytest

from backends.sqlite.rounds import _MOST, Rounds, Waiting
from core.errors import Conflict, Unknown


class Performer:
    """Answers with the number of the round, and can be held up in one."""

    def __init__(self):
        self.rounds = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def __call__(self, batch):
        self.rounds.append(len(batch))
        self.entered.set()
        assert self.open.wait(5.0)
        for one in batch:
            one.answer = len(self.rounds)


async def held(rounds, performer, count, version=None):
    """A first commit under way, and ``count`` more that wait for it."""
    performer.open.clear()
    performer.entered.clear()
    tasks = [asyncio.create_task(rounds.commit(Waiting()))]
    await asyncio.to_thread(performer.entered.wait)
    tasks += [asyncio.create_task(rounds.commit(Waiting(version))) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def play(scene, perform=None):
    performer = perform or Performer()

    async def run():
        rounds = Rounds(performer)
        try:
            return await scene(rounds, performer)
        finally:
            await asyncio.to_thread(rounds.join)

    return asyncio.run(run())


def test_alone():
    async def scene(rounds, performer):
        return [await rounds.commit(Waiting()) for _ in range(3)]

    assert play(scene) == [1, 2, 3]


def test_those_who_come_meanwhile_share_the_next_round():
    async def scene(rounds, performer):
        tasks = await held(rounds, performer, 9)
        performer.open.set()
        assert await asyncio.gather(*tasks) == [1] + [2] * 9
        assert performer.rounds == [1, 9]

    play(scene)


def test_who_only_wanted_a_newer_version_and_waits_no_more_is_passed_over():
    async def scene(rounds, performer):
        tasks = await held(rounds, performer, 2 * _MOST)
        write = asyncio.create_task(rounds.commit(Waiting(7)))
        await asyncio.sleep(0)
        write.cancel()
        for task in tasks[1:-1]:
            task.cancel()
        await asyncio.sleep(0)
        performer.open.set()
        assert await tasks[-1] == 2
        await asyncio.to_thread(rounds.join)
        # The first of the line is taken as it is; the write happens though nobody waits.
        assert performer.rounds == [1, 3]

    play(scene)


def test_the_loop_is_woken_once_for_a_round(monkeypatch):
    async def scene(rounds, performer):
        loop, woken = asyncio.get_running_loop(), []
        call = loop.call_soon_threadsafe
        tasks = await held(rounds, performer, 9)
        monkeypatch.setattr(
            loop, "call_soon_threadsafe", lambda *args: (woken.append(args), call(*args))
        )
        performer.open.set()
        await asyncio.gather(*tasks)
        assert len(woken) == 2

    play(scene)


def test_a_round_has_an_end():
    async def scene(rounds, performer):
        tasks = await held(rounds, performer, _MOST + 10)
        performer.open.set()
        await asyncio.gather(*tasks)
        assert performer.rounds == [1, _MOST, 10]

    play(scene)


def test_a_cancelled_task_takes_its_answer_and_nothing_else_along():
    async def scene(rounds, performer):
        tasks = await held(rounds, performer, 4, 1)
        tasks[0].cancel()  # under way
        tasks[2].cancel()  # in the queue
        await asyncio.sleep(0)
        performer.open.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert performer.rounds == [1, 4]
        assert [type(answer) for answer in answers] == [
            asyncio.CancelledError, int, asyncio.CancelledError, int, int,
        ]  # fmt: skip

    play(scene)


def test_the_end_waits_for_what_is_queued():
    async def scene(rounds, performer):
        tasks = await held(rounds, performer, 3)
        end = asyncio.create_task(asyncio.to_thread(rounds.join))
        await asyncio.sleep(0.02)
        assert not end.done()
        performer.open.set()
        await end
        assert performer.rounds == [1, 3]
        assert await asyncio.gather(*tasks) == [1, 2, 2, 2]

    play(scene)


def test_each_gets_the_answer_that_is_its_own():
    def perform(batch):
        for one in batch:
            one.answer = Conflict((b"a",)) if one.entry else 7

    async def scene(rounds, _):
        assert await rounds.commit(Waiting()) == 7
        with pytest.raises(Conflict):
            await rounds.commit(Waiting(entry=b"x"))

    play(scene, perform)


def test_a_round_that_breaks_down_leaves_nobody_waiting():
    rounds_seen = []

    def perform(batch):
        rounds_seen.append(len(batch))
        if len(rounds_seen) == 1:
            raise MemoryError("as the test says")
        batch[0].answer = 1

    async def scene(rounds, _):
        with pytest.raises(Unknown, match="broke down: MemoryError"):
            await rounds.commit(Waiting())
        assert await rounds.commit(Waiting()) == 1

    play(scene, perform)


def test_a_loop_that_is_gone_holds_nobody_up():
    performer = Performer()
    rounds = Rounds(performer)

    async def leave():
        await held(rounds, performer, 1)

    asyncio.run(leave())  # cancels both, and closes the loop
    performer.open.set()
    assert asyncio.run(rounds.commit(Waiting())) == len(performer.rounds)
    assert sum(performer.rounds) == 3
    rounds.join()
