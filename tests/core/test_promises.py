"""What is promised to clients: taken over in one commit, known for as long as the key holds."""

import random

import pytest

from core.alarms import rest
from core.aside import resume, set_aside
from core.errors import Conflict, Expired, IdReused
from core.ids import began_ms, root_id
from core.layout import INTENTS, PROMISED
from core.memory import MemoryStore
from core.messages import Failed
from core.ports import Commit
from core.promises import look, promise, unfinished
from core.recovery import drive
from core.retention import retain
from tests.core.test_alarms import HOUR, NOW, PROGRAM, SECOND, section
from tests.direct import DirectHost, root_request

RNG = random.Random(7)


@pytest.fixture
def host():
    return DirectHost(PROGRAM, MemoryStore(), NOW)


def request(host, method="increment", service="Counter"):
    root = root_id(host.clock_ns // 1_000_000, RNG)
    return root_request(PROGRAM, root, service, method, "a")


def promised(host, asked):
    host.drive(promise(asked.id.root, asked.origin))
    return host.drive(look(asked.id.root))


def test_what_is_promised_is_driven_by_whoever_is_up(host):
    asked = request(host)
    assert promised(host, asked).state == "running"
    host.drive(drive({asked.id.root: asked.origin}))
    assert host.drive(look(asked.id.root)).state == "done"
    assert not section(host, INTENTS)
    first = host.run(asked).outcome
    assert promised(host, asked).state == "done", "what is complete is not begun again"
    assert host.run(asked).outcome == first


def test_another_request_is_not_promised_under_the_same_id(host):
    asked = request(host)
    promised(host, asked)
    other = root_request(PROGRAM, asked.id.root, "Counter", "increment", "b")
    with pytest.raises(IdReused):
        promised(host, other)
    assert host.drive(look(asked.id.root)).origin == asked.origin


def test_a_promise_and_an_attempt_at_the_same_time_do_not_both_begin_it(host):
    asked = request(host)

    class Late(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit):
                host.run(asked)
            return super().perform(effect)

    with pytest.raises(Conflict):
        Late(PROGRAM, host.store, NOW).drive(promise(asked.id.root, asked.origin))
    assert not section(host, INTENTS) + section(host, PROMISED)


def test_until_when_one_sleeps_is_known_while_it_rests(host):
    asked = request(host, "nap", "Sleeper")
    promised(host, asked)
    told = host.run(asked).outcome
    assert host.drive(look(asked.id.root)).until == 0
    host.drive(rest({asked.id.root: told}))
    found = host.drive(look(asked.id.root))
    assert (found.state, found.until) == ("sleeping", told.until)
    listed, more = host.drive(unfinished("sleeping"))
    assert ([each.root for each in listed], more) == ([asked.id.root], None)
    assert host.drive(unfinished("running")) == ([], None)


def test_promises_are_forgotten_with_what_they_promised(host):
    asked = request(host)
    promised(host, asked)
    host.clock_ns += HOUR
    host.drive(retain(host.clock_ns, SECOND))
    assert section(host, PROMISED), "its intent keeps it"
    host.drive(drive({asked.id.root: asked.origin}))
    host.drive(retain(host.clock_ns, SECOND))
    assert host.drive(look(asked.id.root)) is None
    assert not section(host, PROMISED)
    with pytest.raises(Expired):
        promised(host, asked)


def test_retention_goes_around_the_promise_of_what_is_set_aside(host):
    asked, other = request(host), request(host)
    promised(host, asked)
    promised(host, other)
    host.run(other)
    host.drive(drive({other.id.root: other.origin}))
    note = set_aside(asked.id.root, asked.origin, Failed("TooLarge", True, "why"), NOW)
    host.store.commit(host.store.read_version(), [], note)
    found = host.drive(look(asked.id.root))
    assert (found.state, found.why, found.cause) == ("set-aside", "why", "TooLarge")
    host.clock_ns += HOUR
    host.drive(retain(host.clock_ns, SECOND))
    assert [key[1:] for key in section(host, PROMISED)] == [asked.id.root]
    host.drive(resume(asked.id.root, host.clock_ns))
    assert host.drive(look(asked.id.root)).state == "running"
    host.drive(drive({asked.id.root: asked.origin}))
    assert host.drive(look(asked.id.root)).state == "done"
    host.clock_ns += HOUR
    host.drive(retain(host.clock_ns, SECOND))
    assert not section(host, PROMISED)


def test_a_promise_made_while_it_is_forgotten_is_none(host):
    asked = request(host)

    class Late(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit):
                host.drive(retain(NOW + HOUR, SECOND))
            return super().perform(effect)

    with pytest.raises(Conflict):
        Late(PROGRAM, host.store, NOW).drive(promise(asked.id.root, asked.origin))
    assert began_ms(asked.id.root) * 1_000_000 < NOW + HOUR
