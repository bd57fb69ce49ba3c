"""A process does once what it is asked for several times at once."""

import asyncio
import random
import time

import pytest
from msgspec.structs import replace

from backends.runtime import host as host_module
from backends.runtime.host import Host
from backends.runtime.settings import Settings
from backends.runtime.wire import Answer
from core.codec import Codec
from core.errors import Conflict
from core.ids import RequestId
from core.messages import Failed, Origin, Reply, Request, Returned
from core.ports import Receive, Send
from core.program import Program
from core.protocol import Protocol
from tests import leaping
from tests.backends.runtime.cluster import SETTINGS, Cluster, Memory

MADE = Returned(b"made")
ORIGIN = Origin("Report", "make", b"args")
ASKED = Request(RequestId(b"r" * 16), "Report", "make", b"args", ORIGIN)
LONG = Settings(try_timeout=60.0)
"""No attempt takes long, compared with a try."""


class Slow:
    """A host whose attempts take until they are let go; ``begun`` are the requests of all."""

    def __init__(self, outcome=MADE):
        self.begun = []
        self.gate = asyncio.Event()
        self.outcome = outcome
        protocol = Protocol.ours()._replace(attempt=self._attempt)
        self.host = Host(Program("", {}, Codec()), None, self._call, LONG, protocol)

    async def _call(self, request, once):
        await self.gate.wait()
        return Answer(Reply(request.id, Returned(b"")))

    def _attempt(self, program, request, name):
        self.begun.append(request)
        ticket = yield Send(request)
        yield Receive((ticket,))
        return Reply(request.id, self.outcome)

    async def ask(self, request=ASKED):
        """Ask, and see to it that the process has heard it."""
        asking = asyncio.ensure_future(self.host.execute(request))
        for _ in range(10):
            await asyncio.sleep(0)
        return asking


def run(main):
    return leaping.run(asyncio.wait_for(main, 3_600))


def test_an_attempt_under_way_is_joined():
    async def main():
        slow = Slow()
        recovering = replace(ASKED, intent_recorded=True, deadline=time.time_ns() + 10**10)
        asking = [await slow.ask(), await slow.ask(), await slow.ask(recovering)]
        assert not any(each.done() for each in asking)
        slow.gate.set()
        answers = await asyncio.gather(*asking)
        assert [answer.reply.outcome for answer in answers] == [MADE] * 3
        assert slow.begun == [ASKED]

    run(main())


def test_an_id_used_again_for_something_else_is_not_joined():
    async def main():
        slow = Slow()
        origin = Origin("Report", "make", b"other")
        other = replace(ASKED, args=b"other", origin=origin)
        asking = [await slow.ask(), await slow.ask(other)]
        assert slow.begun == [ASKED, other]
        slow.gate.set()
        await asyncio.gather(*asking)

    run(main())


def test_who_comes_just_too_late_is_told_what_took_long(monkeypatch):
    """The process was too busy with this very attempt to hear the second try."""
    monkeypatch.setattr(host_module, "keeps", lambda reply, took, timeout: 60.0)

    async def main():
        slow = Slow()
        slow.gate.set()
        for _ in range(2):
            answer = await (await slow.ask())
            assert answer.reply.outcome == MADE
        assert slow.begun == [ASKED]

    run(main())


def test_what_was_kept_is_forgotten(monkeypatch):
    monkeypatch.setattr(host_module, "keeps", lambda reply, took, timeout: 0.001)

    async def main():
        slow = Slow()
        slow.gate.set()
        await (await slow.ask())
        while len(slow.host._joins):
            await asyncio.sleep(0.001)

    run(main())


def test_what_is_done_quickly_is_done_again():
    async def main():
        slow = Slow()
        slow.gate.set()
        for _ in range(2):
            await (await slow.ask())
        assert slow.begun == [ASKED] * 2
        assert not len(slow.host._joins)

    run(main())


@pytest.mark.parametrize("definite", [True, False])
def test_a_failure_is_told_to_all_who_wait_and_to_nobody_else(definite):
    async def main():
        slow = Slow(outcome=Failed("Interrupted", definite, "cut off"))
        asking = [await slow.ask(), await slow.ask()]
        slow.gate.set()
        for answer in await asyncio.gather(*asking):
            assert isinstance(answer.reply.outcome, Failed)
        slow.outcome = MADE
        assert (await slow.host.execute(ASKED)).reply.outcome == slow.outcome
        assert len(slow.begun) == 2

    run(main())


def test_an_attempt_that_is_broken_off_leaves_nobody_waiting():
    async def main():
        slow = Slow()
        first, second = await slow.ask(), await slow.ask()
        first.cancel()
        outcome = (await second).reply.outcome
        assert (outcome.kind, outcome.definite) == ("Interrupted", False)
        slow.gate.set()
        assert (await slow.host.execute(ASKED)).reply.outcome == MADE
        assert len(slow.begun) == 2

    run(main())


def test_who_joins_and_goes_leaves_the_attempt_alone():
    async def main():
        slow = Slow()
        first, second = await slow.ask(), await slow.ask()
        second.cancel()
        slow.gate.set()
        assert (await first).reply.outcome == MADE

    run(main())


class Conflicting(Memory):
    """Refuses commits until it is told to take them."""

    refuses = True

    async def commit(self, version, reads, mutations, entry=None):
        if self.refuses:
            raise Conflict((mutations[0].key,))
        return await super().commit(version, reads, mutations, entry)


def test_who_joins_gives_the_attempt_its_own_time():
    async def main():
        cluster = Cluster("counter")
        store = Conflicting({}, random.Random(0))
        host = Host(cluster.program, store, cluster.caller.call, SETTINGS)
        soon = time.time_ns() + 100_000_000
        request = cluster.root_request("Counter.increment", "a", deadline=soon)
        first = asyncio.ensure_future(host.execute(request))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(host.execute(replace(request, deadline=0)))
        while time.time_ns() < soon + 50_000_000:
            await asyncio.sleep(0.01)
        store.refuses = False
        answers = await asyncio.gather(first, second)
        assert [answer.reply.outcome for answer in answers] == [answers[0].reply.outcome] * 2
        assert isinstance(answers[0].reply.outcome, Returned)

    run(main())
