"""For whom a process died is known to the next of its name."""

import os
import signal

import pytest

from backends.runtime.deaths import OFTEN, Deaths, absolve, forgive
from core.messages import Failed, Reply, Returned
from tests.core.programs import increment, program
from tests.direct import root_request

APP = program(("Counter", {"increment": increment}))
ROOT, OTHER = b"r" * 16, b"s" * 16


def request(root=ROOT):
    return root_request(APP, root, "Counter", "increment", "k")


def lived(folder, work):
    """A process of a node: does ``work`` with what it remembers, and says how it ended."""
    pid = os.fork()
    if not pid:
        os.close(2)  # what it logs
        work(Deaths(folder, "Counter-0", APP, 60.0))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def computes(root, end):
    """Computes for a request, and dies so."""

    def steps():
        end()
        yield

    return lambda deaths: deaths.step(request(root))(steps(), None)


def why(folder, root=ROOT):
    found = []
    read, write = os.pipe()
    lived(folder, lambda deaths: os.write(write, deaths.reason(request(root)).encode() or b"-"))
    found = os.read(read, 10_000).decode()
    os.close(read)
    os.close(write)
    return "" if found == "-" else found


ENDS = {
    "exit": lambda: os._exit(1),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}


@pytest.mark.parametrize("end", ENDS)
def test_whoever_takes_processes_down_often_enough_is_known(tmp_path, end):
    for number in range(OFTEN):
        assert not why(tmp_path), number
        lived(tmp_path, computes(ROOT, ENDS[end]))
    told = why(tmp_path)
    assert f"Counter.increment took its process down {OFTEN} times" in told
    assert told.startswith(f"{increment.__code__.co_filename}:")
    assert not why(tmp_path, OTHER)


def test_who_dies_between_steps_dies_for_nobody(tmp_path):
    def between(deaths):
        deaths.step(request())((_ for _ in [1]), None)
        os._exit(1)

    for _ in range(OFTEN):
        lived(tmp_path, between)
    assert not why(tmp_path)


def test_an_answer_forgives_and_a_failure_does_not(tmp_path):
    def dies_often():
        for _ in range(OFTEN - 1):
            lived(tmp_path, computes(ROOT, ENDS["exit"]))

    dies_often()
    failed = Reply(request().id, Failed("Interrupted", False, ""))
    lived(tmp_path, lambda deaths: deaths.ended(request(), failed))
    lived(tmp_path, computes(ROOT, ENDS["exit"]))
    assert why(tmp_path)
    answered = Reply(request().id, Returned(b""))
    lived(tmp_path, lambda deaths: deaths.ended(request(), answered))
    assert not why(tmp_path)
    dies_often()
    assert not why(tmp_path)


def test_who_is_killed_on_purpose_dies_for_nobody(tmp_path):
    for _ in range(OFTEN):
        lived(tmp_path, computes(ROOT, ENDS["kill"]))
        absolve(tmp_path, "Counter-0")
    assert not why(tmp_path)


def test_a_tree_can_be_forgiven_from_outside_while_a_process_lives(tmp_path):
    for _ in range(OFTEN):
        lived(tmp_path, computes(ROOT, ENDS["exit"]))
        lived(tmp_path, computes(OTHER, ENDS["exit"]))

    def knows(deaths):
        assert deaths.reason(request())
        forgive(tmp_path, ROOT)
        assert not deaths.reason(request())
        assert deaths.reason(request(OTHER))
        os._exit(5)

    assert os.waitstatus_to_exitcode(lived(tmp_path, knows)) == 5


def test_to_run_out_of_memory_counts(tmp_path):
    def runs_out(deaths):
        try:
            b"x" * (1 << 62)
        except MemoryError as error:
            deaths.ran_out_of_memory(request(), error)

    for _ in range(OFTEN):
        lived(tmp_path, runs_out)
    assert why(tmp_path)


def test_files_that_are_cut_or_foreign_mean_nothing(tmp_path):
    for name in ("deaths", "step", "stood"):
        (tmp_path / f"Counter-0.{name}").write_bytes(b"\x00{")
    assert not why(tmp_path)
