"""Who leads, who waits, and that nobody is left waiting."""

import threading
import time

import pytest

from backends.local.group import Group, Waiting
from core.errors import Conflict, Unknown


def ask():
    return Waiting(1, (), ())


class Performer:
    """Answers with the number of the round, and can be held up in one."""

    def __init__(self):
        self.rounds = []
        self.open = threading.Event()
        self.open.set()
        self.at_work = False

    def __call__(self, batch):
        assert not self.at_work
        self.at_work = True
        self.rounds.append(len(batch))
        number = len(self.rounds)
        self.open.wait()
        for one in batch:
            one.answer = number
        self.at_work = False


def start(work, count=1):
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def until(condition):
    deadline = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_alone():
    group = Group(Performer())
    assert [group.commit(ask()) for _ in range(3)] == [1, 2, 3]


def test_those_who_come_meanwhile_share_the_next_round():
    performer = Performer()
    group = Group(performer)
    performer.open.clear()
    answers = []
    threads = start(lambda: answers.append(group.commit(ask())))
    until(lambda: performer.rounds == [1])
    threads += start(lambda: answers.append(group.commit(ask())), 9)
    until(lambda: len(group._queue) == 9)
    performer.open.set()
    for thread in threads:
        thread.join(5.0)
    assert performer.rounds == [1, 9]
    assert sorted(answers) == [1] + [2] * 9


def test_many_threads():
    performer = Performer()
    group = Group(performer)

    def client():
        for _ in range(200):
            group.commit(ask())

    threads = start(client, 8)
    for thread in threads:
        thread.join(10.0)
    assert sum(performer.rounds) == 1_600
    assert not group._led


def test_each_gets_an_error_of_its_own():
    def perform(batch):
        for one in batch:
            one.answer = Conflict((b"a",))

    group = Group(perform)
    with pytest.raises(Conflict):
        group.commit(ask())


def test_a_round_that_fails_leaves_nobody_waiting():
    performer = Performer()
    failures = iter([KeyboardInterrupt()])

    def perform(batch):
        performer(batch)
        for failure in failures:
            for one in batch[1:]:
                one.answer = None
            raise failure

    group = Group(perform)
    with pytest.raises(KeyboardInterrupt):
        group.commit(ask())
    assert group.commit(ask()) == 2


def test_followers_of_a_leader_who_was_interrupted_do_not_know():
    entered, go = threading.Event(), threading.Event()

    def perform(batch):
        if len(batch) == 1:
            entered.set()
            go.wait()
            batch[0].answer = 1
        else:
            raise SystemExit

    group = Group(perform)
    ended = []

    def client():
        try:
            ended.append(group.commit(ask()))
        except BaseException as error:
            ended.append(type(error))

    threads = start(client)
    entered.wait()
    threads += start(client, 3)
    until(lambda: len(group._queue) == 3)
    go.set()
    for thread in threads:
        thread.join(5.0)
    assert sorted(map(str, ended)) == sorted(map(str, [1, SystemExit, Unknown, Unknown]))


def test_an_interrupted_thread_gives_its_lead_away():
    performer = Performer()
    group = Group(performer)
    performer.open.clear()
    first = start(lambda: group.commit(ask()))
    until(lambda: performer.rounds == [1])

    class Interrupted:
        def acquire(self):
            until(lambda: len(group._queue) == 2)
            performer.open.set()
            until(lambda: impatient.leads)
            raise KeyboardInterrupt

        def release(self):
            pass

    impatient = ask()
    impatient.gate = Interrupted()
    ended = []

    def client():
        try:
            group.commit(impatient)
        except KeyboardInterrupt:
            ended.append("interrupted")

    second = start(client)
    until(lambda: len(group._queue) == 1)
    third = start(lambda: ended.append(group.commit(ask())))
    for thread in first + second + third:
        thread.join(5.0)
    assert sorted(map(str, ended)) == ["2", "interrupted"]
    assert performer.rounds == [1, 1]
