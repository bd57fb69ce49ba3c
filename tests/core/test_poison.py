"""A request that is refused is set aside: nobody executes it any more, and nothing is lost."""

import pytest
from msgspec.structs import replace

from core import effects
from core.aside import notes, resume
from core.errors import Unknown
from core.layout import DATA, INTENTS
from core.memory import MemoryStore
from core.messages import Returned, Travel
from core.poison import POISON, refuse
from core.ports import Commit
from core.recovery import recover
from tests.core.programs import CODEC, increment, program
from tests.direct import DirectHost, root_request

ROOT = b"r" * 16
WHY = "shop.py:7: it took its process down"


async def front(self, key):
    """A read, an effect below, then another."""
    await self.values.get(key, 0)
    await effects.call("Counter", "increment", "begun")
    return await effects.call("Counter", "increment", key)


async def within(self, key):
    async with effects.Transaction():
        return await effects.call("Counter", "increment", key)


APP = program(("Counter", {"increment": increment}), ("Front", {"front": front, "within": within}))


class Host(DirectHost):
    """Refuses requests of these arguments."""

    def __init__(self, store, *refused):
        super().__init__(APP, store)
        self.refused = refused

    def run(self, request):
        (key,), _ = CODEC.decode(request.args)
        if (request.service, key) in self.refused:
            return self.drive(refuse(request, f"refused{len(self.calls)}", WHY))
        return super().run(request)

    def data(self):
        found = self.store.snapshot().items()
        return sorted(CODEC.decode(v) for k, v in found if DATA.begin <= k < DATA.end)


def ask(method="front", service="Front"):
    return root_request(APP, ROOT, service, method, "k")


@pytest.fixture
def store():
    return MemoryStore()


def is_refused(outcome):
    return (outcome.kind, outcome.definite, outcome.cause) == ("SetAside", False, POISON)


@pytest.mark.parametrize("refused", [("Front", "k"), ("Counter", "k")])
@pytest.mark.parametrize("method", ["front", "within"])
def test_the_whole_tree_is_set_aside_with_the_reason_and_no_intent(store, refused, method):
    host = Host(store, refused)
    outcome = host.run(ask(method)).outcome
    assert is_refused(outcome)
    assert outcome.text == WHY
    (noted,) = host.drive(notes())
    assert (noted.root, noted.note.cause, noted.note.reason) == (ROOT, POISON, WHY)
    assert not [k for k in store.snapshot() if INTENTS.begin <= k < INTENTS.end]
    assert is_refused(Host(store).run(ask(method)).outcome), "whoever would execute it knows"


@pytest.mark.parametrize("refused", [("Front", "k"), ("Counter", "k")])
def test_resumed_it_is_done_once(store, refused):
    Host(store, refused).run(ask())
    host = Host(store)
    assert host.drive(resume(ROOT, 10**18))
    host.drive(recover(10**18, 0))
    assert host.run(ask()).outcome == Returned(CODEC.encode(1))
    assert host.data() == [1, 1]


def test_what_is_known_is_told_instead(store):
    once = ask("increment", "Counter")
    answer = Host(store).run(once).outcome
    host = Host(store, ("Counter", "k"))
    assert host.run(once).outcome == answer
    assert not host.drive(notes())


def test_an_attempt_under_way_commits_nothing_afterwards(store):
    once = ask("increment", "Counter")

    class Slow(Host):
        def perform(self, effect):
            if isinstance(effect, Commit) and effect.request is not None and not self.commits:
                assert is_refused(
                    Host(store, ("Counter", "k")).run(ask("increment", "Counter")).outcome
                )
            return super().perform(effect)

    assert is_refused(Slow(store).run(once).outcome)
    assert Host(store).data() == []


def test_a_travelling_call_is_its_callers_to_set_aside(store):
    request = replace(ask("increment", "Counter"), travel=Travel(store.read_version(), []))
    host = Host(store, ("Counter", "k"))
    assert is_refused(host.run(request).outcome)
    assert not host.commits


def test_a_store_that_does_not_say_leaves_it_open(store):
    class Lost(Host):
        def perform(self, effect):
            if isinstance(effect, Commit):
                raise Unknown("lost")
            return super().perform(effect)

    outcome = Lost(store, ("Front", "k")).run(ask()).outcome
    assert (outcome.kind, outcome.definite) == ("Unknown", False)
