"""Faults that come by the clock, for real."""

import asyncio
from types import SimpleNamespace

from backends.drill.disruptions import Disruptions
from experiment.scenario.model import Fault, Scenario, Selector


def test_a_kill_that_finds_nobody_alive_waits():
    alive = [[], [], ["Hotel-1"]]
    told = []

    async def kill(service, mode, rng):
        assert (service, mode) == ("Hotel", "one")
        return alive.pop(0)

    injection = SimpleNamespace(
        now=lambda: 1.0, tell=told.append, shared=SimpleNamespace(is_active=True)
    )
    fault = Fault("kill", nth=[1], selector=Selector(service="Hotel"))
    asyncio.run(Disruptions(Scenario("x", "x", faults=[fault]), injection, kill).run())
    assert not alive
    assert [strike.where for strike in told] == ["Hotel-1"]
