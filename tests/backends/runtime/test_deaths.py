"""For whom a process died is known to the next of its name."""

import asyncio
import os
import signal
import time
from functools import partial

import pytest
from msgspec.structs import replace

from backends.runtime.deaths import Deaths, absolve
from core.aside import resume
from core.attempt import attempt
from core.errors import StoreUnavailable
from core.layout import DEATHS, JOURNAL, SET_ASIDE
from core.memory import MemoryStore
from core.messages import Failed, Returned
from core.poison import OFTEN, forgive, judged, suspects
from core.protocol import OURS, PROTOCOLS
from core.retention import retain
from tests import leaping
from tests.backends.runtime.cluster import Cluster
from tests.core.programs import increment, program
from tests.direct import DirectHost, root_request

APP = program(("Counter", {"increment": increment}))
ROOT, OTHER = b"r" * 16, b"s" * 16


@pytest.fixture
def store():
    return MemoryStore()


def request(root=ROOT):
    return root_request(APP, root, "Counter", "increment", "k")


def lived(folder, work):
    """A process of a node: does ``work`` with what it remembers, and says how it ended."""
    pid = os.fork()
    if not pid:
        os.close(2)  # what it logs
        work(Deaths(folder, "Counter-0", APP, 60.0))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def computes(root, end):
    """Computes for a request, and dies so."""

    def steps():
        end()
        yield

    return lambda deaths: deaths.step(request(root))(steps(), None)


def remembered(folder, store, name="Counter-0"):
    """A process that starts: it has told the store, and knows what the store does."""
    deaths = Deaths(folder, name, APP, 60.0)
    leaping.run(deaths.settle(maintaining(store)))
    return deaths


def maintaining(store):
    async def maintain(steps):
        return DirectHost(APP, store).drive(steps)

    return maintain


def why(folder, store, root=ROOT, name="Counter-0"):
    """Why the next process refuses a request; empty if it executes it."""
    deaths, asked = remembered(folder, store, name), request(root)
    if asked.id not in deaths.suspects:
        return ""
    copy = MemoryStore()
    copy.load(sorted(store.snapshot().items()))
    again = partial(attempt, APP, asked, "again")
    reply = DirectHost(APP, copy).drive(judged(asked, "judged", deaths.reason, again))
    return "" if isinstance(reply.outcome, Returned) else reply.outcome.text


ENDS = {
    "exit": lambda: os._exit(1),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}


@pytest.mark.parametrize("end", ENDS)
def test_whoever_takes_processes_down_often_enough_is_known(tmp_path, store, end):
    for number in range(OFTEN):
        assert not why(tmp_path, store), number
        lived(tmp_path, computes(ROOT, ENDS[end]))
    told = why(tmp_path, store)
    assert f"Counter.increment took its process down {OFTEN} times" in told
    assert told.startswith(f"{increment.__code__.co_filename}:")
    assert not why(tmp_path, store, OTHER)


def test_deaths_of_all_processes_count_whatever_their_names(tmp_path, store):
    """Each in another place, as pods are; and one that never died knows as well."""
    for number in range(OFTEN):
        folder = tmp_path / f"pod-{number}"
        assert not why(tmp_path / "another", store), number
        lived(folder, computes(ROOT, ENDS["kill"]))
        remembered(folder, store)
    assert f"took its process down {OFTEN} times" in why(tmp_path / "another", store)


def test_who_dies_between_steps_dies_for_nobody(tmp_path, store):
    def between(deaths):
        deaths.step(request())((_ for _ in [1]), None)
        os._exit(1)

    for _ in range(OFTEN):
        lived(tmp_path, between)
        assert not remembered(tmp_path, store).suspects


def test_who_is_killed_on_purpose_dies_for_nobody(tmp_path, store):
    for _ in range(OFTEN):
        lived(tmp_path, computes(ROOT, ENDS["kill"]))
        absolve(tmp_path, "Counter-0")
        assert not remembered(tmp_path, store).suspects


def test_a_store_that_is_away_hears_of_it_later(tmp_path, store):
    """And as often as it happened, though the next process dies, too, before it is back."""

    async def away(steps):
        raise StoreUnavailable("it is away")

    for _ in range(OFTEN):
        lived(tmp_path, computes(ROOT, ENDS["exit"]))
        deaths = Deaths(tmp_path, "Counter-0", APP, 60.0)
        assert request().id in deaths.suspects
        with pytest.raises(StoreUnavailable):
            leaping.run(deaths.settle(away))
    assert why(tmp_path, store)
    assert len(store.get_range(*DEATHS, store.read_version())) == OFTEN
    assert why(tmp_path, store)
    assert len(store.get_range(*DEATHS, store.read_version())) == OFTEN, "each is told once"


def test_it_is_told_as_soon_as_the_store_is_back(tmp_path, store):
    lived(tmp_path, computes(ROOT, ENDS["exit"]))
    tries = []

    async def maintain(steps):
        tries.append(steps)
        if len(tries) < 4:
            raise StoreUnavailable("it is away")
        return DirectHost(APP, store).drive(steps)

    leaping.run(Deaths(tmp_path, "Counter-0", APP, 60.0).settle_in_the_end(maintain))
    assert DirectHost(APP, store).drive(suspects()) == {request().id}


@pytest.mark.parametrize("how", ["answered", "resumed"])
def test_what_is_forgiven_is_executed_though_a_process_remembers(tmp_path, store, how):
    for root in (ROOT, OTHER):
        for _ in range(OFTEN):
            lived(tmp_path, computes(root, ENDS["exit"]))
    knows, host = remembered(tmp_path, store), DirectHost(APP, store)
    refused = host.drive(judged(request(), "judged", knows.reason, None))
    assert (refused.outcome.kind, refused.outcome.cause) == ("SetAside", "Poison")
    host.drive(forgive(request().id) if how == "answered" else resume(ROOT, 10**18))
    assert host.drive(suspects()) == {request(OTHER).id}
    again = partial(attempt, APP, request(), "again")
    outcome = host.drive(judged(request(), "judged again", knows.reason, again)).outcome
    assert isinstance(outcome, Returned) == (how == "resumed"), "a verdict is kept until then"
    assert why(tmp_path, store, OTHER)


def test_an_answer_forgives_and_a_failure_does_not(tmp_path, store):
    """Through a host: what is asked of a process that suspects it."""
    for _ in range(OFTEN - 1):
        lived(tmp_path, computes(ROOT, ENDS["exit"]))
    cluster = Cluster("counter")
    host = cluster.hosts["Counter"]
    host.deaths = Deaths(tmp_path, "Counter-0", cluster.program, 60.0)
    asked = replace(cluster.root_request("Counter.increment", "a"), id=request().id)

    async def main():
        await host.deaths.settle(host.maintain)
        assert await host.maintain(suspects()) == {asked.id}
        cluster.store.trouble = 1.0
        late = replace(asked, deadline=time.time_ns() + 10**9)
        assert isinstance((await host.execute(late)).reply.outcome, Failed)
        cluster.store.trouble = 0.0
        assert await host.maintain(suspects()) == {asked.id}
        assert isinstance((await host.execute(asked)).reply.outcome, Returned)
        assert not await host.maintain(suspects())
        assert not host.deaths.suspects

    leaping.run(main())


def test_what_was_answered_is_suspected_until_the_store_has_heard_so(tmp_path):
    lived(tmp_path, computes(ROOT, ENDS["exit"]))
    cluster = Cluster("counter")
    host = cluster.hosts["Counter"]
    host.deaths = Deaths(tmp_path, "Counter-0", cluster.program, 60.0)
    asked = replace(cluster.root_request("Counter.increment", "a"), id=request().id)
    maintain, deaf = host.maintain, [False]

    async def hears(steps):
        if deaf[0]:
            raise StoreUnavailable("it is away")
        return await maintain(steps)

    host.maintain = hears

    async def main():
        await host.deaths.settle(host.maintain)
        deaf[0] = True
        assert isinstance((await host.execute(asked)).reply.outcome, Returned)
        assert host.deaths.suspects == {asked.id}
        deaf[0] = False
        assert isinstance((await host.execute(asked)).reply.outcome, Returned)
        assert not await host.maintain(suspects())
        assert not host.deaths.suspects

    leaping.run(main())


@pytest.mark.parametrize("name", [OURS, "popl23", "unsafe"])
def test_only_where_a_verdict_is_honoured_is_one_given(tmp_path, name):
    """The paper's protocol has no journal of ours, and nothing that is set aside."""
    for _ in range(OFTEN):
        lived(tmp_path, computes(ROOT, ENDS["exit"]))
    cluster = Cluster("counter")
    host = cluster.hosts["Counter"]
    host.protocol = PROTOCOLS[name]()
    host.deaths = Deaths(tmp_path, "Counter-0", cluster.program, 60.0)
    asked = replace(cluster.root_request("Counter.increment", "a"), id=request().id)

    async def main():
        await host.deaths.settle(host.maintain)
        await host.execute(asked)

    leaping.run(main())
    ours = [
        key
        for key in cluster.store.store.snapshot()
        if any(part.begin <= key < part.end for part in (SET_ASIDE, JOURNAL))
    ]
    assert bool(ours) == (name == OURS)


def test_two_may_tell_of_the_same_deaths_at_once(tmp_path, store):
    lived(tmp_path, computes(ROOT, ENDS["exit"]))
    deaths = Deaths(tmp_path, "Counter-0", APP, 60.0)

    async def maintain(steps):
        await asyncio.sleep(0)
        return DirectHost(APP, store).drive(steps)

    async def both():
        await asyncio.gather(deaths.settle(maintain), deaths.settle(maintain))

    leaping.run(both())
    assert len(store.get_range(*DEATHS, store.read_version())) == 1, "it is told as one"
    later = Deaths(tmp_path, "Counter-0", APP, 60.0)
    assert not later.suspects, "nothing is left to tell"


def test_to_run_out_of_memory_counts(tmp_path, store):
    def runs_out(deaths):
        try:
            b"x" * (1 << 62)
        except MemoryError as error:
            deaths.ran_out_of_memory(request(), error)

    for _ in range(OFTEN):
        lived(tmp_path, runs_out)
    assert why(tmp_path, store)


def test_files_that_are_cut_or_foreign_mean_nothing(tmp_path, store):
    for name in ("deaths", "step", "stood"):
        (tmp_path / f"Counter-0.{name}").write_bytes(b"\x00{")
    assert not why(tmp_path, store)


def test_what_is_forgotten_with_its_time_is_forgotten_here(tmp_path, store):
    for root in (ROOT, b"\xff" * 16):
        lived(tmp_path, computes(root, ENDS["exit"]))
    remembered(tmp_path, store)
    host = DirectHost(APP, store)
    host.drive(retain(int.from_bytes(b"s" * 6, "big") * 1_000_000, 0))
    assert host.drive(suspects()) == {request(b"\xff" * 16).id}
