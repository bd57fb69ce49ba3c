"""The protocol switched off: the same answers while nothing goes wrong, and what it loses."""

import inspect
import random

import pytest

from core import effects
from core.attempt import attempt
from core.errors import Conflict, StoreUnavailable, TooLarge, TooOld, Unknown
from core.fields import DictField
from core.layout import DATA
from core.memory import MemoryStore
from core.messages import Failed, Raised, Returned
from core.ports import Commit, Now, Pause, Read, ReadVersion, Receive, Send
from core.store import Set
from core.unsafe import unsafe
from tests.core import programs
from tests.core.programs import CODEC
from tests.direct import DirectHost, root_request

ROOT = b"\x01" * 16


async def misuse(self):
    await effects.commit()


async def forgets(self):
    await effects.begin()


async def aborts(self, key):
    async with effects.Transaction():
        await self.values.setitem(key, 1)
        await effects.abort("no")


async def undoes(self, key):
    await effects.begin()
    await self.values.setitem(key, 1)
    await effects.rollback()
    return await self.values.get(key, 0)


async def refuse(self, key):
    await effects.begin()
    await effects.abort("refused")


async def broken(self, key):
    raise LookupError(key)


async def sends_a_lock(self):
    await effects.call("Counter", "increment", object())


async def leaves(self):
    raise SystemExit(3)


async def listing(self):
    await self.values.setitem("b", 2)
    await self.values.setitem("a", 1)
    await self.values.delitem("b")
    return [key async for key in aiter_of(self.values)]


async def aiter_of(field: DictField):
    for key in await field.keys():
        yield key


async def drops(self, key):
    await effects.spawn("Counter", "increment", key)
    return "done"


async def calls_broken(self, key):
    try:
        await effects.call("Counter", "broken", key)
    except LookupError as error:
        return f"caught {error}"


async def _hidden(self):
    return 1


PROGRAM = programs.program(
    (
        "Counter",
        {
            "increment": programs.increment,
            "look": programs.look,
            "refuse": refuse,
            "broken": broken,
            "catcher": programs.catcher,
            "misuse": misuse,
            "forgets": forgets,
            "aborts": aborts,
            "undoes": undoes,
            "leaves": leaves,
            "listing": listing,
            "_hidden": _hidden,
        },
    ),
    (
        "Front",
        {
            "forward": programs.forward,
            "forward_twice": programs.forward_twice,
            "wander": programs.wander,
            "drops": drops,
            "calls_broken": calls_broken,
            "sends_a_lock": sends_a_lock,
            "both": programs.both,
            "book": programs.book,
        },
    ),
    ("Left", {"increment": programs.increment}),
    ("Right", {"increment": programs.increment}),
    ("Flight", {"reserve": programs.reserve}),
    ("Hotel", {"reserve": programs.reserve}),
    ("Order", {"place": programs.place}),
)


class Host(DirectHost):
    """Runs everything with ``execute``; ``refusals`` are thrown at effects of their kind first."""

    def __init__(self, execute=unsafe, refusals=()):
        super().__init__(PROGRAM, MemoryStore(clock=lambda: 0.0))
        self.execute, self.refusals, self.order = execute, list(refusals), []

    def run(self, request):
        self._attempts += 1
        return self.drive(self.execute(self.program, request, f"a{self._attempts}"))

    def perform(self, effect):
        self.order.append(effect)
        if self.refusals and isinstance(effect, self.refusals[0][0]):
            _, error, applied = self.refusals.pop(0)
            if applied:
                super().perform(effect)
            raise error
        return super().perform(effect)

    def call(self, service, method, *args, root=ROOT):
        return self.run(root_request(PROGRAM, root, service, method, *args)).outcome

    def data(self):
        begin, end = DATA
        return {k: v for k, v in self.store.snapshot().items() if begin <= k < end}


def kinds(host):
    return [type(effect) for effect in host.order]


def value(outcome):
    assert isinstance(outcome, Returned), outcome
    return CODEC.decode(outcome.value)


def test_it_has_the_signature_of_an_attempt():
    assert inspect.signature(unsafe) == inspect.signature(attempt)


CALLS = [
    ("Counter", "increment", "k"),
    ("Counter", "look", "k"),
    ("Front", "forward", "k"),
    ("Front", "forward_twice", "k"),
    ("Front", "both", "k"),
    ("Front", "book", "AF12", "Ritz"),
    ("Front", "drops", "k"),
    ("Front", "wander", "k"),
    ("Front", "calls_broken", "k"),
    ("Front", "sends_a_lock"),
    ("Counter", "listing"),
    ("Counter", "misuse"),
    ("Counter", "forgets"),
    ("Counter", "leaves"),
    ("Counter", "broken", "k"),
    ("Counter", "increment"),
    ("Counter", "_hidden"),
    ("Counter", "nothing"),
    ("Nowhere", "nothing"),
]


@pytest.mark.parametrize("seed", range(20))
def test_one_request_after_another_it_answers_as_the_protocol_does(seed):
    """Clock and random numbers included, and the same state is left; nobody aborts."""
    rng = random.Random(seed)
    with_protocol, without = Host(attempt), Host(unsafe)
    for number in range(12):
        service, method, *args = rng.choice(CALLS)
        root = number.to_bytes(16, "big")
        outcomes = [
            host.call(service, method, *args, root=root) for host in (with_protocol, without)
        ]
        assert outcomes[0] == outcomes[1], (service, method)
    assert without.data() == with_protocol.data()
    assert set(without.store.snapshot()) == set(without.data())


def test_a_read_is_two_trips_and_a_write_one():
    host = Host()
    host.call("Counter", "increment", "k")
    assert kinds(host) == [ReadVersion, Read, Commit]
    commit = host.order[-1]
    assert isinstance(commit, Commit)
    assert (commit.reads, len(commit.mutations)) == ([], 1)
    host.order.clear()
    host.call("Counter", "undoes", "k")
    assert kinds(host) == [ReadVersion, Commit, ReadVersion, Read]


def test_every_read_is_at_a_new_version():
    async def twice(self):
        return [await self.values.get("k"), await self.values.get("k")]

    steps = unsafe(
        programs.program(("S", {"twice": twice})), root_request(PROGRAM, ROOT, "S", "twice"), "a"
    )
    assert isinstance(next(steps), ReadVersion)
    assert steps.send(5).version == 5
    assert isinstance(steps.send(([None], [])), ReadVersion)
    assert steps.send(9).version == 9


def test_a_call_is_sent_and_nothing_goes_along():
    host = Host()
    host.call("Front", "both", "k")
    assert kinds(host).count(Send) == 2
    for place, request in enumerate(host.calls, 1):
        assert request.travel is None
        assert not request.intent_recorded
        assert request.id.path == (place,)  # as the protocol names them: the transaction is 0


def test_spawned_calls_run_side_by_side():
    steps = unsafe(PROGRAM, root_request(PROGRAM, ROOT, "Front", "both", "k"), "a")
    assert isinstance(next(steps), Send)
    assert isinstance(steps.send(0), Send)
    assert steps.send(1) == Receive((0, 1))


def test_a_call_that_nobody_waits_for_is_waited_for_in_the_end():
    host = Host()
    assert value(host.call("Front", "drops", "k")) == "done"
    assert isinstance(host.order[-1], Receive)


def test_what_an_aborted_transaction_wrote_stays():
    host = Host()
    outcome = host.call("Counter", "aborts", "k")
    assert isinstance(outcome, Raised)
    assert outcome.type.endswith("TransactionException")
    assert list(host.data().values()) == [CODEC.encode(1)]
    assert value(Host().call("Counter", "undoes", "k")) == 1


def test_a_transaction_exception_of_a_callee_ends_the_transaction_around_it():
    assert value(Host().call("Counter", "catcher", "k")) == ("refused", 1)
    assert value(Host(attempt).call("Counter", "catcher", "k")) == ("refused", 0)


def test_the_same_request_again_happens_again():
    host = Host()
    assert [value(host.call("Counter", "increment", "k")) for _ in range(2)] == [1, 2]
    host = Host(attempt)
    assert [value(host.call("Counter", "increment", "k")) for _ in range(2)] == [1, 1]


def test_an_update_between_a_read_and_a_write_is_lost():
    host = Host()
    steps = unsafe(PROGRAM, root_request(PROGRAM, ROOT, "Counter", "increment", "k"), "slow")
    read = steps.send(host.perform(next(steps)))
    seen = host.perform(read)
    host.call("Counter", "increment", "k")
    host.perform(steps.send(seen))
    assert list(host.data().values()) == [CODEC.encode(1)]


# --- a store that refuses


@pytest.mark.parametrize("error", [StoreUnavailable(), TooOld(), Conflict(), Unknown()])
@pytest.mark.parametrize("kind", [ReadVersion, Read, Commit])
def test_a_refused_access_is_made_again(kind, error):
    host = Host(refusals=[(kind, error, False)] * 3)
    assert value(host.call("Counter", "increment", "k")) == 1
    assert [effect.retry for effect in host.order if isinstance(effect, Pause)] == [1, 2, 3]


def test_a_commit_that_was_applied_unknown_to_us_is_made_twice():
    host = Host(refusals=[(Commit, Unknown(), True)])
    assert value(host.call("Counter", "increment", "k")) == 1
    assert len(host.commits) == 2
    assert host.commits[0].mutations == host.commits[1].mutations
    assert host.commits[0].place == host.commits[1].place


def test_a_version_that_is_too_old_to_write_at_is_taken_anew():
    host = Host(refusals=[(Commit, TooOld(), False)])
    host.call("Counter", "increment", "k")
    assert kinds(host) == [ReadVersion, Read, Commit, Pause, ReadVersion, Commit]


@pytest.mark.parametrize("kind", [ReadVersion, Read, Commit])
def test_a_store_that_goes_on_refusing_ends_it_indefinitely(kind):
    host = Host(refusals=[(kind, StoreUnavailable("down"), False)] * 1000)
    outcome = host.call("Counter", "increment", "k")
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.definite) == ("Interrupted", False)
    assert "down" in outcome.text
    assert len(host.refusals) == 990


def test_too_large_is_definite_only_if_nothing_was_done():
    host = Host(refusals=[(Commit, TooLarge("too large"), False)])
    assert host.call("Counter", "increment", "k") == Failed("TooLarge", True, "too large")
    host = Host(refusals=[(Commit, Unknown(), True), (Commit, TooLarge("too large"), False)])
    outcome = host.call("Counter", "listing")
    assert (outcome.kind, outcome.definite, len(host.commits)) == ("TooLarge", False, 1)


def test_a_failed_call_ends_the_caller_and_never_reaches_its_code():
    host = Host(refusals=[(ReadVersion, StoreUnavailable("down"), False)] * 10)
    outcome = host.call("Front", "forward", "k")
    assert isinstance(outcome, Failed)
    assert not outcome.definite
    assert "down" in outcome.text


def test_a_host_that_gives_up_just_drops_it():
    ended = []

    async def careful(self):
        try:
            await self.values.get("k")
        finally:
            ended.append(True)
            await self.values.setitem("k", 1)

    program = programs.program(("S", {"careful": careful}))
    steps = unsafe(program, root_request(PROGRAM, ROOT, "S", "careful"), "a")
    next(steps)
    steps.close()
    assert ended == [True]


def test_units_name_what_led_to_a_write():
    """Reads since the last write or call carry the unit that the next write names."""
    host = Host()
    host.call("Front", "wander", "k")
    own = [e for e in host.order if getattr(e, "unit", "").startswith("a1.")]
    commits = [e for e in host.order if isinstance(e, Commit) and e.units[0].startswith("a1.")]
    assert [type(effect) for effect in own[:2]] == [Read, Now]
    assert own[0].unit == own[1].unit
    assert own[0].unit != commits[0].units[0]  # a call stands between
    assert len({commit.units for commit in commits}) == len(commits)
    assert [commit.place for commit in commits] == [0, 1]
    assert all(isinstance(commit.mutations[0], Set) for commit in commits)
