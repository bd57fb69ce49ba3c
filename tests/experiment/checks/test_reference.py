"""The reference oracle follows correct runs of every shape, and names where others leave it."""

import random
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from compiler.application import load
from core.ids import RequestId
from core.journal import decode_record, encode_record
from core.layout import JOURNAL
from core.messages import Returned
from core.store import Set
from experiment.checks import ORACLES, check
from experiment.checks.reference import reference
from experiment.checks.subject import Subject
from experiment.record.history import Sent
from experiment.scenario.model import Check, Scenario
from tests.experiment.checks.recording import Platform

DEPOT = load(Path(__file__).with_name("depot.py"))
CODEC = DEPOT.program.codec


def depot_run(seed=0, requests=12, crash=0.05):
    rng = random.Random(seed)
    platform = Platform(DEPOT.program, seed, crash)
    for _ in range(requests):
        who, item = rng.choice("ab"), rng.choice(["nail", "screw"])
        kind = rng.choice(["order", "order", "swap", "stir", "forward", "look"])
        args = {"order": (who, item), "swap": (who, item, "screw"), "stir": (who,)}
        args |= {"forward": (who, item), "look": ()}
        platform.send("Depot", kind, *args[kind])
        for _ in range(rng.randrange(20)):
            if platform.running:
                platform.step()
    platform.run()
    for request in list(platform.requests.values()):
        if rng.random() < 0.3:
            platform.again(request)
    return platform.run()


def subject_of(run):
    return Subject(run, DEPOT, Scenario("depot", "depot"))


def only_evidence(run):
    verdict = reference(subject_of(run))
    assert verdict.status == "fails"
    return verdict.evidence[0]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.05, 0.15]))
def test_every_oracle_holds_for_correct_runs(seed, crash):
    run = depot_run(seed, crash=crash)
    for verdict in check(run, DEPOT, Scenario("depot", "depot")):
        assert (verdict.name, verdict.status, verdict.evidence) == (verdict.name, "holds", [])


def test_every_oracle_is_inconclusive_without_requests():
    run = depot_run(requests=0)
    run.retained.clear()
    for name, oracle in ORACLES.items():
        assert (name, oracle(subject_of(run)).status) == (name, "inconclusive")


def commit_of(run, method, end=None):
    """The first commit of a client's request of ``method``."""
    roots = {sent.id: sent.method for sent in run.history.sent}
    for commit in run.history.commits:
        if roots.get(commit.request) == method and end in (None, commit.end):
            return commit
    return pytest.fail(f"no commit of {method}")


def test_an_answer_that_the_plain_program_does_not_give():
    run = depot_run()
    answer = next(a for a in run.history.answers if not a.version)
    for each in run.history.answers:
        if each.id == answer.id:
            each.outcome = Returned(CODEC.encode("made up"))
    line = only_evidence(run)
    assert "was told that it returned 'made up', but the plain program " in line


def test_a_read_only_answer_that_the_plain_program_does_not_give():
    run = depot_run()
    answer = next(a for a in run.history.answers if a.version)
    answer.outcome = Returned(CODEC.encode((99, 0.0)))
    assert "Depot.look() (request" in only_evidence(run)


def test_a_state_that_the_plain_program_does_not_leave():
    run = depot_run()
    key = next(key for key in run.final if key.startswith(b"dDepot\x00orders\x00"))
    run.final[key] = CODEC.encode(99)
    assert "Depot.orders['" in only_evidence(run)
    assert "is 99 in the end, but the plain program leaves" in only_evidence(run)


def test_a_commit_left_out():
    run = depot_run()
    run.history.commits.remove(commit_of(run, "order", 0))
    assert "writes state at " in only_evidence(run) or "reads the clock at " in only_evidence(run)
    assert "depot.py:" in only_evidence(run)


def test_commits_in_another_order():
    run = depot_run(crash=0.0)
    commits = run.history.commits
    first = commit_of(run, "order", 0)
    other = next(c for c in commits if c.request and c.request.root == first.request.root and c.end)
    index, behind = commits.index(first), commits.index(other)
    assert index <= behind
    commits.append(commits.pop(index))
    assert only_evidence(run)


def test_a_region_that_ends_elsewhere():
    run = depot_run()
    commit = commit_of(run, "order", 0)
    commit.end = 5
    assert "ends region 0 before place 5, but the plain program goes on to before place 0" in (
        only_evidence(run)
    )


def test_a_region_with_another_number():
    run = depot_run()
    commit = commit_of(run, "order", -1)
    commit.place -= 2
    assert f"commits region {commit.place} at {commit.version}, but the plain program" in (
        only_evidence(run)
    )


def test_regions_without_a_commit_may_do_nothing():
    run = depot_run()
    run.history.commits.remove(commit_of(run, "swap", -1))
    assert (
        " committed no region 3, but the plain program keeps what a transaction wrote at "
        in only_evidence(run)
    )


def test_a_region_that_was_committed_twice():
    run = depot_run()
    commit = commit_of(run, "order", 0)
    commits = run.history.commits
    commits.insert(commits.index(commit) + 1, replace_commit(commit))
    assert "but the plain program has no such region" in only_evidence(run)


def replace_commit(commit):
    fields = {name: getattr(commit, name) for name in commit.__slots__}
    return type(commit)(**{**fields, "version": commit.version + 1})


def test_a_child_that_nobody_called():
    run = depot_run()
    idle = RequestId(b"\xfe" * 16)
    run.history.sent.append(Sent(0.0, idle, "Depot", "nothing", CODEC.encode(((), {})), 0))
    commit = next(c for c in run.history.commits if c.request and c.request.path)
    commit.request = idle.child(9)
    assert "calls something at place 9, but the plain program does not" in only_evidence(run)


def test_a_request_that_nobody_sent():
    run = depot_run()
    commit = run.history.commits[0]
    commit.request = RequestId(b"\xff" * 16)
    assert "but nobody sent it" in only_evidence(run)


def test_a_child_called_with_other_arguments():
    run = depot_run()
    commit = next(c for c in run.history.commits if c.request and c.request.path)
    for index, mutation in enumerate(commit.mutations):
        if JOURNAL.begin <= mutation.key < JOURNAL.end:
            record = replace(decode_record(mutation.value), fingerprint=b"otherwise")
            commit.mutations[index] = Set(mutation.key, encode_record(record))
    assert "is journaled as another call, but the plain program makes" in only_evidence(run)


def test_a_clock_reading_that_was_not_recorded():
    run = depot_run()
    for unit in run.history.units.values():
        unit.clocks.clear()
    assert "reads the clock at " in only_evidence(run)
    assert "depot.py:" in only_evidence(run)


def test_a_clock_reading_too_many():
    run = depot_run()
    for unit in run.history.units.values():
        unit.clocks = unit.clocks * 2
    assert "reads the clock more often in " in only_evidence(run)


def test_a_request_that_wrote_but_passed_for_read_only():
    platform = Platform(DEPOT.program, 0)
    platform.send("Depot", "swap", "a", "nail", "screw")
    run = platform.run()
    run.history.commits.clear()
    [answer] = run.history.answers
    answer.version = 1
    assert "was answered without a commit, but the plain program " in only_evidence(run)


def test_an_answer_before_its_effects():
    """The last commit of an acknowledged request is missing."""
    run = depot_run()
    commit = commit_of(run, "swap", -1)
    run.history.commits.remove(commit)
    assert "committed no region" in only_evidence(run)


def test_a_tree_left_half_done_that_nobody_was_told_of():
    """Not even its journal need be left: retention may have passed over it."""
    run = depot_run()
    commit = commit_of(run, "order", 0)
    commits, root = run.history.commits, commit.request.root
    behind = commits.index(commit) + 1
    commits[behind:] = [c for c in commits[behind:] if c.request is None]
    run.history.answers.clear()
    verdict = reference(subject_of(run))
    assert verdict.status == "fails"
    left = [line for line in verdict.evidence if f"(request {RequestId(root)}) was left" in line]
    assert "half-done" in left[0]
    assert "committed no region " in left[0]
    run.set_aside = {root: None}
    assert not [line for line in reference(subject_of(run)).evidence if line in left]


def test_invariants_run_on_the_final_state():
    def three_nails() -> None:
        from compiler import instance

        stock = next(cls for name, cls in DEPOT.classes.items() if name == "Stock")
        count = instance(stock).items.get("nail", 0)
        assert count == 3, f"there are {count} nails"

    def broken() -> None:
        raise LookupError("what now")

    application = SimpleNamespace(
        program=DEPOT.program,
        reference=DEPOT.reference,
        workload=SimpleNamespace(
            callers={},
            invariants={"three_nails": three_nails, "broken": broken},
            files=[Path(__file__)],
        ),
    )
    names = ["depot.three_nails", "depot.broken", "depot.unknown"]
    scenario = Scenario("x", "depot", check=[Check("invariant", name) for name in names])
    run = depot_run()
    key = next(k for k in run.final if k.startswith(b"dStock\x00items\x00") and b"nail" in k)
    for count, status in ((3, "holds"), (4, "fails")):
        run.final[key] = CODEC.encode(count)
        verdicts = {v.name: v for v in check(run, application, scenario)}
        assert verdicts["depot.three_nails"].status == status
    place, *shown = verdicts["depot.three_nails"].evidence
    assert re.search(r"test_reference.py:\d+:\d+: there are 4 nails", place)
    assert any(line.startswith("    assert count == 3, ") for line in shown)
    assert verdicts["depot.broken"].status == "inconclusive"
    place, line, *_ = verdicts["depot.broken"].evidence
    assert re.search(r":\d+:9: depot.broken raised LookupError: what now", place)
    assert line.lstrip() == 'raise LookupError("what now")'
    assert verdicts["depot.unknown"].status == "inconclusive"


def test_a_check_that_breaks_is_inconclusive():
    run = depot_run()
    application = SimpleNamespace(program=DEPOT.program, workload=None)
    verdict = next(
        v for v in check(run, application, Scenario("x", "depot")) if v.name == "reference"
    )
    assert verdict.status == "inconclusive"
    assert "the check broke: AttributeError" in verdict.detail


def failing(run):
    return [v.name for v in check(run, DEPOT, Scenario("depot", "depot")) if v.status == "fails"]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.data())
def test_no_commit_can_be_left_out_unnoticed(seed, data):
    run = depot_run(seed)
    commits = [commit for commit in run.history.commits if commit.request is not None]
    commit = data.draw(st.sampled_from(commits))
    run.history.commits.remove(commit)
    expected = {"atomicity"}
    if any(isinstance(m, Set) and m.key.startswith(b"d") for m in commit.mutations):
        expected.add("reference")
    assert expected <= set(failing(run))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.data())
def test_no_write_can_be_changed_unnoticed(seed, data):
    run = depot_run(seed)
    writes = [
        (commit, index)
        for commit in run.history.commits
        for index, mutation in enumerate(commit.mutations)
        if isinstance(mutation, Set) and mutation.key.startswith(b"d")
    ]
    commit, index = data.draw(st.sampled_from(writes))
    commit.mutations[index] = Set(commit.mutations[index].key, CODEC.encode(77))
    assert "determinism" in failing(run)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.data())
def test_no_acknowledged_answer_can_be_changed_unnoticed(seed, data):
    run = depot_run(seed)
    answer = data.draw(st.sampled_from(run.history.answers))
    answer.outcome = Returned(CODEC.encode("made up"))
    assert {"reference", "exactly_once"} & set(failing(run))
