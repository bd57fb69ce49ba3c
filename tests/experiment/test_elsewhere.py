"""Determinism is judged in another process, too, whose sets have another order."""

import pytest

from compiler.application import load
from experiment import elsewhere
from experiment.judgement import judge
from experiment.scenario.model import Call, Load, Scenario
from experiment.verdict import Verdict
from sim.run import run

SOURCE = """
from compiler import Persistent, service

print("this module prints")


@service
class Shelf:
    def __init__(self) -> None:
        self.words: Persistent[dict[str, int]] = {}

    def put(self, word: str) -> int:
        print("and so does this method")
        self.words[word] = self.words.get(word, 0) + 1
        return self.words[word]
"""
HOLDS = Verdict("determinism", "holds", "all of it")


@pytest.fixture
def done(tmp_path):
    (tmp_path / "shelf.py").write_text(SOURCE)
    application = load(tmp_path / "shelf.py")
    mix = [Call("Shelf.put", args=["a"])]
    load_ = Load("all", "shared-iterations", mix, vus=2, iterations=6)
    return run(Scenario("x", "shelf", load=[load_]), application), application


def test_it_judges_what_was_done(done):
    process = elsewhere.begin(*done)
    there = process.receive()
    assert (there.status, there.detail) == ("holds", "6 request trees, 6 re-executions")
    assert elsewhere.begin(*done) is process
    assert elsewhere.finish(process, HOLDS) is HOLDS


def test_what_it_finds_counts(done):
    made, application = done
    for commit in made.history.commits:
        commit.place += 1
    process = elsewhere.begin(made, application)
    found = elsewhere.finish(process, HOLDS)
    assert found.status == "fails"
    assert found.evidence[0].startswith("in a process with another hash seed: Shelf.put('a')")


def test_a_verdict_that_nobody_waited_for_is_not_told_of_another_run(done):
    made, application = done
    process = elsewhere.begin(made, application)
    for commit in made.history.commits:
        commit.place += 1
    assert elsewhere.finish(elsewhere.begin(made, application), HOLDS).status == "fails"
    assert process.is_usable


def test_once_it_has_ended_another_is_started(done):
    process = elsewhere.begin(*done)
    process.close()
    assert elsewhere.finish(process, HOLDS).status == "inconclusive"
    another = elsewhere.begin(*done)
    assert another is not process
    assert elsewhere.finish(another, HOLDS) is HOLDS


def test_its_hash_seed_is_another(done, monkeypatch):
    for mine in ("1", "2", "random"):
        monkeypatch.setenv("PYTHONHASHSEED", mine)
        elsewhere.begin(*done).close()
        assert elsewhere.begin(*done).hash_seed != mine


def test_judging_a_run_asks_it(done, monkeypatch):
    told = Verdict("determinism", "fails", "", ["what was found there"])
    monkeypatch.setattr(elsewhere._Process, "receive", lambda _: told)
    monkeypatch.setattr(elsewhere._Process, "send", lambda *_: None)
    verdicts = {verdict.name: verdict for verdict in judge(*done).checks}
    assert "what was found there" in verdicts["determinism"].evidence[0]
