"""The host of attempts: whatever is cancelled, lost or refused, each request happens once."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from backends.runtime.host import Host
from backends.runtime.settings import Settings
from backends.runtime.wire import Answer
from core.errors import Conflict, Interrupted, MuError, StoreUnavailable, TooOld
from core.ids import RequestId
from core.layout import INTENTS, intent_key
from core.messages import Failed, Origin, Raised, Reply, Request, Returned
from core.ports import Now, Pause, ReadVersion, Receive, Release, Send
from core.protocol import Protocol
from core.recovery import recover
from core.store import Set
from tests import leaping
from tests.backends.runtime.cluster import SETTINGS, Cluster, Memory


def deciding(attempt):
    """The protocol with another way to make attempts."""
    return Protocol.ours()._replace(attempt=attempt)


def run(coroutine):
    return leaping.run(asyncio.wait_for(coroutine, 3_600))


# --- exactly once, whatever happens


async def play(cluster, requests):
    """Ask for all at once, under trouble; then, without any, for all again."""
    outcomes = await asyncio.gather(*map(cluster.ask, requests))
    await cluster.rest()
    cluster.trouble = cluster.store.trouble = 0.0
    settled = cluster.store.store.snapshot()
    late = await asyncio.gather(*map(cluster.ask, requests))
    assert late == outcomes
    await cluster.rest()
    after = cluster.store.store.snapshot()
    changed = {key for key in settled | after if settled.get(key) != after.get(key)}
    # A late duplicate may complete what trouble left open, but takes no effect of its own.
    assert all(key[:1] in (b"i", b"j") for key in changed), changed
    assert cluster.held_turns() == 0
    return outcomes


def values(cluster, outcomes):
    codec = cluster.program.codec
    return [codec.decode(outcome.value) for outcome in outcomes if isinstance(outcome, Returned)]


SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_counter(seed):
    async def main():
        cluster = Cluster("counter", seed, trouble=0.06)
        keys = [cluster.rng.choice("abc") for _ in range(90)]
        outcomes = await play(cluster, [cluster.root_request("Counter.increment", k) for k in keys])
        assert cluster.cancelled
        for key in "abc":
            mine = [outcome for at, outcome in zip(keys, outcomes, strict=True) if at == key]
            assert sorted(values(cluster, mine)) == list(range(1, keys.count(key) + 1))

    run(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_tree(seed):
    async def main():
        cluster = Cluster("tree", seed, trouble=0.04)
        keys = [cluster.rng.choice("abcd") for _ in range(40)]
        outcomes = await play(cluster, [cluster.root_request("Root.increment", k) for k in keys])
        assert cluster.cancelled
        for key in "abcd":
            mine = [outcome for at, outcome in zip(keys, outcomes, strict=True) if at == key]
            counts = range(1, keys.count(key) + 1)
            assert sorted(values(cluster, mine)) == [(count, count) for count in counts]
        cluster.check_invariants()

    run(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_hotel(seed):
    async def main():
        cluster = Cluster("hotel", seed, trouble=0.04)
        rng = random.Random(seed)
        flights, hotels = ("flight-05", "flight-06"), ("hotel-01", "hotel-02")
        trips = [(f"guest-{n}", rng.choice(flights), rng.choice(hotels)) for n in range(40)]
        requests = [cluster.root_request("Frontend.book", *trip) for trip in trips]
        outcomes = await play(cluster, requests)
        assert cluster.cancelled
        booked = {
            (trip, cluster.program.codec.decode(outcome.value))
            for trip, outcome in zip(trips, outcomes, strict=True)
            if isinstance(outcome, Returned)
        }
        refused = [outcome for outcome in outcomes if not isinstance(outcome, Returned)]
        assert booked
        assert refused
        assert all(isinstance(outcome, Raised) for outcome in refused)
        with cluster.reference() as reference:
            orders = reference.instance("Order").orders.items()
            kept = {((trip.customer, trip.flight, trip.hotel), order) for order, trip in orders}
        assert kept == booked
        cluster.check_invariants()
        assert not cluster.intents()

    run(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_bank(seed):
    async def main():
        cluster = Cluster("bank", seed, trouble=0.03)
        rng = random.Random(seed)
        accounts = ["north-00", "north-01", "south-00", "south-01"]
        moves = [(*rng.sample(accounts, 2), rng.randint(1, 9_000)) for _ in range(30)]
        requests = [cluster.root_request("Bank.transfer", *move) for move in moves]
        outcomes = await play(cluster, requests)
        expected = Counter(dict.fromkeys(accounts, 10_000))
        for (source, target, amount), outcome in zip(moves, outcomes, strict=True):
            assert isinstance(outcome, Returned | Raised)
            if isinstance(outcome, Returned):
                expected[source] -= amount
                expected[target] += amount
        with cluster.reference() as reference:
            held = {
                account: reference.instance(account[:5].title()).balances[account]
                for account in accounts
            }
        assert held == dict(expected)
        cluster.check_invariants()

    run(main())


@pytest.mark.parametrize("seed", range(5))
def test_the_end_at_every_moment(seed):
    """One booking, cancelled after each number of steps and asked again, until it gets through."""

    async def main():
        cluster = Cluster("hotel", seed)
        request = cluster.root_request("Frontend.book", "guest", "flight-06", "hotel-01")
        host = cluster.hosts["Frontend"]
        for steps in range(1, 400):
            executing = asyncio.ensure_future(host.execute(request))
            for _ in range(steps):
                await asyncio.sleep(0)
            if executing.done():
                break
            executing.cancel()
            await asyncio.wait((executing,))
            if steps % 3:
                await cluster.rest()  # or its calls live on beside the next execution
        outcome = executing.result().reply.outcome
        assert isinstance(outcome, Returned)
        await cluster.rest()
        assert await cluster.ask(request) == outcome
        with cluster.reference() as reference:
            assert reference.instance("Hotel").rooms["hotel-01"] == 9
            assert len(reference.instance("Order").orders) == 1
        cluster.check_invariants()

    run(main())


def test_what_clients_gave_up_is_completed_by_recovery():
    async def main():
        impatient = msgspec.structs.replace(SETTINGS, attempts=2)
        cluster = Cluster("hotel", settings=impatient)
        cluster.cut_off.add("Order")
        requests = [
            cluster.root_request("Frontend.book", f"guest-{n}", "flight-06", "hotel-02")
            for n in range(20)
        ]
        answers = await asyncio.gather(*map(cluster.hosts["Frontend"].execute, requests))
        kinds = Counter(type(answer.reply.outcome) for answer in answers)
        assert kinds == {Failed: 10, Raised: 10}  # as many as there are seats
        assert len(cluster.intents()) == 10
        cluster.cut_off.clear()
        found = await cluster.hosts["Hotel"].maintain(recover(time.time_ns() + 10**9, 0))
        assert found == 10
        assert not cluster.intents()
        cluster.check_invariants()

    run(main())


# --- contention


@pytest.mark.parametrize("service", ["counter", "tree"])
def test_64_requests_for_one_key_all_succeed(service):
    async def main():
        cluster = Cluster(service)
        target = {"counter": "Counter.increment", "tree": "Root.increment"}[service]
        requests = [cluster.root_request(target, "hot") for _ in range(64)]
        outcomes = await asyncio.gather(*map(cluster.ask, requests))
        counted = values(cluster, outcomes)
        one = {"counter": lambda n: n, "tree": lambda n: (n, n)}[service]
        assert sorted(counted) == [one(n) for n in range(1, 65)]
        assert cluster.held_turns() == 0

    run(main())


def test_turns_are_given_back_by_who_is_cancelled_in_line():
    async def main():
        cluster = Cluster("counter")
        host = cluster.hosts["Counter"]
        holder, waiting = host.execution(None), host.execution(None)

        def queue_up(key):
            yield Pause(1, (key,))
            yield Receive(())
            yield Pause(12)

        first = asyncio.ensure_future(holder.run(queue_up(b"dkey")))
        second = asyncio.ensure_future(waiting.run(queue_up(b"dkey")))
        while len(host.turns) < 2:
            await asyncio.sleep(0)
        for task in (second, first):
            task.cancel()
            await asyncio.wait((task,))
        assert len(host.turns) == 0

    run(main())


def test_who_waits_for_a_turn_for_too_long_goes_on_without():
    async def main():
        host = Cluster("counter").hosts["Counter"]
        host.turns.take(object(), (b"dkey",), lambda: None)  # never released

        def wait():
            yield Pause(1, (b"dkey",))
            return "went on"

        assert await host.execution(None).run(wait()) == "went on"
        assert len(host.turns) == 1

    run(main())


def test_a_turn_passes_on_at_once():
    async def main():
        host = Cluster("counter").hosts["Counter"]
        order = []

        def work(name):
            yield Pause(1, (b"dkey",))
            order.append(name)
            yield Release()

        begun = time.monotonic()
        await asyncio.gather(*(host.execution(None).run(work(n)) for n in range(20)))
        assert order == list(range(20))
        assert time.monotonic() - begun < 0.1

    run(main())


# --- deadlines


class Conflicting(Memory):
    """Refuses every commit."""

    async def commit(self, version, reads, mutations, entry=None):
        raise Conflict((mutations[0].key,))


class Unavailable(Memory):
    async def read_version(self):
        raise StoreUnavailable("store elsewhere is away: bring it back")


@pytest.mark.parametrize("kind", [Conflicting, Unavailable])
def test_after_the_deadline_nobody_goes_on(kind):
    async def main():
        cluster = Cluster("counter")
        store = kind({}, random.Random(0))
        host = Host(cluster.program, store, cluster.caller.call, SETTINGS)
        deadline = time.time_ns() + 100_000_000
        request = cluster.root_request("Counter.increment", "a", deadline=deadline)
        begun = time.monotonic()
        outcome = (await host.execute(request)).reply.outcome
        assert (outcome.kind, outcome.definite) == ("Interrupted", False)
        assert 0.1 <= time.monotonic() - begun < 0.5
        assert len(host.turns) == 0

    run(main())


def test_without_a_deadline_it_goes_on_until_the_store_is_back():
    async def main():
        cluster = Cluster("counter")
        cluster.store.trouble = 1.0
        request = cluster.root_request("Counter.increment", "a")
        executing = asyncio.ensure_future(cluster.hosts["Counter"].execute(request))
        await asyncio.sleep(0.1)
        assert not executing.done()
        cluster.store.trouble = 0.0
        assert isinstance((await executing).reply.outcome, Returned)

    run(main())


# --- completed intents


def test_completed_intents_are_cleared_in_batches():
    async def main():
        cluster = Cluster("counter")
        host = cluster.hosts["Counter"]
        roots = [bytes([number]) * 16 for number in range(50)]
        await cluster.store.commit(
            await cluster.store.read_version(), [], [Set(intent_key(root), b"x") for root in roots]
        )
        before = cluster.store.commits

        def steps(program, request, name):
            return Reply(request.id, Returned(b""), intent_recorded=True)
            yield

        host.protocol = deciding(steps)
        origin = Origin("Counter", "increment", b"")
        for root in roots:
            await host.execute(Request(RequestId(root), "Counter", "increment", b"", origin))
            for _ in range(20):
                await asyncio.sleep(0)
        await host.drain()
        assert not cluster.intents()
        assert cluster.store.commits <= before + 3

    run(main())


def completing(*, fail, recorded=True, cleared=False, child=False):
    """Whether the host clears the intent of a request that ended so."""

    async def main():
        cluster = Cluster("counter")
        host = cluster.hosts["Counter"]
        outcome = Failed("Interrupted", False, "") if fail else Returned(b"")

        def steps(program, request, name):
            return Reply(request.id, outcome, None, recorded, cleared)
            yield

        host.protocol = deciding(steps)
        request_id = RequestId(b"r" * 16, (1,) if child else ())
        origin = Origin("Counter", "increment", b"")
        before = cluster.store.commits
        await host.execute(Request(request_id, "Counter", "increment", b"", origin))
        await host.drain()
        return cluster.store.commits > before

    return run(main())


def test_only_a_root_that_was_answered_is_complete():
    assert completing(fail=False)
    assert not completing(fail=True)
    assert not completing(fail=False, recorded=False)
    assert not completing(fail=False, cleared=True)
    assert not completing(fail=False, child=True)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a defect")])
def test_intents_that_could_not_be_cleared_hold_up_nothing(error):
    """Neither the host's drain nor the intents that are completed later."""

    async def main():
        cluster = Cluster("hotel")
        store, host = cluster.store, cluster.hosts["Frontend"]
        commit = store.commit
        troubles = [error]

        async def trouble(version, reads, mutations, entry=None):
            if troubles:
                raise troubles.pop()
            return await commit(version, reads, mutations, entry)

        store.commit = trouble
        host._complete(b"1" * 16)
        await host.drain()
        assert not troubles
        await commit(await store.read_version(), [], [Set(intent_key(b"2" * 16), b"x")])
        host._complete(b"2" * 16)
        await host.drain()
        assert not store.section(INTENTS)

    run(main())


# --- what must not happen, and does


def broken(program, request, name):
    yield ReadVersion()
    raise ZeroDivisionError("a defect of ours")


def mistaken(program, request, name):
    yield ReadVersion()
    trace = ["tests/backends/runtime/test_host.py:1 in A.a", "gone.py:3 in B.b"]
    return Reply(request.id, Raised("IndexError", b"", "list index out of range", trace))


def test_a_mistake_of_the_program_is_logged_with_its_way_by_whoever_ran_the_root(caplog):
    async def main():
        cluster = Cluster("counter")
        host = Host(
            cluster.program, cluster.store, cluster.caller.call, SETTINGS, deciding(mistaken)
        )
        request = cluster.root_request("Counter.increment", "a")
        await host.execute(replace(request, id=request.id.child(1)))
        await host.execute(request)
        return request.id.root.hex()

    root = run(main())
    (record,) = caplog.records
    first, source = Path(__file__).read_text().splitlines()[0], record.getMessage().splitlines()
    assert record.levelname == "ERROR"
    assert source == [
        f"Counter.increment raised, root {root}",
        "  tests/backends/runtime/test_host.py:1 in A.a",
        f"    {first}",
        "  gone.py:3 in B.b",
        "IndexError: list index out of range",
    ]
    assert record.fields["trace"][1] == "gone.py:3 in B.b"


def final(program, request, name):
    yield ReadVersion()
    raise MuError("the store says: never")


def test_a_defect_is_logged_and_leaves_it_open(caplog):
    async def main():
        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, cluster.caller.call, SETTINGS, deciding(broken))
        return (await host.execute(cluster.root_request("Counter.increment", "a"))).reply

    reply = run(main())
    assert reply.outcome == Failed("Interrupted", False, "ZeroDivisionError: a defect of ours")
    (record,) = caplog.records
    assert "Counter.increment" in record.getMessage()
    assert record.exc_info[0] is ZeroDivisionError


def test_an_error_of_the_stores_own_kind_leaves_it_open(caplog):
    async def main():
        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, cluster.caller.call, SETTINGS, deciding(final))
        return (await host.execute(cluster.root_request("Counter.increment", "a"))).reply

    assert run(main()).outcome == Failed("Interrupted", False, "the store says: never")
    assert not caplog.records


def test_a_store_that_raises_what_no_store_may_leaves_it_open(caplog):
    async def main():
        cluster = Cluster("counter")

        async def broken_read(version, keys, ranges=()):
            raise ValueError("a defect of the store")

        cluster.store.read = broken_read
        host = cluster.hosts["Counter"]
        return (await host.execute(cluster.root_request("Counter.increment", "a"))).reply

    assert run(main()).outcome.kind == "Interrupted"
    assert "a defect of the store" in caplog.text


def test_store_errors_are_thrown_into_the_attempt():
    async def main():
        cluster = Cluster("counter")
        cluster.store.trouble = 1.0
        seen = []

        def steps():
            for effect in (ReadVersion(), ReadVersion()):
                try:
                    yield effect
                except StoreUnavailable as error:
                    seen.append(error)
            return (yield Now("unit"))

        now = await cluster.hosts["Counter"].maintain(steps())
        assert len(seen) == 2
        assert abs(now - time.time_ns()) < 10**9

    run(main())


def test_a_store_that_is_away_is_logged_but_not_by_everybody(caplog):
    async def main():
        cluster = Cluster("counter")
        store = Unavailable({}, random.Random(0))
        host = Host(cluster.program, store, cluster.caller.call, SETTINGS)
        deadline = time.time_ns() + 100_000_000
        requests = [
            cluster.root_request("Counter.increment", "a", deadline=deadline) for _ in range(20)
        ]
        await asyncio.gather(*map(host.execute, requests))

    run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "store elsewhere is away: bring it back"
    ]


def test_maintenance_tells_its_caller_what_the_store_said():
    async def main():
        host = Cluster("counter").hosts["Counter"]

        def steps():
            yield ReadVersion()
            raise TooOld("left the window")

        with pytest.raises(TooOld):
            await host.maintain(steps())

    run(main())


# --- calls of an attempt


def test_calls_are_under_way_at_once_and_answered_in_the_order_asked():
    async def main():
        gates = {name: asyncio.Event() for name in "ab"}

        async def call(request, once):
            await gates[request.service].wait()
            return Answer(Reply(request.id, Returned(request.service.encode())))

        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, call, Settings())

        def steps():
            first = yield Send(Request(RequestId(b"", (1,)), "a", "", b"", Origin("", "", b"")))
            second = yield Send(Request(RequestId(b"", (2,)), "b", "", b"", Origin("", "", b"")))
            return (yield Receive((second, first)))

        executing = asyncio.ensure_future(host.execution(None).run(steps()))
        gates["b"].set()
        await asyncio.sleep(0.01)
        assert not executing.done()
        gates["a"].set()
        replies = await executing
        assert [reply.outcome.value for reply in replies] == [b"b", b"a"]

    run(main())


@pytest.mark.parametrize("how", ["cancelled", "returned", "raised"])
def test_calls_end_with_the_attempt_that_made_them(how):
    async def main():
        ended = []

        async def call(request, once):
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(request)

        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, call, Settings())

        def steps():
            ticket = yield Send(Request(RequestId(b""), "a", "", b"", Origin("", "", b"")))
            yield Pause(1)
            if how == "raised":
                raise Interrupted("over")
            if how == "cancelled":
                yield Receive((ticket,))

        executing = asyncio.ensure_future(host.execution(None).run(steps()))
        if how == "cancelled":
            await asyncio.sleep(0.02)
            executing.cancel()
        await asyncio.wait((executing,))
        await asyncio.sleep(0)
        assert len(ended) == 1

    run(main())


def test_whether_a_call_is_made_once_is_passed_on():
    async def main():
        told = []

        async def call(request, once):
            told.append((request.service, once))
            return Answer(Reply(request.id, Returned(b"")))

        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, call, Settings())

        def steps():
            first = yield Send(Request(RequestId(b"", (1,)), "a", "", b"", Origin("", "", b"")))
            again = Request(RequestId(b"", (2,)), "b", "", b"", Origin("", "", b""))
            yield Receive((first, (yield Send(again, once=True))))

        await host.execution(None).run(steps())
        assert told == [("a", False), ("b", True)]

    run(main())


def test_a_message_for_whose_answer_nobody_waits_outlives_its_sender():
    async def main():
        gate, heard = asyncio.Event(), []

        async def call(request, once):
            await gate.wait()
            heard.append(request.service)
            raise ValueError("of which nobody hears but the log")

        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, call, Settings())

        def steps():
            request = Request(RequestId(b"", (1,)), "a", "", b"", Origin("", "", b""))
            return (yield Send(request, once=True, awaited=False))

        assert await host.execution(None).run(steps()) is None
        draining = asyncio.ensure_future(host.drain())
        await asyncio.sleep(0.01)
        assert not draining.done()
        gate.set()
        await draining
        assert heard == ["a"]

    run(main())


def test_a_node_that_ends_does_not_wait_for_ever_for_its_messages():
    async def main():
        async def call(request, once):
            await asyncio.Event().wait()

        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, call, Settings(grace=0.5))

        def steps():
            request = Request(RequestId(b"", (1,)), "a", "", b"", Origin("", "", b""))
            yield Send(request, awaited=False)

        await host.execution(None).run(steps())
        await host.drain()

    run(main())


def test_what_goes_on_at_once_takes_no_time_while_anybody_waits():
    async def main():
        cluster = Cluster("counter")
        host = Host(cluster.program, cluster.store, None, Settings())
        rounds = []

        def steps():
            while len(rounds) < 1000:
                rounds.append(len(rounds))
                yield Pause(0)

        begun = asyncio.get_running_loop().time()
        await host.execution(None).run(steps())
        assert asyncio.get_running_loop().time() == begun

    run(main())


def test_what_goes_on_at_once_ends_when_nobody_waits():
    async def main():
        cluster = Cluster("counter")

        def goes_on(program, request, name):
            while True:
                yield Pause(1, owed=True)  # time goes by
                yield Pause(0)

        protocol = deciding(goes_on)
        host = Host(cluster.program, cluster.store, cluster.caller.call, SETTINGS, protocol)
        late = cluster.root_request("Counter.read", "a", deadline=time.time_ns() + 10**8)
        outcome = (await host.execute(late)).reply.outcome
        assert (outcome.kind, outcome.definite) == ("Interrupted", False)
        assert outcome.text == "nobody waits for the answer any more"

    run(main())


def test_names_of_attempts_are_unique():
    hosts = list(Cluster("hotel").hosts.values())
    names = {host.unique_name() for host in hosts for _ in range(100)}
    assert len(names) == 100 * len(hosts)
