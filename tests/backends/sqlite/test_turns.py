"""Who waits to write gets a turn, whatever the others do."""

import fcntl
import os
import sqlite3
import threading
import time

import pytest

from backends.sqlite.turns import COURTESY, Turns, begin


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

    def make(timeout=5.0):
        cursor = sqlite3.connect(
            path, isolation_level=None, timeout=0, check_same_thread=False
        ).cursor()
        opened.append((cursor, Turns(path, timeout)))
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
            rounds.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        cursor, turns = taker()
        for _ in range(20):
            asked = time.monotonic()
            turns.begin(cursor)
            cursor.execute("COMMIT")
            assert sum(asked < ended for ended in rounds) < 20
    finally:
        done.set()
        thread.join()


def test_no_turn_in_time(taker):
    holder, its_turns = taker()
    its_turns.begin(holder)
    cursor, turns = taker(0.05)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        turns.begin(cursor)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        begin(cursor, 0.05)
    holder.execute("COMMIT")
    turns.begin(cursor)  # and the claim was given back
    cursor.execute("COMMIT")
    started = time.monotonic()
    its_turns.begin(holder)
    assert time.monotonic() - started < COURTESY


def test_a_claim_whose_holder_does_not_move_is_passed(taker, path):
    stopped = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    cursor, turns = taker()
    started = time.monotonic()
    turns.begin(cursor)
    assert COURTESY <= time.monotonic() - started < COURTESY + 2.0
    os.close(stopped)
    cursor.execute("COMMIT")


def test_other_errors_are_not_waited_for(taker):
    cursor, turns = taker()
    turns.begin(cursor)
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        turns.begin(cursor)
