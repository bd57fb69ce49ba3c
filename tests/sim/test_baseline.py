"""The paper's protocol in the simulator: right without faults, and where it breaks its promise."""

from pathlib import Path

import msgspec
import pytest

from core.popl23.part import Part
from core.popl23.switches import NAMES
from core.protocol import PROTOCOLS
from core.turns import Turns
from experiment.outcome import Task
from experiment.preparation import prepare
from experiment.scenario.model import Call, Fault, Load, Retry, Selector
from sim.execution import execute

ROOT = Path(__file__).parent.parent.parent
LOCKING = [name for name, switches in NAMES.items() if switches.transactions]
TRANSFER = Call("Bank.transfer", args=["north-01", "south-02", 100])
AUDIT = Call("Bank.audit")
"""Bank.share begins transactions in a transaction, side by side: the prototype forbids it."""
BOOK = Call("Frontend.book", args=["ann", "flight-02", "hotel-02"])


def run(protocol, app="apps/hotel", mix=(), faults=(), rate=5.0, duration=4.0, **changes):
    """The run, and its verdicts by name."""
    prepared = prepare(Task(str(ROOT / "scenarios/smoke.yaml"), app, protocol=protocol))
    load = [Load("some", "constant-arrival-rate", mix=list(mix), rate=rate, duration=duration)]
    changes = {"load": load, "faults": list(faults), "heal": 5.0, **changes}
    done, outcome = execute(prepared, msgspec.structs.replace(prepared.scenario, **changes))
    return done, {each.name: each for each in outcome.checks}


def failing(verdicts):
    return {name for name, verdict in verdicts.items() if verdict.status == "fails"}


def evidence(verdicts, name):
    assert verdicts[name].status == "fails", verdicts[name]
    return "\n".join(verdicts[name].evidence)


@pytest.mark.parametrize("protocol", LOCKING)
@pytest.mark.parametrize(
    ("app", "mix"),
    [("apps/hotel", []), ("apps/tree", []), ("apps/media", []), ("apps/bank", [TRANSFER, AUDIT])],
)
def test_without_faults_everything_holds(app, mix, protocol):
    done, verdicts = run(protocol, app, mix)
    assert failing(verdicts) == set()
    judged = {name for name, each in verdicts.items() if each.status == "holds"}
    assert {"exactly_once", "strict_serializable", "atomicity", "liveness"} <= judged
    assert {result.status for result in done.results} <= {"succeeded", "raised"}
    assert done.protocol == protocol


def test_requests_that_meet_abort_and_come_through():
    """Four users at one pair of counters: each lock that is taken costs a try, and nothing else."""
    load = [Load("hot", "constant-vus", mix=[Call("Root.increment", args=["a"])], vus=4,
                 duration=1.0)]  # fmt: skip
    done, verdicts = run("popl23", "apps/tree", load=load)
    assert failing(verdicts) == set()
    ended = [c for c in done.history.commits if c.request is not None and not c.request.path]
    assert len(ended) > len(done.results)
    assert {result.status for result in done.results} == {"succeeded"}


HOT = [Load("hot", "constant-vus", mix=[Call("Root.increment", args=["a"])], vus=4, duration=1.0)]
"""Four users at one pair of counters, which each locks in whatever order it comes to them."""


def test_with_wait_die_the_older_waits_and_the_younger_dies():
    done, verdicts = run("popl23-wait-die", "apps/tree", load=HOT)
    assert failing(verdicts) == set()
    assert {result.status for result in done.results} == {"succeeded"}
    without, _ = run("popl23", "apps/tree", load=HOT)
    assert 0 < done.history.aborted < without.history.aborted


def test_if_everybody_waited_they_would_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(Part, "must_wait", lambda self, holders: self.waits)
    retry = Retry(attempts=1, timeout=0.5)
    done, verdicts = run("popl23-wait-die", "apps/tree", load=HOT, retry=retry)
    assert "liveness" in failing(verdicts)
    assert "indefinite" in {result.status for result in done.results}


def test_without_lines_everything_holds_and_nobody_stands_in_one(monkeypatch):
    stood, take = [], Turns.take
    monkeypatch.setattr(Turns, "take", lambda *asked: stood.append(asked) or take(*asked))
    done, verdicts = run("mu2sls-no-turns", "apps/tree", load=HOT)
    assert failing(verdicts) == set()
    assert done.history.aborted > 0
    assert stood == []
    run("mu2sls", "apps/tree", load=HOT)
    assert stood


def test_without_locks_the_checks_see_transactions_interleave(monkeypatch):
    monkeypatch.setattr(Part, "refused", lambda self, holders: False)
    load = [Load("hot", "constant-vus", mix=[Call("Root.increment", args=["a"])], vus=4,
                 duration=1.0)]  # fmt: skip
    _, verdicts = run("popl23", "apps/tree", load=load)
    assert "strict_serializable" in failing(verdicts)


def test_without_transactions_updates_are_lost():
    load = [Load("hot", "constant-vus", mix=[Call("Counter.increment", args=["a"])], vus=4,
                 duration=1.0)]  # fmt: skip
    _, verdicts = run("popl23-unsafe", "apps/counter", load=load)
    assert "though it had been changed in between" in evidence(verdicts, "strict_serializable")


def test_a_lock_outlives_its_holder():
    crash = Fault(
        "crash", at="before_commit", selector=Selector("Hotel", "reserve"), nth=[2], probability=1.0
    )
    few = {"rate": 1.0, "duration": 3.0, "heal": 1.0}  # whoever comes later tries without end
    _, verdicts = run("popl23", faults=[crash], mix=[BOOK], **few)
    assert "never ended in Hotel, and holds 1 of its locks" in evidence(verdicts, "liveness")


def test_a_message_that_is_lost_leaves_half_a_transaction():
    """Of the messages between services the third is that to commit."""
    drop = Fault("drop", selector=Selector("Hotel", "reserve"), nth=[2], probability=1.0)
    _, verdicts = run("popl23", faults=[drop], mix=[BOOK], rate=1.0)
    assert "is committed in Flight, but not in Hotel" in evidence(verdicts, "atomicity")
    assert "liveness" in failing(verdicts)


def test_nobody_asks_again_for_what_got_no_answer():
    """The front end dies between the transaction and the order."""
    crash = Fault(
        "crash", at="before_call", selector=Selector("Frontend", "book"), nth=[4], probability=1.0
    )
    done, verdicts = run("popl23", faults=[crash], mix=[BOOK], rate=1.0)
    assert {result.tries for result in done.results} == {1}
    assert "indefinite" in {result.status for result in done.results}
    assert "wants to commit once more" in evidence(verdicts, "exactly_once")
    _, verdicts = run("mu2sls", faults=[crash], mix=[BOOK], rate=1.0)
    assert failing(verdicts) == set()


def test_a_second_execution_reads_another_clock_and_draws_another_uuid():
    """Two copies of each request: both are executed, and each has an order of another name."""
    twice = Fault("duplicate", selector=Selector("Frontend", "book"), probability=1.0)
    _, verdicts = run("popl23", faults=[twice], mix=[BOOK])
    assert "was told two answers" in evidence(verdicts, "exactly_once")
    _, verdicts = run("mu2sls", faults=[twice], mix=[BOOK])
    assert failing(verdicts) == set()


def test_without_the_log_a_second_execution_does_all_again():
    """Answers agree here; but the counters went two steps."""
    twice = Fault("duplicate", selector=Selector("Root", "increment"), probability=1.0)
    mix = [Call("Root.increment", args=["a"])]
    _, verdicts = run("popl23-no-fault-tolerance", "apps/tree", mix, [twice], rate=2.0)
    assert "was executed twice, and both changed data" in evidence(verdicts, "exactly_once")
    _, verdicts = run("popl23", "apps/tree", mix, [twice], rate=2.0)
    assert "was executed twice" not in "\n".join(verdicts["exactly_once"].evidence)


def test_every_protocol_has_its_own_name():
    assert {name: make().name for name, make in PROTOCOLS.items()} == {n: n for n in PROTOCOLS}
    assert [*PROTOCOLS] == ["mu2sls", "mu2sls-no-turns", *NAMES, "unsafe"]
