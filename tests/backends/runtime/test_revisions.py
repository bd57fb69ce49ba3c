"""A service is still of the old revision while its callers are of the new one already."""

import asyncio
from dataclasses import replace

import pytest

from backends.runtime.host import Host
from backends.runtime.settings import Settings
from backends.runtime.worker import Calls
from core.layout import SET_ASIDE
from core.messages import Returned
from core.recovery import recover
from tests import leaping
from tests.backends.runtime.cluster import KEY, Cluster, Wire

IMPATIENT = Settings(attempts=2, try_timeout=0.2, backoff=0.01, backoff_limit=0.02)


def without(program, service, method):
    """The program before it had a method."""
    methods = {name: m for name, m in program.services[service].methods.items() if name != method}
    changed = replace(program.services[service], methods=methods)
    return replace(program, services={**program.services, service: changed})


def use(cluster, service, program):
    """Let a service run another revision from now on."""
    host = Host(program, cluster.store, cluster.caller.call, IMPATIENT)
    cluster.hosts[service] = host
    cluster.calls[service] = Calls(Wire(KEY), service.__eq__, host.execute)


BOOKED = [("Order", "place"), ("Hotel", "reserve"), ("Frontend", "book")]
"""What is called outside of a transaction, within one, and by the client."""


@pytest.mark.parametrize(("service", "method"), BOOKED)
def test_what_one_revision_does_not_know_is_done_by_the_next(service, method, caplog):
    async def main():
        cluster = Cluster("hotel", settings=IMPATIENT)
        customer, flight, hotel = cluster.application.workload.arguments["Frontend.book"](
            cluster.rng
        )
        before = [await cluster.ask(cluster.root_request("Frontend.show", flight, hotel))]
        request = cluster.root_request("Frontend.book", customer, flight, hotel)
        use(cluster, service, without(cluster.program, service, method))
        for _ in range(3):
            outcome = (await cluster.caller.call(request)).reply.outcome
            assert (outcome.kind, outcome.definite) == ("Interrupted", False)
            for host in cluster.hosts.values():
                await host.maintain(recover(2**62, 0))
        assert f"there is no method {service}.{method}; another revision may" in caplog.text
        assert not cluster.store.section(SET_ASIDE)
        use(cluster, service, cluster.program)
        for host in cluster.hosts.values():
            await host.maintain(recover(2**62, 0))
        assert isinstance(await cluster.ask(request), Returned)
        await cluster.rest()
        after = [await cluster.ask(cluster.root_request("Frontend.show", flight, hotel))]
        assert before != after
        assert not cluster.store.section(SET_ASIDE)
        cluster.check_invariants()

    leaping.run(asyncio.wait_for(main(), 3_600))
