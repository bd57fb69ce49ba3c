"""Without a protocol: right when nothing can go wrong, and seen to be wrong when it does."""

from pathlib import Path

import msgspec
import pytest

from core.messages import Returned
from core.protocol import Protocol
from experiment.outcome import Task
from experiment.preparation import prepare
from experiment.scenario.model import Call, Fault, Load, StoreModel
from sim.execution import execute

ROOT = Path(__file__).parent.parent.parent


def run(name, app="", protocol="unsafe", **changes):
    """The run, its verdicts by name, and the application."""
    prepared = prepare(Task(str(ROOT / "scenarios" / name), app, protocol=protocol))
    done, outcome = execute(prepared, msgspec.structs.replace(prepared.scenario, **changes))
    return done, {each.name: each for each in outcome.checks}, prepared.application


def failing(verdicts):
    return [name for name, verdict in verdicts.items() if verdict.status == "fails"]


def one_at_a_time(*calls):
    """Requests that never meet: half a second apart."""
    return [Load("slow", "constant-arrival-rate", mix=list(calls), rate=2.0, duration=15.0)]


@pytest.mark.parametrize(
    ("app", "calls"),
    [
        ("apps/counter", []),
        ("apps/chain", []),
        ("apps/tree", []),
        ("apps/bank", [Call("Bank.transfer", args=["north-01", "south-02", 100])]),
        ("apps/hotel", [Call("Frontend.book", args=["ann", "flight-00", "hotel-02"])]),
    ],
)
def test_without_faults_and_concurrency_it_is_the_program(app, calls):
    done, verdicts, application = run("smoke.yaml", app, load=one_at_a_time(*calls))
    assert done.history.commits
    assert failing(verdicts) == []
    not_applicable = {name for name, each in verdicts.items() if each.status == "not applicable"}
    assert not_applicable == {"reference", "determinism", "atomicity"}
    assert verdicts["exactly_once"].status == "holds"
    answers, state = plain(done, application)
    final = {key: value for key, value in done.final.items() if key[:1] == b"d"}
    if app == "apps/hotel":  # an order has a name and a time of its own
        assert len(final) == len(state)
        assert {type(answer.outcome) for answer in done.history.answers} == {Returned}
    else:
        assert final == state
        assert [answer.outcome for answer in done.history.answers] == answers


def plain(done, application):
    """What the plain classes answer and leave, given the same requests in the same order."""
    codec, answers = application.program.codec, []
    reference = application.reference()
    reference.load(done.history.initial)
    for sent in done.history.sent:
        try:
            result = reference.run(sent.service, sent.method, *codec.decode(sent.args))
            answers.append(Returned(codec.encode(result)))
        except Exception as error:
            answers.append(codec.encode_exception(error))
    return answers, reference.dump()


@pytest.mark.search
def test_exactly_once_fails_under_crashes_where_the_protocol_holds():
    done, verdicts, _ = run("crash.yaml")
    assert verdicts["exactly_once"].status == "fails"
    assert "committed its region 0 twice" in verdicts["exactly_once"].evidence[0]
    assert done.protocol == "unsafe"
    done, verdicts, _ = run("crash.yaml", protocol="mu2sls")
    assert failing(verdicts) == []
    assert verdicts["reference"].status == "holds"
    assert done.protocol == "mu2sls"


def test_a_crash_right_after_a_commit_counts_twice():
    """One crash, one request: the counter stands at two."""
    crash = Fault("crash", at="after_commit", nth=[0], probability=1.0)
    load = [Load("one", "shared-iterations", mix=[Call("Counter.increment", args=["a"])], vus=1,
                 iterations=1)]  # fmt: skip
    values = {}
    for protocol in ("mu2sls", "unsafe"):
        done, verdicts, application = run(
            "smoke.yaml", "apps/counter", protocol, load=load, faults=[crash]
        )
        (values[protocol],) = [
            application.program.codec.decode(value)
            for key, value in done.final.items()
            if key.startswith(b"dCounter\x00")
        ]
        assert failing(verdicts) == ([] if protocol == "mu2sls" else ["exactly_once"])
    assert values == {"mu2sls": 1, "unsafe": 2}


def test_updates_that_meet_are_lost_and_seen_to_be_lost():
    load = [Load("hot", "constant-vus", mix=[Call("Counter.increment", args=["a"])], vus=4,
                 duration=2.0)]  # fmt: skip
    _, verdicts, _ = run("smoke.yaml", "apps/counter", load=load)
    assert "strict_serializable" in failing(verdicts)
    _, verdicts, _ = run("smoke.yaml", "apps/counter", "mu2sls", load=load)
    assert failing(verdicts) == []


def test_what_an_aborted_transaction_wrote_stays():
    _, verdicts, _ = run("smoke.yaml")
    assert failing(verdicts) == ["hotel.no_overselling"]


def test_a_store_that_does_not_answer_ends_in_failures_and_nothing_hangs():
    faults = [Fault("store_error", probability=0.3)]
    done, verdicts, _ = run("smoke.yaml", "apps/counter", faults=faults)
    assert done.settled_after is not None
    assert verdicts["liveness"].status == "holds"


def test_an_old_version_does_not_stop_a_write():
    """The window of a read version is over before the method writes at it."""
    store = StoreModel(window=0.001, commit=0.002)
    prepared = prepare(Task(str(ROOT / "scenarios/smoke.yaml"), "apps/counter", protocol="unsafe"))
    platform = msgspec.structs.replace(prepared.scenario.platform, store=store)
    load = one_at_a_time(Call("Counter.increment", args=["a"]))
    scenario = msgspec.structs.replace(prepared.scenario, platform=platform, load=load)
    done, _ = execute(prepared, scenario)
    assert {each.status for each in done.results} <= {"succeeded", "indefinite"}


def test_nothing_is_recovered_without_a_protocol():
    assert Protocol.unsafe().recover is Protocol.ours().recover
