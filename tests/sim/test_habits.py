"""Clients' keys and ids: what is asked, what is recorded, and what the check makes of it."""

from collections import defaultdict
from dataclasses import replace

import pytest

from compiler.application import load
from core.ids import RequestId
from core.layout import WATERMARK, client_key
from core.messages import Failed, Returned
from core.store import Set
from experiment.checks import check
from experiment.record.history import Committed
from experiment.scenario.model import Call, Load, Scenario
from sim.run import run

COUNTER = load("apps/counter")
MIX = [Call("Counter.increment"), Call("Counter.read")]


def done(**shares):
    clients = Load("all", "constant-arrival-rate", MIX, rate=100.0, duration=2.0, **shares)
    return run(Scenario("x", "apps/counter", load=[clients]), COUNTER)


def evidence(run):
    verdicts = {each.name: each for each in check(run, COUNTER, run.scenario)}
    return verdicts["exactly_once"].evidence


def roots_of_keys(run):
    roots = defaultdict(set)
    for sent in run.history.sent:
        roots[sent.key].add(sent.id.root)
    return roots


def test_without_shares_ids_are_what_the_clients_drew():
    made = done()
    assert not any(sent.key for sent in made.history.sent)
    assert not made.history.misused


def test_requests_under_keys_are_asked_twice_and_are_one():
    made = done(keys=0.5)
    roots = roots_of_keys(made)
    assert len(roots.pop("")) == len(made.results) - len(roots)
    assert 70 < len(roots) < 130
    assert all(len(found) == 1 for found in roots.values())
    assert len(made.history.sent) > len(made.results) + 20
    assert not evidence(made)


def test_a_load_counts_its_own_requests_only():
    assert len(done(keys=0.5, reuse=0.5).results) == 200


def test_a_key_has_one_last_word():
    made = done(keys=0.5)
    again = next(sent for sent in made.history.sent if sent.key)
    made.history.sent.append(replace(again, id=RequestId(b"z" * 16)))
    told = {each.name: each for each in check(made, COUNTER, made.scenario)}
    assert told["liveness"].status == "holds"
    made.history.sent[-1].key = "another"
    told = {each.name: each for each in check(made, COUNTER, made.scenario)}
    assert "without a last word" in told["liveness"].evidence[0]


def test_ids_used_again_are_refused():
    made = done(reuse=0.5)
    assert len(made.history.misused) > 10
    assert {m.outcome.kind for m in made.history.misused} == {"IdReused"}
    assert not evidence(made)


def test_an_answer_under_anothers_id_is_told():
    made = done(reuse=0.5)
    made.history.misused[0].outcome = Returned(COUNTER.program.codec.encode(7))
    assert "was sent under the id of" in evidence(made)[0]


def test_what_was_not_known_is_no_evidence():
    made = done(reuse=0.5)
    made.history.misused[0].outcome = Failed("Interrupted", False, "no answer")
    assert not evidence(made)


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_key_may_stand_for_another_request_only_when_the_first_is_forgotten(forgotten):
    made = done(keys=0.0)
    first, second = made.history.sent[0], made.history.sent[-1]
    for sent in made.history.sent:
        if sent.id in (first.id, second.id):
            sent.key = "order"
    told = evidence(made)
    assert "the key 'order' stands for" in told[0]
    passed = RequestId(second.id.root).root
    for version, mutation in ((1, Set(WATERMARK, passed)), (2, Set(client_key(b"order"), passed))):
        at = 0.0 if forgotten or version == 2 else made.seconds + 1.0
        commit = Committed(at, version, 0, None, 0, -1, (), [], [mutation])
        made.history.commits.insert(version - 1, commit)
    assert bool(evidence(made)) is not forgotten
