"""Strict serializability holds for correct runs; reads and real time out of order are named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.checks.strict_serializable import strict_serializable
from experiment.record.history import Answered, Sent
from tests.experiment.checks.shop import again, shop_subject


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_a_correct_run_holds(seed):
    verdict = strict_serializable(shop_subject(seed))
    assert (verdict.status, verdict.evidence) == ("holds", [])


def test_nothing_to_examine_is_inconclusive():
    assert strict_serializable(shop_subject(requests=0)).status == "inconclusive"


def data_read(subject, names):
    """Some unit, and the index of a read of application data that found something."""
    for name in names:
        unit = subject.history.units.get(name)
        for index, (key, value) in enumerate(unit.reads if unit else ()):
            if key.startswith(b"d") and value is not None:
                return unit, index
    return pytest.fail("the run reads no data")


def test_a_read_that_does_not_fit():
    subject = shop_subject()
    names = [name for commit in subject.history.commits for name in commit.units]
    unit, index = data_read(subject, names)
    key, _ = unit.reads[index]
    unit.reads[index] = (key, b"\x63")
    verdict = strict_serializable(again(subject))
    assert verdict.status == "fails"
    assert "read Stock.items['thing-" in verdict.evidence[0]
    assert "as 99 at version" in verdict.evidence[0]


def test_a_read_only_answer_that_does_not_fit():
    subject = shop_subject()
    names = [name for answer in subject.history.answers for name in answer.units]
    unit, index = data_read(subject, names)
    unit.reads[index] = (unit.reads[index][0], None)
    verdict = strict_serializable(again(subject))
    assert verdict.status == "fails"
    assert "Shop.look(" in verdict.evidence[0]
    assert "as nothing at version" in verdict.evidence[0]


def test_a_read_at_another_version():
    subject = shop_subject()
    names = [name for commit in subject.history.commits for name in commit.units]
    unit, _ = data_read(subject, names)
    unit.version -= 1
    verdict = strict_serializable(again(subject))
    assert verdict.status == "fails"
    assert f"read at version {unit.version}, not at version {unit.version + 1}" in str(verdict)


def one_after_the_other(subject):
    """Two commits in order whose trees are not each other's."""
    first = subject.history.commits[0].request
    later = [c for c in subject.history.commits if c.request and c.request.root != first.root]
    return first, later[-1].request


def test_a_request_that_comes_before_one_answered_earlier():
    subject = shop_subject()
    first, later = one_after_the_other(subject)
    history = subject.history
    for sent in history.sent:
        if sent.id.root == first.root:
            sent.time = 1000.0
    outcome = next(a.outcome for a in history.answers if a.id.root == later.root)
    history.answers.append(Answered(999.0, type(later)(later.root), outcome, 0, 0, []))
    verdict = strict_serializable(again(subject))
    assert verdict.status == "fails"
    assert "was sent at 1000.000000 s and committed at version" in verdict.evidence[0]
    assert "had been answered at" in verdict.evidence[0]


def test_a_read_only_request_that_reads_the_past():
    subject = shop_subject()
    history = subject.history
    look = min((a for a in history.answers if a.version), key=lambda a: a.version)
    for sent in history.sent:
        if sent.id == look.id:
            sent.time = 1000.0
    verdict = strict_serializable(again(subject))
    assert verdict.status == "fails"
    assert f"and read at version {look.version}, but" in verdict.evidence[0]


def test_requests_at_the_same_moment_are_in_no_order():
    subject = shop_subject()
    for sent in subject.history.sent:
        sent.time = 0.0
    for answer in subject.history.answers:
        answer.time = 0.0
    assert strict_serializable(again(subject)).status == "holds"


def test_a_request_that_never_did_anything_constrains_nobody():
    subject = shop_subject()
    _, later = one_after_the_other(subject)
    nobody = type(later)(b"\x00" * 16)
    outcome = subject.history.answers[0].outcome
    subject.history.sent.append(Sent(0.0, nobody, "Shop", "buy", b"\x92\x90\x80", 0))
    subject.history.answers.append(Answered(0.0, nobody, outcome, 0, 0, []))
    assert strict_serializable(again(subject)).status == "holds"
