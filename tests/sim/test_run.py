"""Whole runs of the hand-written agency under each kind of fault."""

from collections import Counter

import msgspec
import pytest

from core.layout import DATA, INTENTS, JOURNAL, journal_key
from core.messages import Returned
from core.protocol import Protocol
from core.store import Set
from experiment.outcome import Task
from experiment.preparation import prepare
from experiment.record.history import trace_hash
from experiment.scenario.model import (
    PLATFORM,
    POINTS,
    STORE_ERRORS,
    Call,
    Fault,
    Load,
    Platform,
    Recovery,
    Retention,
    Retry,
    Selector,
    ServicePlatform,
)
from sim.run import run
from tests.experiment.checks.agency import CODEC, ROOMS, Application, scenario, value

KINDS = {
    "none": [],
    **{
        f"crash {point}": [Fault("crash", at=point, probability=0.05)]
        for point in POINTS
        if not point.endswith("_outside")  # it asks nobody
    },
    "pause": [Fault("pause", at="any", probability=0.01, duration=3.0)],
    "pause commits": [Fault("pause", at="before_commit", probability=0.1, duration=3.0)],
    "drop": [Fault("drop", probability=0.1)],
    "duplicate": [Fault("duplicate", probability=0.3)],
    "delay": [Fault("delay", probability=0.1, duration=5.0)],
    "partition store": [Fault("partition", between=["Hotel", "store"], schedule=0.5, duration=0.2)],
    "partition all": [Fault("partition", between=["Order", "*"], schedule=0.5, duration=0.2)],
    "partition client": [Fault("partition", between=["client", "*"], schedule=0.5, duration=0.2)],
    "partition platform": [Fault("partition", between=[PLATFORM, "*"], schedule=1, duration=0.9)],
    "kill one": [Fault("kill", schedule=0.3)],
    "kill all": [Fault("kill", schedule=0.7, mode="all", selector=Selector(service="Hotel"))],
    "kill platform": [Fault("kill", schedule=0.3, selector=Selector(service=PLATFORM))],
    **{
        error: [Fault("store_error", error=error, probability=0.1)]
        for error in dict.fromkeys(e for errors in STORE_ERRORS.values() for e in errors)
    },
}


def sold(content, service, letter):
    return sum(ROOMS - value(content, service, f"{letter}{n}") for n in range(100))


def orders(content):
    """How many orders there are: the length of the list, under its bare prefix."""
    stored = content.get(b"dOrder\x00log\x00")
    return 0 if stored is None else CODEC.decode(stored)


def booked(done):
    """Bookings that some answer says succeeded."""
    return {
        answer.id
        for answer in done.history.answers
        if isinstance(answer.outcome, Returned) and CODEC.decode(answer.outcome.value) is True
    }


@pytest.mark.parametrize("faults", KINDS.values(), ids=KINDS)
def test_every_booking_is_made_exactly_once(faults):
    done = run(scenario(faults=faults), Application())
    assert all(done.fault_strikes) or not faults
    assert done.settled_after is not None
    statuses = Counter(result.status for result in done.results)
    assert statuses["succeeded"] >= 95
    assert sum(statuses.values()) == 100
    made = orders(done.final)
    assert made >= len(booked(done))
    if not statuses["indefinite"]:
        assert made == len(booked(done))
    assert sold(done.final, "Hotel", "h") == sold(done.final, "Flight", "f") == made
    assert not any(INTENTS.begin <= key < INTENTS.end for key in done.final)
    assert any(JOURNAL.begin <= key < JOURNAL.end for key in done.final)
    left = {key for key in done.retained if not DATA.begin <= key < DATA.end}
    assert left <= {b"w"}
    assert {k: v for k, v in done.final.items() if k[:1] == b"d"} == {
        k: v for k, v in done.retained.items() if k[:1] == b"d"
    }


def test_the_history_agrees_with_itself():
    done = run(scenario(faults=[Fault("crash", at="any", probability=0.01)]), Application())
    history = done.history
    assert all(commit.time <= done.seconds for commit in history.commits)
    assert [c.version for c in history.commits] == sorted(c.version for c in history.commits)
    for commit in history.commits:
        if commit.request is not None:
            assert not commit.travelling
            assert all(unit in history.units for unit in commit.units)
            own = [m.key for m in commit.mutations if isinstance(m, Set)]
            assert journal_key(commit.request, commit.place) in own
    assert history.reads >= sum(bool(unit.reads) for unit in history.units.values())
    assert {sent.id for sent in history.sent} == {result.id for result in done.results}
    assert history.initial == Application().initial_state()
    clocks = [reading for unit in history.units.values() for reading in unit.clocks]
    assert clocks
    assert clocks == sorted(clocks)


def test_points_are_counted_and_exist():
    done = run(scenario(), Application())
    points = done.history.points
    assert points["Agency.book@start"] == sum(r.call == "Agency.book" for r in done.results)
    assert points["Hotel.reserve@before_reply"] == points["Hotel.reserve@after_reply"]
    assert "Counter.look@before_call" not in points
    unreached = {"Counter.look@before_call", "Front.forward@start"}
    assert not unreached & set(points)
    assert len(points) == done.points_total


def test_methods_that_never_ran_have_points_too():
    load = Load("x", "shared-iterations", vus=1, iterations=1, mix=[Call("Counter.look")])
    idle = msgspec.structs.replace(load, name="idle", start=30.0, mix=[Call("Agency.book")])
    alone = run(scenario(load=[load]), Application())
    both = run(scenario(load=[load, idle], duration=5.0), Application())
    assert len(both.history.points) == len(alone.history.points)
    assert both.points_total >= alone.points_total + 3


def test_a_survivor_wakes_up_after_its_replacement_has_finished():
    pause = Fault("pause", at="before_commit", nth=[0], duration=4.0)
    mix = [Call("Agency.book", args=["f1", "h1"])]
    load = Load("x", "shared-iterations", vus=1, iterations=1, mix=mix)
    done = run(scenario(load=[load], faults=[pause], duration=10.0), Application())
    (result,) = done.results
    assert (result.status, result.tries) == ("succeeded", 2)
    assert orders(done.final) == 1
    assert done.history.refused_commits == {"Conflict": 1}  # the survivor's


def test_a_partition_that_no_message_meets_did_not_strike():
    faults = [
        Fault("partition", between=["Hotel", "Flight"], schedule=0.5, duration=0.2),
        Fault("partition", between=["Agency", "*"], schedule=0.5, duration=0.2),
    ]
    done = run(scenario(faults=faults), Application())
    assert {strike.fault for strike in done.history.faults} == {0, 1}
    assert done.fault_strikes[0] == 0
    assert done.fault_strikes[1] > 0


def test_frozen_executions_wake_up_when_faults_stop():
    pause = Fault("pause", at="before_reply", probability=1.0, duration=500.0)
    done = run(scenario(faults=[pause]), Application())
    assert done.settled_after is not None
    assert done.settled_after < 5.0


def test_a_duplicate_comes_long_after_the_answer():
    fault = Fault("duplicate", probability=1.0, selector=Selector("Agency", target="request"))
    load = Load("x", "constant-arrival-rate", rate=20.0, duration=2.0, mix=[Call("Agency.book")])
    done = run(scenario(load=[load], faults=[fault], duration=30.0), Application())
    first, last = {}, {}
    for answer in done.history.answers:
        first.setdefault(answer.id, (answer.time, answer.outcome))
        last[answer.id] = (answer.time, answer.outcome)
    gaps = [last[request][0] - first[request][0] for request in first]
    assert max(gaps) > 10.0
    assert all(first[request][1] == last[request][1] for request in first)
    assert orders(done.final) == 40


def test_abandoned_requests_are_completed_by_recovery():
    """Nobody retries, every first execution dies: what was begun is completed all the same."""
    crash = Fault("crash", at="after_commit", probability=0.5, selector=Selector("Agency"))
    done = run(scenario(faults=[crash], retry=Retry(attempts=1)), Application())
    assert sum(result.status == "indefinite" for result in done.results) > 20
    assert done.settled_after is not None
    assert sold(done.final, "Hotel", "h") == orders(done.final) > 0


def test_without_recovery_it_is_seen_that_nothing_settles():
    crash = Fault("crash", at="after_commit", probability=0.5, selector=Selector("Agency"))
    never = Recovery(interval=0.5, stale=1000.0)
    quick = Retry(attempts=1)
    done = run(scenario(faults=[crash], recovery=never, heal=6.0, retry=quick), Application())
    assert done.settled_after is None
    assert any(INTENTS.begin <= key < INTENTS.end for key in done.final)


def test_retention_forgets_while_the_load_runs():
    retention = Retention(period=1.0, interval=0.2)
    load = Load("x", "constant-arrival-rate", rate=50.0, duration=5.0)
    done = run(scenario(load=[load], retention=retention), Application())
    assert Counter(result.status for result in done.results) == {"succeeded": 250}
    kept = run(scenario(load=[load]), Application())
    assert sum(key[:1] == b"j" for key in done.final) < sum(key[:1] == b"j" for key in kept.final)


def test_the_autoscaler_adds_pods_under_load():
    load = Load("x", "constant-arrival-rate", rate=400.0, duration=12.0, mix=[Call("Counter.look")])
    small = ServicePlatform(replicas=1, concurrency=4, workers=1)
    grown = msgspec.structs.replace(small, max_replicas=8)

    def latency(service):
        platform = Platform(cpu=0.005, services={"Counter": service})
        done = run(scenario(load=[load], platform=platform), Application())
        late = [r.finished - r.intended for r in done.results if r.intended > 9.0]
        return sum(late) / len(late)

    assert latency(grown) < 0.05 < latency(small)


def test_a_hot_key_does_not_collapse():
    """Goodput at a hundred times the concurrency where conflicts begin stays near its peak."""

    def goodput(users):
        mix = [Call("Counter.increment", args=["hot"])]
        load = Load("x", "constant-vus", vus=users, duration=1.5, mix=mix)
        roomy = Platform(defaults=ServicePlatform(concurrency=500, workers=64))
        done = run(scenario(load=[load], platform=roomy), Application())
        return sum(r.status == "succeeded" and r.finished < 1.5 for r in done.results)

    assert goodput(200) > 0.9 * goodput(8)


def test_another_protocol_can_be_run():
    def attempt(program, request, name):
        asked.append(request.method)
        return (yield from ours.attempt(program, request, name))

    asked, ours = [], Protocol.ours()
    done = run(scenario(), Application(), protocol=ours._replace(attempt=attempt))
    assert Counter(asked)["book"] == sum(r.call == "Agency.book" for r in done.results)
    assert done.settled_after is not None


def test_progress_is_told():
    told = []
    run(scenario(), Application(), progress=lambda now, end: told.append((now, end)))
    assert told[-1][0] == pytest.approx(2.0, abs=0.2)
    assert {end for _, end in told} == {2.0}


def test_upkeep_under_way_is_no_unrest():
    """Retention passes in the very moments at which the run looks whether it has settled."""
    prepared = prepare(Task("scenarios/retention.yaml"))
    done = run(msgspec.structs.replace(prepared.scenario, seed=167), prepared.application)
    assert done.settled_after is not None


def test_a_kill_that_finds_nobody_alive_waits():
    """The second comes while the only pod starts anew, and strikes when it is back."""
    platform = Platform(services={"Hotel": ServicePlatform(replicas=1)}, restart=0.5)
    kill = Fault("kill", nth=[1000, 1100], selector=Selector(service="Hotel"))
    done = run(scenario(faults=[kill], platform=platform), Application())
    struck = [fault.nth for fault in done.history.faults]
    assert struck == [1000, 1510]  # it is back at 1500
    replayed = Fault("kill", nth=struck, selector=Selector(service="Hotel"))
    replay = run(scenario(faults=[replayed], platform=platform), Application())
    assert trace_hash(replay.history) == trace_hash(done.history)


def test_kills_do_not_pile_up():
    platform = Platform(services={"Hotel": ServicePlatform(replicas=1)}, restart=0.5)
    kill = Fault("kill", schedule=0.1, selector=Selector(service="Hotel"))
    done = run(scenario(faults=[kill], platform=platform), Application())
    assert 3 <= done.fault_strikes[0] <= 4
