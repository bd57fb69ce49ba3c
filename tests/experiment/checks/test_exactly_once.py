"""Exactly once holds for correct runs, and each way to break it is caught and named."""

import itertools
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.effects import call
from core.ids import RequestId
from core.layout import JOURNAL, WATERMARK, journal_range
from core.messages import Failed, Raised, Returned
from core.store import ClearRange, Set
from experiment.checks.exactly_once import exactly_once
from experiment.record.history import Answered, Committed
from tests.experiment.checks.shop import CODEC, again, shop_subject


def first_commit(subject):
    return next(commit for commit in subject.history.commits if commit.request is not None)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_a_correct_run_holds(seed):
    verdict = exactly_once(shop_subject(seed))
    assert (verdict.status, verdict.evidence) == ("holds", [])


def test_nothing_to_examine_is_inconclusive():
    assert exactly_once(shop_subject(requests=0)).status == "inconclusive"


def test_a_journal_key_set_twice():
    subject = shop_subject()
    commit = first_commit(subject)
    record = next(m for m in commit.mutations if isinstance(m, Set) and m.key >= JOURNAL.begin)
    last = subject.history.commits[-1]
    subject.history.commits += [
        Committed(9.0, last.version + 1, 0, None, 0, -1, (), [], [ClearRange(*JOURNAL)]),
        Committed(9.0, last.version + 2, 0, None, 0, -1, (), [], [Set(record.key, b"again")]),
    ]
    verdict = exactly_once(again(subject))
    assert verdict.status == "fails"
    assert f"the journal of {commit.request}" in verdict.evidence[0]
    assert f"was committed at {commit.version} and at {last.version + 2}" in verdict.evidence[0]


def test_a_region_committed_twice_without_its_journal():
    subject = shop_subject()
    commit = first_commit(subject)
    last = subject.history.commits[-1]
    subject.history.commits.append(
        Committed(9.0, last.version + 1, 0, commit.request, commit.place, -1, (), [], [])
    )
    verdict = exactly_once(again(subject))
    assert verdict.status == "fails"
    assert any(f"committed its region {commit.place} twice" in line for line in verdict.evidence)


def test_a_commit_for_a_request_that_nobody_sent():
    subject = shop_subject()
    stranger = RequestId(b"\xff" * 16)
    last = subject.history.commits[-1]
    subject.history.commits.append(Committed(9.0, last.version + 1, 0, stranger, 0, -1, (), [], []))
    verdict = exactly_once(again(subject))
    assert any("nobody sent it" in line for line in verdict.evidence)


def test_two_answers():
    subject = shop_subject()
    answers = next(a for a in subject.answers.values() if len(a) > 1 and not a[0].version)
    answers[-1].outcome = Returned(CODEC.encode("another"))
    verdict = exactly_once(again(subject))
    assert verdict.status == "fails"
    assert "was told two answers" in verdict.evidence[0]
    assert "then returned 'another'" in verdict.evidence[0]


def test_read_only_answers_may_differ():
    subject = shop_subject()
    answers = next(a for a in subject.answers.values() if len(a) > 1 and a[0].version)
    answers[-1].outcome = Returned(CODEC.encode("another"))
    assert exactly_once(again(subject)).status == "holds"


def test_an_answer_that_is_not_the_one_remembered():
    subject = shop_subject()
    for answers in subject.answers.values():
        for answer in answers:
            answer.outcome = Returned(CODEC.encode("made up"))
    verdict = exactly_once(again(subject))
    assert verdict.status == "fails"
    assert "was told that it returned 'made up', but sent again" in verdict.evidence[0]


def test_an_answer_before_all_is_durable():
    subject = shop_subject()
    root = next(root for root in subject.trees if root in subject.answers)
    subject.trees[root][-1].time = subject.answers[root][0].time + 0.001
    verdict = exactly_once(again(subject))
    assert verdict.status == "fails"
    assert "was answered at " in verdict.evidence[0]
    assert f"but committed {subject.trees[root][-1].version} at " in verdict.evidence[0]


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        (Failed("IdReused", True, "seen before"), "fails"),
        (Failed("Overloaded", True, "the queue is full"), "holds"),
        (Failed("Expired", False, "too late"), "holds"),
    ],
)
def test_a_late_duplicate_that_is_told_that_nothing_happened(failed, status):
    subject = shop_subject()
    root = next(iter(subject.trees))
    request = subject.sent[root].id
    subject.history.answers.append(Answered(9.0, request, failed, 1, 0, []))
    verdict = exactly_once(again(subject))
    assert verdict.status == status
    if status == "fails":
        assert (
            "failed with IdReused: seen before, definitely, but it committed"
            in (verdict.evidence[0])
        )


def test_a_forgotten_journal_makes_it_happen_again():
    subject = shop_subject()
    for name in [name for name in subject.run.final if JOURNAL.begin <= name < JOURNAL.end]:
        del subject.run.final[name]
    verdict = exactly_once(again(subject))
    assert verdict.status == "fails"
    assert "wants to commit once more: " in verdict.evidence[0]


def test_what_the_watermark_has_passed_is_not_sent_again():
    subject = shop_subject()
    for name in [name for name in subject.run.final if JOURNAL.begin <= name < JOURNAL.end]:
        del subject.run.final[name]
    subject.run.final[WATERMARK] = b"\xff" * 16
    assert exactly_once(again(subject)).status == "holds"


def test_an_incomplete_request():
    subject = shop_subject()
    ended = [
        m.key
        for c in subject.history.commits
        if c.end == -1
        for m in c.mutations
        if isinstance(m, Set)
    ]
    for name in ended:
        if JOURNAL.begin <= name < JOURNAL.end:
            subject.run.final.pop(name, None)
    subject.answers.clear()
    assert exactly_once(again(subject)).status == "fails"


def test_a_method_that_does_something_else_when_it_is_executed_again():
    turns = itertools.count()

    async def forward(_, customer, item):
        return await call("Shop", "buy", customer + str(next(turns)), item)

    verdict = exactly_once(shop_subject(forward=forward))
    assert verdict.status == "fails"


def test_an_answer_must_not_depend_on_what_the_world_has_become():
    """A no that was not remembered would be a yes by now."""
    made = shop_subject(crash=0.0, requests=30)
    refused = next(a for a in made.history.answers if isinstance(a.outcome, Raised))
    begin = journal_range(refused.id).begin
    for name in [name for name in made.run.final if name.startswith(begin)]:
        del made.run.final[name]
    verdict = exactly_once(again(made))
    assert verdict.status == "fails"
    assert f"(request {refused.id}), sent again" in verdict.evidence[0]


def test_an_answer_without_a_trace_must_not_depend_on_state():
    """What the broken program reads behind the executor's back is not remembered."""
    calls = itertools.count()

    async def forward(_, customer, item):
        return next(calls)

    verdict = exactly_once(shop_subject(forward=forward))
    assert verdict.status == "fails"


def test_long_runs_leave_out_only_what_went_smoothly(monkeypatch):
    module = sys.modules[exactly_once.__module__]
    made = shop_subject(crash=0.0, requests=40)
    troubled = [a for a in made.answers.values() if len(a) > 1 and not a[0].version]
    assert len(troubled) > 1
    for most in (1, len(troubled) + 3):
        monkeypatch.setattr(module, "MOST_REDRIVEN", most)
        count = max(most, len(troubled))
        assert exactly_once(made).detail.endswith(f" {count} re-driven requests")
