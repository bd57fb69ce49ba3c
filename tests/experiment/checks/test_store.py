"""Atomicity, bounded storage and liveness: what must be in the store, and what must not."""

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import RequestId
from core.journal import Aside, Record, encode_aside, encode_record, in_chunks
from core.layout import WATERMARK, intent_key, journal_key, set_aside_key
from core.messages import Failed, Origin
from core.store import Set
from experiment.checks.atomicity import atomicity
from experiment.checks.bounded_storage import bounded_storage
from experiment.checks.determinism import determinism
from experiment.checks.exactly_once import exactly_once
from experiment.checks.liveness import liveness
from experiment.checks.strict_serializable import strict_serializable
from experiment.record.history import Answered, Committed, Sent
from tests.experiment.checks.shop import CODEC, again, key, shop_subject


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32))
def test_a_correct_run_holds(seed):
    subject = shop_subject(seed)
    for oracle in (atomicity, bounded_storage, liveness):
        verdict = oracle(subject)
        assert (verdict.status, verdict.evidence) == ("holds", [])


def test_nothing_to_examine_is_inconclusive():
    subject = shop_subject(requests=0)
    subject.run.retained.clear()
    assert atomicity(subject).status == "inconclusive"
    assert liveness(subject).status == "inconclusive"
    assert bounded_storage(subject).status == "inconclusive"


# --- atomicity


def test_a_region_committed_in_parts():
    subject = shop_subject()
    commit = next(c for c in subject.history.commits if len(c.mutations) > 2)
    index = subject.history.commits.index(commit)
    part = type(commit)(
        commit.time, commit.version - 1, commit.read_version, commit.request, commit.place,
        commit.end, commit.units, commit.reads, [commit.mutations.pop()],
    )  # fmt: skip
    subject.history.commits.insert(index, part)
    verdict = atomicity(again(subject))
    assert verdict.status == "fails"
    assert f"region {commit.place} took more than one commit" in verdict.evidence[0]
    assert "was committed in parts" in verdict.evidence[1]


def test_a_travelling_attempt_that_commits():
    subject = shop_subject()
    subject.history.commits[0].travelling = True
    verdict = atomicity(again(subject))
    assert verdict.status == "fails"
    assert "while it travelled" in verdict.evidence[0]


def test_a_write_beside_every_commit():
    subject = shop_subject()
    subject.run.final[key("Stock", "items", "thing-1")] = b"\x63"
    verdict = atomicity(again(subject))
    assert verdict.status == "fails"
    [line] = verdict.evidence
    assert line.startswith(
        "Stock.items['thing-1'] is 99 in the end, but the recorded commits leave"
    )


def test_a_commit_that_was_lost():
    subject = shop_subject()
    written = key("Ledger", "count", "all")
    del subject.run.final[written]
    verdict = atomicity(again(subject))
    assert verdict.status == "fails"
    assert "Ledger.count['all'] is nothing in the end" in verdict.evidence[0]


# --- bounded storage


def test_what_retention_leaves_is_named():
    subject = shop_subject()
    request = subject.history.commits[0].request
    subject.run.retained[journal_key(request, 3)] = b"record"
    subject.run.retained[WATERMARK] = request.root
    verdict = bounded_storage(subject)
    assert verdict.status == "fails"
    assert verdict.evidence == [f"the journal of {request}, region 3 is left after retention"]


def test_data_that_retention_takes_along():
    subject = shop_subject()
    lost = key("Stock", "items", "thing-1")
    subject.run.retained.pop(lost)
    verdict = bounded_storage(subject)
    assert verdict.status == "fails"
    assert verdict.evidence == ["Stock.items['thing-1'] is data, but retention changed it"]
    subject.run.settled_after = None  # a request may have taken it
    assert bounded_storage(subject).status == "holds"


# --- liveness


def test_a_system_that_does_not_settle():
    subject = shop_subject()
    for settled in (None, subject.scenario.heal + 1):
        subject.run.settled_after = settled
        verdict = liveness(subject)
        assert verdict.status == "fails"
        assert "had not settled 15 s after the faults" in verdict.evidence[0]


def test_an_intent():
    subject = shop_subject()
    root = subject.history.sent[0].id.root
    subject.run.final[intent_key(root)] = b"intent"
    verdict = liveness(subject)
    assert verdict.status == "fails"
    assert verdict.evidence == [f"the intent {root.hex()} is left: the request was never completed"]


def set_aside(subject, cause="TooSlow"):
    """The note of a request of the run, as if it had been set aside."""
    root = next(iter(subject.answers))
    sent = subject.sent[root]
    note = Aside(Origin(sent.service, sent.method, sent.args), "shop.py:7: because", cause)
    subject.run.set_aside[root] = note
    subject.run.final[set_aside_key(root)] = encode_aside(note)
    return root


def test_what_was_answered_is_not_set_aside():
    subject = shop_subject()
    set_aside(subject)
    verdict = liveness(again(subject))
    assert verdict.status == "fails"
    assert "was answered, and set aside" in verdict.evidence[0]


def test_what_can_be_completed_is_not_set_aside():
    subject = shop_subject()
    root = set_aside(subject)
    kept = [answer for answer in subject.history.answers if answer.id.root != root]
    subject.history.answers[:] = kept
    evidence = liveness(again(subject)).evidence
    assert any("was set aside (shop.py:7: because), but tried again" in line for line in evidence)


def test_a_replay_that_went_astray_shows_as_such():
    subject = shop_subject()
    set_aside(subject, "NondeterminismError")
    verdict = determinism(again(subject))
    assert verdict.status == "fails"
    assert "was set aside: shop.py:7: because" in verdict.evidence[0]


def test_what_is_set_aside_is_neither_left_nor_lost():
    subject = shop_subject()
    root = set_aside(subject)
    record = journal_key(RequestId(root), 3)
    for key_kept in (record, set_aside_key(root)):
        subject.run.final[key_kept] = subject.run.retained[key_kept] = b"kept"
    lost = {key for key in subject.run.final if key[1:17] == root} - {record, set_aside_key(root)}
    subject.run.retained |= {key: subject.run.final[key] for key in lost}
    assert bounded_storage(again(subject)).status == "holds"
    del subject.run.retained[record]
    verdict = bounded_storage(again(subject))
    assert verdict.status == "fails"
    assert "is of a request set aside, but forgotten" in verdict.evidence[0]


def test_a_definite_failure_that_took_effect():
    subject = shop_subject()
    root = next(iter(subject.trees))
    result = next(r for r in subject.run.results if r.id.root == root)
    result.status = "definite"
    verdict = liveness(subject)
    assert verdict.status == "fails"
    assert "failed definitely, but it committed at" in verdict.evidence[0]


def test_a_definite_failure_that_is_recorded_took_no_effect():
    """The record keeps other attempts from completing what the client was told is off."""
    subject = shop_subject(requests=3, crash=0.0)
    request, told = RequestId(b"\xfe" * 16), Failed("BadRequest", True, "no such method")
    record = in_chunks(journal_key(request, 0), encode_record(Record(b"", -1, [], told)))
    last = subject.history.commits[-1]
    subject.history.sent.append(
        Sent(8.0, request, "Shop", "buy", CODEC.encode((("c", "i"), {})), 0)
    )
    subject.history.answers.append(Answered(9.0, request, told, 0, 0, []))
    subject.history.commits.append(
        Committed(8.5, last.version + 1, last.version, request, 0, -1, ("u",), [], record)
    )
    subject.run.final.update({m.key: m.value for m in record})
    subject.run.results.append(SimpleNamespace(id=request, status="definite"))
    for oracle in (exactly_once, strict_serializable, determinism, atomicity, liveness):
        verdict = oracle(again(subject))
        assert (verdict.name, verdict.status, verdict.evidence) == (verdict.name, "holds", [])
    record.append(Set(key("Stock", "items", "thing-1"), b"\x00"))
    assert liveness(again(subject)).status == "fails"
    assert exactly_once(again(subject)).status == "fails"


def test_last_words_that_do_not_fit():
    subject = shop_subject()
    first, second, third = subject.run.results[:3]
    first.status, second.status = "", "definite"
    subject.trees.pop(second.id.root, None)
    subject.answers.pop(third.id.root)
    verdict = liveness(subject)
    assert "left without a last word" in verdict.evidence[0]
    assert "failed definitely, but it was answered" in verdict.evidence[1]
    assert "got no answer, but its client counts it as " in verdict.evidence[2]


def test_an_answer_may_come_after_the_client_gave_up():
    subject = shop_subject()
    for result in subject.run.results:
        result.status = "indefinite"
    assert liveness(subject).status == "holds"


def test_a_request_without_a_result():
    subject = shop_subject()
    subject.run.results.pop()
    assert "left without a last word" in liveness(subject).evidence[0]


def test_a_run_of_a_few_requests_is_enough():
    subject = shop_subject(requests=1)
    assert liveness(subject).detail == "1 request"
    assert isinstance(subject.run, SimpleNamespace)
    assert all(
        not isinstance(m, Set) or m.key for c in subject.history.commits for m in c.mutations
    )
