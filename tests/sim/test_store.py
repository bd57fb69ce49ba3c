import itertools
import random
import statistics

import pytest
import simpy
from hypothesis import given, settings

from core.errors import Conflict, FutureVersion, StoreUnavailable, TooLarge, TooOld, Unknown
from core.store import VALUE_LIMIT, VERSIONS_PER_SECOND, KeyRange, Set, point
from experiment.randomness import stream
from experiment.scenario.model import STORE_ERRORS, StoreModel
from sim.environment import SeededEnvironment
from sim.store import SimStore
from tests.store_conformance import StoreConformance, WindowConformance
from tests.store_histories import check_history, histories

STEADY = StoreModel(spread=0.0)
UNKNOWN = [name for name in STORE_ERRORS["commit"] if name.startswith("commit_unknown")]


class Simulation:
    """A store in an environment of its own; what was applied and what clients saw, with times."""

    def __init__(self, model=STEADY, seed=0):
        self.env = SeededEnvironment(stream(seed, "environment"))
        self.applied = []
        self.seen = []
        self.store = SimStore(self.env, model, stream(seed, "store"), self.on_applied)

    def on_applied(self, tag, version, read_version, reads, mutations):
        self.applied.append((self.env.now, tag, version))
        self.last_applied = (tag, version, read_version, reads, mutations)

    def call(self, generator):
        """Run one operation to its end."""
        return self.env.run(until=self.env.process(generator))

    def client(self, name, generator):
        def process():
            try:
                outcome = yield from generator
            except (simpy.Interrupt, Conflict, Unknown) as error:
                outcome = type(error).__name__
            self.seen.append((self.env.now, name, outcome))

        return self.env.process(process())

    def write(self, key, tag="", fault="", reads=(), version=1):
        return self.store.commit(version, reads, [Set(key, b"")], tag, fault)


class Subject(Simulation):
    """The four calls, blocking."""

    def __init__(self):
        super().__init__(StoreModel(), seed=1)

    def read_version(self):
        return self.call(self.store.read_version())

    def get(self, key, version):
        values, ranges = self.call(self.store.read(version, (key,)))
        assert ranges == []
        return values[0]

    def get_range(self, begin, end, version, limit=0):
        values, ranges = self.call(self.store.read(version, (), ((begin, end, limit),)))
        assert values == []
        return ranges[0]

    def commit(self, version, reads, mutations):
        return self.call(self.store.commit(version, reads, mutations))

    def advance(self, seconds):
        self.env.run(until=self.env.timeout(seconds))

    def close(self):
        pass


class Opened:
    def open(self):
        return Subject()


class TestSimStore(Opened, StoreConformance):
    pass


class TestSimStoreWindow(Opened, WindowConformance):
    pass


@settings(deadline=None, max_examples=50)
@given(histories)
def test_random_histories(history):
    check_history(Subject(), history)


@pytest.fixture
def simulation():
    return Simulation()


# --- time


def test_each_operation_takes_its_latency(simulation):
    env, store = simulation.env, simulation.store
    for operation, latency in (
        (store.read_version(), STEADY.read_version),
        (store.read(1, [b"a", b"b"], [(b"a", b"z", 0), (b"", b"\xff", 3)]), STEADY.read),
        (simulation.write(b"a"), STEADY.commit),
    ):
        start = env.now
        simulation.call(operation)
        assert env.now - start == pytest.approx(latency)


def test_latencies_are_lognormal_around_the_median():
    simulation = Simulation(StoreModel(read=0.010, spread=0.5))
    latencies = []
    for _ in range(2_000):
        start = simulation.env.now
        simulation.call(simulation.store.read(simulation.store.memory.read_version(), [b"a"]))
        latencies.append(simulation.env.now - start)
    cuts = statistics.quantiles(latencies, n=100)
    assert cuts[49] == pytest.approx(0.010, rel=0.05)
    assert cuts[83] / cuts[49] == pytest.approx(1.65, rel=0.1)  # one sigma: exp(0.5)


def test_versions_follow_the_virtual_clock(simulation):
    first = simulation.call(simulation.store.read_version())
    simulation.env.run(until=3.0)
    second = simulation.call(simulation.store.read_version())
    assert second - first == pytest.approx(3 * VERSIONS_PER_SECOND, rel=0.001)


def test_each_operation_waits_for_exactly_one_event(simulation):
    store = simulation.store
    for operation in (store.read_version(), store.read(1, [b"a"]), simulation.write(b"a")):
        event = next(operation)
        simulation.env.run(until=event)
        with pytest.raises(StopIteration):
            operation.send(event.value)


def test_keys_and_ranges_in_one_answer(simulation):
    store = simulation.store
    store.memory.load([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
    answer = simulation.call(store.read(1, [b"c", b"x"], [(b"a", b"c", 0), (b"", b"z", 1)]))
    assert answer == ([b"3", None], [[(b"a", b"1"), (b"b", b"2")], [(b"a", b"1")]])


def test_a_commit_is_applied_half_way(simulation):
    simulation.call(simulation.write(b"a", "tag"))
    [(time, tag, _)] = simulation.applied
    assert (time, tag) == (pytest.approx(STEADY.commit / 2), "tag")
    assert simulation.env.now == pytest.approx(STEADY.commit)


def test_a_read_version_asked_for_after_an_acknowledged_commit_covers_it(simulation):
    committed = simulation.call(simulation.write(b"a"))
    assert simulation.call(simulation.store.read_version()) >= committed


def test_the_history_learns_of_applied_commits_alone(simulation):
    reads, mutations = [point(b"a")], [Set(b"a", b"1")]
    version = simulation.call(simulation.store.commit(1, reads, mutations, "first"))
    assert simulation.last_applied == ("first", version, 1, tuple(reads), tuple(mutations))
    with pytest.raises(Conflict) as caught:
        simulation.call(simulation.store.commit(1, reads, mutations, "second"))
    assert caught.value.keys == (b"a",)
    with pytest.raises(TooLarge):
        simulation.call(simulation.store.commit(1, (), [Set(b"a", b"v" * (VALUE_LIMIT + 1))]))
    assert [tag for _, tag, _ in simulation.applied] == ["first"]


def test_what_a_caller_does_to_its_lists_afterwards_changes_nothing(simulation):
    mutations = [Set(b"a", b"1")]
    simulation.client("client", simulation.store.commit(1, [], mutations))
    simulation.env.run(until=STEADY.commit / 4)
    mutations.append(Set(b"b", b"1"))
    simulation.env.run()
    assert simulation.store.memory.snapshot() == {b"a": b"1"}


def test_commits_beyond_the_throughput_wait_in_line():
    model = StoreModel(spread=0.0, commits_per_second=100.0)
    simulation = Simulation(model)
    for number in range(20):
        simulation.client(number, simulation.write(b"%d" % number, number))
    simulation.env.run()
    times = [time for time, _, _ in simulation.applied]
    assert times[0] == pytest.approx(model.commit / 2)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == [pytest.approx(0.01)] * 19
    assert simulation.seen[-1][0] == pytest.approx(model.commit + 0.19)
    versions = [version for _, _, version in simulation.applied]
    assert versions == sorted(versions)


def test_an_idle_store_does_not_save_up_throughput():
    simulation = Simulation(StoreModel(spread=0.0, commits_per_second=100.0))
    simulation.call(simulation.write(b"a"))
    simulation.env.run(until=10.0)
    version = simulation.store.memory.read_version()
    simulation.applied.clear()
    for number in range(3):
        simulation.client(number, simulation.write(b"%d" % number, version=version))
    simulation.env.run()
    times = [time for time, _, _ in simulation.applied]
    assert times[2] - times[0] == pytest.approx(0.02)


# --- interrupts


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_a_commit_outlives_its_caller(simulation, share):
    """Interrupted before it is applied, or after that and before it is known."""
    client = simulation.client("client", simulation.write(b"a", "tag"))
    simulation.env.run(until=share * STEADY.commit)
    client.interrupt()
    simulation.env.run()
    assert simulation.store.memory.snapshot() == {b"a": b""}
    assert [tag for _, tag, _ in simulation.applied] == ["tag"]
    assert simulation.seen == [(pytest.approx(share * STEADY.commit), "client", "Interrupt")]


@pytest.mark.parametrize("fault", ["", *STORE_ERRORS["commit"]])
def test_nobody_hears_of_a_failure_whose_caller_is_gone(simulation, fault):
    simulation.call(simulation.write(b"a"))
    reads = [] if fault else [point(b"a")]
    client = simulation.client("client", simulation.write(b"b", fault=fault, reads=reads))
    simulation.env.run(until=simulation.env.now + STEADY.commit / 4)
    client.interrupt()
    simulation.env.run()
    assert [outcome for _, _, outcome in simulation.seen] == ["Interrupt"]


def test_an_interrupted_read_stops(simulation):
    client = simulation.client("client", simulation.store.read(1, [b"a"]))
    simulation.env.run(until=STEADY.read / 2)
    client.interrupt()
    simulation.env.run()
    assert simulation.seen == [(pytest.approx(STEADY.read / 2), "client", "Interrupt")]


# --- faults

SHOWN = {
    "not_committed": Conflict,
    "transaction_too_old": TooOld,
    "future_version": FutureVersion,
    "store_unavailable": StoreUnavailable,
}


@pytest.mark.parametrize("operation", list(STORE_ERRORS))
def test_every_declared_fault_shows_its_error(simulation, operation):
    store = simulation.store
    for fault in STORE_ERRORS[operation]:
        call = {
            "read_version": lambda fault=fault: store.read_version(fault=fault),
            "read": lambda fault=fault: store.read(1, [b"a"], fault=fault),
            "commit": lambda fault=fault: store.commit(1, [], [Set(b"a", b"")], fault=fault),
        }[operation]
        start = simulation.env.now
        with pytest.raises(SHOWN.get(fault, Unknown)):
            simulation.call(call())
        assert simulation.env.now - start == pytest.approx(getattr(STEADY, operation))


@pytest.mark.parametrize("fault", [name for name in STORE_ERRORS["commit"] if name not in UNKNOWN])
def test_a_definite_failure_applies_nothing(simulation, fault):
    with pytest.raises(SHOWN[fault]):
        simulation.call(simulation.write(b"a", fault=fault))
    simulation.env.run()
    assert simulation.store.memory.snapshot() == {}
    assert simulation.applied == []


def test_unknown_and_applied(simulation):
    with pytest.raises(Unknown):
        simulation.call(simulation.write(b"a", "tag", "commit_unknown_result_applied"))
    assert simulation.applied[0][:2] == (pytest.approx(STEADY.commit / 2), "tag")
    assert simulation.store.memory.snapshot() == {b"a": b""}


def test_unknown_and_not_applied(simulation):
    with pytest.raises(Unknown):
        simulation.call(simulation.write(b"a", fault="commit_unknown_result_not_applied"))
    simulation.env.run()
    assert simulation.applied == []
    assert simulation.store.memory.snapshot() == {}


def test_unknown_and_applied_later():
    """Not yet when the caller is told, but within two seconds."""
    delays = []
    for seed in range(40):
        simulation = Simulation(seed=seed)
        with pytest.raises(Unknown):
            simulation.call(simulation.write(b"a", "tag", "commit_unknown_result_late"))
        told = simulation.env.now
        assert told == pytest.approx(STEADY.commit)
        simulation.env.run()
        [(time, tag, _)] = simulation.applied
        assert tag == "tag"
        delays.append(time - told)
    assert 0.3 < statistics.mean(delays) < 1.7
    assert max(delays) < 2.0


@pytest.mark.parametrize("fault", ["commit_unknown_result_applied", "commit_unknown_result_late"])
def test_a_commit_of_unknown_result_still_checks_its_reads(simulation, fault):
    """A late one checks when it is applied, so a retry in between can win over it."""
    reads = [KeyRange(b"a", b"b")]
    simulation.client("late", simulation.write(b"a", "late", fault, reads))
    simulation.client("other", simulation.write(b"a", "other", reads=reads))
    simulation.env.run()
    tags = [tag for _, tag, _ in simulation.applied]
    assert len(tags) == 1
    if fault == "commit_unknown_result_late":
        assert tags == ["other"]


def test_a_fault_that_does_not_fit_is_refused(simulation):
    with pytest.raises(ValueError, match="no fault 'not_committed' for read: there are trans"):
        simulation.call(simulation.store.read(1, [b"a"], fault="not_committed"))
    with pytest.raises(ValueError, match="no fault 'typo' for commit"):
        simulation.call(simulation.write(b"a", fault="typo"))
    simulation.env.run()
    assert simulation.applied == []


# --- determinism


def run(seed):
    """Many clients incrementing two keys for a second; everything that can be observed."""
    simulation = Simulation(StoreModel(commits_per_second=500.0), seed)
    env, store = simulation.env, simulation.store

    def client(name, rng):
        while env.now < 1.0:
            version = yield from store.read_version()
            key = b"%d" % rng.randrange(2)
            [value], _ = yield from store.read(version, [key])
            number = int(value or 0) + 1
            try:
                yield from store.commit(version, [point(key)], [Set(key, b"%d" % number)], name)
            except Conflict as conflict:
                simulation.seen.append((env.now, name, conflict.keys))

    for name in range(8):
        env.process(client(name, random.Random(f"{seed}/{name}")))
    env.run()
    return simulation


def test_the_same_seed_gives_the_same_run():
    first, again, other = run(1), run(1), run(2)
    assert (first.applied, first.seen) == (again.applied, again.seen)
    assert first.applied != other.applied


def test_no_increment_is_lost_under_contention():
    simulation = run(3)
    counted = sum(map(int, simulation.store.memory.snapshot().values()))
    assert counted == len(simulation.applied) > 100
    assert len(simulation.seen) > 20
