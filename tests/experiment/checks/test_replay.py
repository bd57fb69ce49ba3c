"""The replay accepts every history of a correct store, and names what does not fit."""

import random

from hypothesis import assume, given
from hypothesis import strategies as st

from core.memory import MemoryStore
from core.store import Atomic, Clear, ClearRange, Set
from experiment.checks.replay import Snapshot, replay
from experiment.record.history import Committed, History, Unit
from tests.experiment.checks.histories import BEGIN, END, KEYS, Transactions, request_id

seeds = st.integers(0, 2**32)


def replayed(history):
    answers = sorted(history.answers, key=lambda answer: answer.version)
    snapshots = [Snapshot(answer.version, tuple(answer.units)) for answer in answers]
    return replay(history.initial, history.commits, history.units, snapshots)


@given(seeds)
def test_a_correct_history_is_explained(seed):
    model = Transactions(random.Random(seed))
    history = model.run(60)
    found = replayed(history)
    assert found.differences == []
    assert found.disorder == []
    assert found.content == model.store.snapshot()


@given(seeds, st.data())
def test_a_changed_read_is_found(seed, data):
    history = Transactions(random.Random(seed)).run(60)
    names = {name for commit in history.commits for name in commit.units}
    names |= {name for answer in history.answers for name in answer.units}
    reading = [history.units[name] for name in sorted(names) if history.units[name].reads]
    assume(reading)
    unit = data.draw(st.sampled_from(reading))
    index = data.draw(st.integers(0, len(unit.reads) - 1))
    key, value = unit.reads[index]
    unit.reads[index] = (key, b"other" if value is None else None)
    found = replayed(history)
    assert [(d.kind, d.key, d.unit) for d in found.differences] == [("read", key, unit)]


@given(seeds, st.data())
def test_a_lost_write_is_found_by_whoever_reads_it_next(seed, data):
    history = Transactions(random.Random(seed)).run(60)
    reads = {
        (key, commit.version)
        for commit in history.commits
        for name in commit.units
        for key, value in history.units[name].reads
        if value is not None and key not in history.initial
    }
    assume(reads)
    key, version = data.draw(st.sampled_from(sorted(reads)))
    writers = [
        (commit, mutation)
        for commit in history.commits
        for mutation in commit.mutations
        if isinstance(mutation, Set) and mutation.key == key and commit.version < version
    ]
    for commit, mutation in writers:
        commit.mutations.remove(mutation)
    assert any(d.kind in ("read", "scan") for d in replayed(history).differences)


@given(seeds, st.data())
def test_a_read_at_another_version_is_found(seed, data):
    history = Transactions(random.Random(seed)).run(60)
    reading = [
        history.units[name]
        for commit in history.commits
        for name in commit.units
        if history.units[name].reads
    ]
    assume(reading)
    unit = data.draw(st.sampled_from(reading))
    unit.version -= 1
    assert [d.kind for d in replayed(history).differences] == ["version"]


def commit_of(version, unit, *mutations):
    return Committed(
        0.0, version, unit.version, unit.request, 0, -1, (unit.name,), [], [*mutations]
    )


def test_a_lost_update_is_named():
    first, second = (Unit(f"u{n}", request_id(n), 1, [(KEYS[0], b"5")]) for n in range(2))
    commits = [
        commit_of(2, first, Set(KEYS[0], b"4")),
        commit_of(3, second, Set(KEYS[0], b"4")),
    ]
    [found] = replay({KEYS[0]: b"5"}, commits, {"u0": first, "u1": second}).differences
    assert (found.version, found.unit, found.expected, found.seen) == (3, second, b"4", b"5")


def test_a_phantom_is_named():
    writer = Unit("u0", request_id(0), 1)
    scanner = Unit("u1", request_id(1), 1, scans=[(BEGIN, END, 0, [])])
    commits = [commit_of(2, writer, Set(KEYS[1], b"x")), commit_of(3, scanner)]
    [found] = replay({}, commits, {"u1": scanner}).differences
    assert (found.kind, found.expected, found.seen) == ("scan", [(KEYS[1], b"x")], [])


def test_commits_out_of_order_are_named():
    units = [Unit(f"u{n}", request_id(n), 1) for n in range(2)]
    found = replay({}, [commit_of(3, units[0]), commit_of(3, units[1])], {})
    assert found.disorder == [3]


def test_what_an_attempt_reads_of_the_journal_is_its_own_business():
    unit = Unit("u0", request_id(0), 1, [(b"w", b"old")], [(b"j", b"k", 0, [])])
    found = replay({b"w": b"new", b"jx": b"1"}, [commit_of(2, unit)], {"u0": unit})
    assert found.differences == []


def test_atomic_operations_are_applied():
    unit = Unit("u0", request_id(0), 1)
    commits = [commit_of(2, unit, Atomic("byte_max", b"w", b"b"))]
    commits += [commit_of(3, unit, Atomic("byte_max", b"w", b"a"))]
    assert replay({}, commits, {}).content == {b"w": b"b"}


@given(seeds)
def test_intents_and_journals_are_cleared_by_range(seed):
    """Whatever the order of sets and clears of ranges beside the data, as in a plain store."""
    rng = random.Random(seed)
    sections = [b"i", b"j", b"x"]
    history, store = History(initial={b"ia": b"0", b"jb": b"0"}), MemoryStore(clock=lambda: 0.0)
    store.load(history.initial.items())
    for number in range(20):
        section = rng.choice(sections)
        low, high = sorted(rng.sample(b"abcdef", 2))
        keys = [section + bytes((low,)), section + bytes((high,))]
        mutation = rng.choice([Set(keys[0], b"1"), Clear(keys[1]), ClearRange(*keys)])
        version = store.commit(store.read_version(), (), [mutation])
        history.commits.append(
            Committed(float(number), version, version - 1, None, 0, -1, (), [], [mutation])
        )
    assert replayed(history).content == store.snapshot()
