"""``bench --saturation``: how much an application can do, and how fast it is at half of that.

Clients become more until more bring nothing more; what is offered at half of the largest
throughput then does not depend on the answers. Several protocols take turns, as in
:mod:`backends.local.measuring.bench`.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence

import msgspec

from backends.local.measuring.bench import Bench, Machine, Told, machine, temporary
from backends.local.measuring.driving import Driver, NoAnswer, draw_requests, driver
from backends.local.measuring.generator import Seen, Stage
from backends.local.measuring.usage import see_measurable
from compiler.application import Application

__all__ = ["CLIENTS", "Saturated", "SaturationReport", "Step", "measure", "saturation"]

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
"""The clients that look for the saturation."""

_ROUNDS = 5
_GROWTH, _IDLE = 1.02, 2


class Step(msgspec.Struct, frozen=True):
    """What so many clients saw; times in seconds, ``cpu`` the processor time of each answer."""

    clients: int
    per_second: float
    p50: float
    p99: float
    cpu: float
    failures: dict[str, int]


class Saturated(msgspec.Struct, frozen=True):
    """One protocol's saturation.

    :ivar per_second: the largest throughput of the steps.
    :ivar half: the median latency in seconds at half of it, ``None`` without any answer.
    """

    protocol: str
    steps: list[Step]
    per_second: float
    half: float | None


class SaturationReport(msgspec.Struct, frozen=True):
    """All that was measured."""

    application: str
    machine: Machine
    store: str
    durability: str
    workers: dict[str, int]
    sides: list[Saturated]
    format: str = "mu2sls-saturation"


def measure(application: Application, wanted: Bench, told: Told) -> SaturationReport:
    """The saturation of an application with each protocol.

    :raises MuError: it cannot be started or asked, or this machine tells too little.
    """
    see_measurable()
    requests = draw_requests(application)
    here = machine()
    with contextlib.ExitStack() as stack:
        ups = [
            stack.enter_context(temporary(application, wanted, protocol))
            for protocol in wanted.protocols
        ]
        asks = stack.enter_context(driver([(up, requests) for up in ups]))
        found = _saturations(asks, range(len(ups)), wanted.seconds, told)
        peaks = [max(step.per_second for step in steps) for steps in found]
        halves = _at_rates(asks, [peak / 2 for peak in peaks], wanted.seconds, told)
        choice = ups[0].plan.store
    services = application.program.services
    return SaturationReport(
        application=application.name,
        machine=here,
        store=choice.kind,
        durability=choice.durability,
        workers={name: wanted.workers.get(name, wanted.default_workers) for name in services},
        sides=list(map(Saturated, wanted.protocols, found, peaks, halves)),
    )


def saturation(
    asks: Driver, target: int = 0, seconds: float = 2.0, told: Told = lambda _: None
) -> list[Step]:
    """Let clients become more until that brings nothing more, twice in a row.

    :returns: what each number of clients saw; the largest throughput is the saturation.
    :raises NoAnswer: not even one client is answered.
    """
    return _saturations(asks, [target], seconds, told)[0]


def _saturations(
    asks: Driver, targets: Sequence[int], seconds: float, told: Told
) -> list[list[Step]]:
    """The saturation of several, which take turns.

    Where nothing comes back any more, as from locks that are fought over, more would not, either.
    """
    steps: list[list[Step]] = [[] for _ in targets]
    best, idle = [0.0] * len(targets), [0] * len(targets)
    for clients in CLIENTS:
        for number, target in enumerate(targets):
            if idle[number] == _IDLE:
                continue
            told(f"{clients} clients" + (f", {number + 1} of {len(targets)}" if number else ""))
            try:
                seen = asks.run(Stage(target, clients, 0.0, seconds / 4, seconds))
            except NoAnswer:
                if not steps[number]:
                    raise
                idle[number] = _IDLE
                continue
            steps[number].append(_step(clients, seen))
            grows = seen.per_second > _GROWTH * best[number]
            idle[number] = 0 if grows else idle[number] + 1
            best[number] = max(best[number], seen.per_second)
    return steps


def _step(clients: int, seen: Seen) -> Step:
    cpu = sum(seen.cpu.values()) / seen.answered
    p50, p99 = seen.percentile(50), seen.percentile(99)
    return Step(clients, seen.per_second, p50, p99, cpu, seen.failures)


def _at_rates(
    asks: Driver, rates: Sequence[float], seconds: float, told: Told
) -> list[float | None]:
    """The median latency of each target at its rate; they take turns."""
    latencies: list[list[int]] = [[] for _ in rates]
    for number in range(_ROUNDS):
        told(f"half of that, round {number + 1} of {_ROUNDS}")
        for target, rate in enumerate(rates):
            part = seconds / _ROUNDS
            with contextlib.suppress(NoAnswer):
                seen = asks.run(Stage(target, 0, rate, part / 4, part))
                latencies[target] += seen.latencies
    return [statistics.median(each) * 1e-6 if each else None for each in latencies]
