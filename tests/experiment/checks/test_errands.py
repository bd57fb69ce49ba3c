"""Broken executors that only an application with scans, clears and nesting can tell."""

from pathlib import Path
from unittest import mock

import pytest

from compiler.application import load
from core.calls import Calls
from core.ports import Receive
from core.region import Region
from core.store import Clear, ClearRange
from core.writes import Writes
from experiment.checks import check
from experiment.scenario.model import Fault, Load, Retry, Scenario
from sim.run import run

ERRANDS = load(Path(__file__).with_name("errands.py"))
HARSH = [
    Fault("crash", at="any", probability=0.005),
    Fault("pause", at="before_commit", probability=0.1, duration=0.4),
    Fault("delay", probability=0.05, duration=0.4),
]


def failing(faults, seeds):
    """The checks that fail with some of the seeds."""
    found = set()
    for seed in range(seeds):
        steady = Load("steady", "poisson-arrival-rate", rate=60.0, duration=4.0)
        retry = Retry(attempts=6, timeout=0.3)
        scenario = Scenario("errands", "", seed, retry=retry, load=[steady], faults=faults)
        verdicts = check(run(scenario, ERRANDS), ERRANDS, scenario)
        found |= {verdict.name for verdict in verdicts if verdict.status != "holds"}
    return found


@pytest.mark.parametrize("faults", [[], HARSH], ids=["calm", "harsh"])
def test_all_hold_for_the_executor_as_it_is(faults):
    assert failing(faults, 4) == set()


def scans_not_in_conflict():
    """Leave the ranges that were scanned out of the conflict keys."""
    original = Region.scanned

    def scanned(self, begin, end, limit, pairs):
        found = original(self, begin, end, limit, pairs)
        self.reads.pop()
        return found

    return mock.patch.object(Region, "scanned", scanned)


def answers_mixed_up():
    """Give the answers of calls that were awaited together in the opposite order."""
    original = Calls._receive

    def receive(self, places):
        steps = original(self, places)
        try:
            effect = next(steps)
            while True:
                replies = yield effect
                if isinstance(effect, Receive):
                    replies = replies[::-1]
                effect = steps.send(replies)
        except StopIteration:
            return

    return mock.patch.object(Calls, "_receive", receive)


def savepoint_at_the_start():
    """Undo everything, whatever the savepoint."""
    original = Writes.rollback
    return mock.patch.object(Writes, "rollback", lambda self, mark: original(self, 0))


def undone_writes_still_seen():
    """Undo what is to be committed, but not what the program sees."""

    def rollback(self, mark):
        del self._log[mark:]

    return mock.patch.object(Writes, "rollback", rollback)


def lost(kind):
    """Do not commit mutations of one kind."""
    return mock.patch.object(
        Writes, "all", lambda self: [each for each in self._log if not isinstance(each, kind)]
    )


def unawaited_calls_forgotten():
    """Answer before the calls that nobody awaits are over."""

    def receive_all(_):
        yield from ()

    return mock.patch.object(Calls, "receive_all", receive_all)


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (scans_not_in_conflict, "strict_serializable"),
        (answers_mixed_up, "reference"),
        (savepoint_at_the_start, "reference"),
        (undone_writes_still_seen, "reference"),
        (lambda: lost(ClearRange), "reference"),
        (lambda: lost(Clear), "reference"),
        (unawaited_calls_forgotten, "exactly_once"),
    ],
    ids=["scans", "answers", "savepoint", "undone", "clear_range", "clear", "unawaited"],
)
def test_what_is_broken_is_caught(broken, caught_by):
    with broken():
        assert caught_by in failing(HARSH, 4)
