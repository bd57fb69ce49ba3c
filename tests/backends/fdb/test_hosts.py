"""The real hosts on the real FdbStore: whatever the client answers, each request happens once."""

import asyncio
from collections import Counter

import pytest

from backends.fdb.errors import FinalError
from backends.runtime.node import Make, Node
from backends.runtime.snapshot import snapshot
from core.layout import DATA
from core.messages import Raised, Returned
from experiment.checks import check
from tests.backends.fdb import hosts as module
from tests.backends.fdb.clusters import plain
from tests.backends.fdb.hosts import Hosts, experiment
from tests.backends.fdb.network import NETWORK
from tests.patience import patience

pytestmark = plain
APPS = ["hotel", "bank", "tree"]


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, patience()))


@pytest.fixture(autouse=True)
def nothing_blocks():
    NETWORK.blocked.clear()
    yield
    assert NETWORK.blocked == []


def data(content):
    return {key: value for key, value in content.items() if DATA.begin <= key < DATA.end}


def told(codec, outcome):
    """What a client was told: a value, or an exception's name."""
    if isinstance(outcome, Raised):
        return outcome.type.rpartition(".")[2]
    assert isinstance(outcome, Returned)
    return codec.decode(outcome.value)


def plainly(reference, target, args):
    """The same of the plain program."""
    try:
        return reference.run(*target.split("."), args)
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["bank", "tree"])  # hotel's orders have names drawn at random
def test_one_request_at_a_time_is_the_plain_program(name, seed):
    """Each is asked for twice at once, and once more later: answers and state are the same."""
    hosts = Hosts(name, seed)
    reference = hosts.application.reference(set_up=True)
    codec = hosts.program.codec

    async def play():
        await hosts.start()
        asked = []
        for _ in range(25):
            target, args = hosts.draw()
            request = hosts.request(target, args)
            one, other = await asyncio.gather(hosts.call(request), hosts.call(request))
            assert one.reply.outcome == other.reply.outcome
            assert told(codec, one.reply.outcome) == plainly(reference, target, args)
            asked.append((request, one.reply.outcome))
        await hosts.settle()
        before = data(await snapshot(hosts.store()))
        for request, outcome in asked:
            if not hosts.program.method(request.service, request.method).facts.read_only:
                assert (await hosts.call(request)).reply.outcome == outcome
        await hosts.settle()
        assert data(await snapshot(hosts.store())) == before == data(reference.dump())

    run(play())
    assert hosts.cancelled + hosts.left > 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", APPS)
def test_many_at_once_are_judged_by_every_oracle(name, seed):
    hosts = Hosts(name, 100 + seed)
    scenario, done = run(experiment(hosts, 120, 8))
    verdicts = check(done, hosts.application, scenario)
    assert {verdict.name: verdict.status for verdict in verdicts} == {
        verdict.name: "holds" for verdict in verdicts
    }, verdicts
    assert hosts.cancelled > 0
    assert hosts.left > 0
    assert max(hosts.fdb.batches) > 1
    versions = [commit.version for commit in done.history.commits]
    assert versions == sorted(set(versions))


def test_every_kind_of_error_comes_by():
    """Else the tests above would show less than they say."""
    seen = Counter()
    every = {fault for chances in module.MISHAPS.values() for fault in chances}
    for seed in range(40):
        hosts = Hosts("bank", 200 + seed)
        mishap = hosts.fdb._mishap

        def counted(chances, mishap=mishap):
            fault = mishap(chances)
            seen.update([fault] if fault else [])
            return fault

        hosts.fdb._mishap = counted
        run(experiment(hosts, 80, 8))
        if set(seen) == every:
            break
    assert set(seen) == every


# --- attacks: what the oracles would say if the store were not what it says


def broken(commit):
    """Something that stands between each host's store and the cluster."""
    original = module.FdbStore.commit

    async def spoiled(self, version, reads, mutations, entry=None):
        return await commit(original, self, version, reads, mutations, entry)

    return spoiled


def failing(monkeypatch, name, commit):
    """Which oracles fail on runs with a spoiled commit."""
    found = set()
    for seed in range(4):
        hosts = Hosts(name, 300 + seed)
        with monkeypatch.context() as patched:
            patched.setattr(module.FdbStore, "commit", broken(commit))
            scenario, done = run(experiment(hosts, 120, 8))
        found |= {v.name for v in check(done, hosts.application, scenario) if v.status == "fails"}
    return found


def test_a_commit_without_its_read_conflicts_is_seen(monkeypatch):
    async def careless(commit, store, version, reads, mutations, entry):
        return await commit(store, version, (), mutations, entry)

    found = failing(monkeypatch, "tree", careless)
    assert "strict_serializable" in found


def test_a_final_error_ends_the_attempt_and_the_next_one_finds_what_happened():
    """It is no StoreError, so the attempt does not go on as if it knew that nothing happened."""
    hosts = Hosts("tree", 1)

    async def play():
        await hosts.start()
        hosts.fdb.mishaps = {"commit": {"1000 applied": 1.0}}
        request = hosts.request("Root.increment", ("a",))
        (host, *_) = hosts.hosts["Root"]
        with pytest.raises(FinalError):
            await host.store.commit(await host.store.read_version(), (), ())
        reply = (await host.execute(request)).reply
        assert reply.outcome.kind == "Interrupted"
        assert not reply.outcome.definite
        hosts.fdb.mishaps = {}
        again = (await hosts.call(request)).reply.outcome
        assert hosts.program.codec.decode(again.value) == (1, 1)

    run(play())


def test_services_that_start_late_are_no_verdict_about_who_calls_them():
    """Each call of a transaction finds a process that was started after its version was taken,
    for longer than a slow region may take, and more often than would be a verdict."""
    hosts = Hosts("hotel", 1)
    late = []

    async def call(request, once=False):
        if request.travel is not None and len(late) < 16:
            hosts.fdb.advance(1.4)  # and somebody commits, or versions would stand still
            hosts.fdb.store.commit(hosts.fdb.store.read_version(), (), ())
            late.append(request.service)
            node = Node(hosts.application, hosts.store(), b"k" * 32, {}, hosts.settings)
            return await Make().host(node, hosts).execute(request)
        (host, *_) = hosts.hosts[request.service]
        return await host.execute(request)

    async def play():
        hosts.call = call
        await hosts.start()
        hosts.fdb.mishaps = {}
        args = ("customer-001", "flight-02", "hotel-07")
        request = hosts.request("Frontend.book", args)
        return (await call(request)).reply.outcome

    outcome = run(play())
    assert isinstance(outcome, Returned), outcome
    assert len(late) == 16
