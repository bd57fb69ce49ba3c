"""Who waits to write gets a turn, whatever the others do."""

import fcntl
import os
import sqlite3
import threading
import time

import pytest

from backends.sqlite.turns import COURTESY, Turns, begin
from tests.patience import patience


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "store.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    return path


@pytest.fixture
def taker(path):
    """Makes cursors with their turns, as processes have them."""
    opened = []

    def make(timeout=None):
        cursor = sqlite3.connect(
            path, isolation_level=None, timeout=0, check_same_thread=False
        ).cursor()
        opened.append((cursor, Turns(path, timeout or patience())))
        return opened[-1]

    yield make
    for cursor, turns in opened:
        cursor.connection.close()
        turns.close()


def test_a_process_that_never_pauses_lets_others_in(taker):
    greedy, its_turns = taker()
    done = threading.Event()
    rounds = []

    def work():
        while not done.is_set():
            its_turns.begin(greedy)
            time.sleep(0.003)
            greedy.execute("COMMIT")
            rounds.append("round")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        cursor, turns = taker()
        passed = []
        for _ in range(21):
            before = len(rounds)
            turns.begin(cursor)
            cursor.execute("COMMIT")
            passed.append(len(rounds) - before)
        assert sorted(passed)[10] < 20  # whoever asks may have to wait for a processor, too
    finally:
        done.set()
        thread.join()


def test_no_turn_in_time(taker, path):
    holder, its_turns = taker()
    its_turns.begin(holder)
    cursor, turns = taker(0.05)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        turns.begin(cursor)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        begin(cursor, 0.05)
    holder.execute("COMMIT")
    turns.begin(cursor)
    cursor.execute("COMMIT")
    claim = os.open(f"{path}-turn", os.O_RDWR)
    fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it was given back
    os.close(claim)


def test_a_claim_whose_holder_does_not_move_is_passed(taker, path):
    stopped = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    cursor, turns = taker()
    started = time.monotonic()
    turns.begin(cursor)
    assert time.monotonic() - started >= COURTESY
    os.close(stopped)
    cursor.execute("COMMIT")


def test_other_errors_are_not_waited_for(taker):
    cursor, turns = taker()
    turns.begin(cursor)
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        turns.begin(cursor)
