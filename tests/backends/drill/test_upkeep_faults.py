"""Faults at crash points strike upkeep only where a scenario says so."""

import asyncio
from types import SimpleNamespace

import pytest

from backends.drill import watching
from experiment.scenario.model import PLATFORM, POINTS, Fault, Selector

POINT = "before_commit"


@pytest.fixture
def stopped(monkeypatch):
    """Where a process was stopped."""
    places = []

    async def stop(_watching, _armed, where):
        places.append(where)

    monkeypatch.setattr(watching, "_stop", stop)
    return places


def passed(service, selected):
    """Pass the point in ``service`` under a pause with this selector; the points counted."""
    counted = []
    armed = SimpleNamespace(fault=Fault("pause", selector=Selector(service=selected)))
    faults = SimpleNamespace(
        service=service, method="m", points=[[armed] for _ in POINTS], where=lambda _: service
    )
    strikes = SimpleNamespace(strike=lambda *_: object())
    here = SimpleNamespace(count=counted.append, injection=strikes)
    asyncio.run(watching._pass(here, faults, POINT))
    return counted


def test_a_fault_for_anybody_strikes_requests_only(stopped):
    assert passed("Shop", "") == [f"Shop.m@{POINT}"]
    assert passed(PLATFORM, "") == []
    assert stopped == ["Shop"]


def test_a_fault_for_the_platform_strikes_upkeep(stopped):
    assert passed(PLATFORM, PLATFORM) == []
    assert stopped == [PLATFORM]
