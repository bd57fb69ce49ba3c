"""``calibrate``: what the simulator's platform model needs to know of this machine.

The probe (:mod:`backends.local.measuring.probe`) is started like any application, and each of its
methods is asked at half of what it can do. So a figure holds for a machine that is busy, but not
too busy: work in hand makes each request cheaper, as one wake-up then serves several. What a method
costs more than another that does less is what the difference costs:

=====================  ====================================================================
what                   processor time of
=====================  ====================================================================
``cpu``                the leaf's process, for ``nothing``
``read_cpu``           the four more reads of ``read_five`` than of ``read``, each
``read_version_cpu``   ``read`` more than ``nothing``, without its read
``commit_cpu``         ``write`` more than ``read``
``call_cpu``           the process in the middle more than the leaf, for ``nothing``
``ingress_cpu``        the gateway, the median of all methods
``client_cpu``         the load generator, the median of all methods
=====================  ====================================================================

What store and restarts take is measured as such, with one client. One number is left that nobody
can measure from outside, and the simulator, given all the rest, finds it: the one with which it
comes to the probe's own median latencies at that load. Where messages take longer than the
processor time of all who handle them, it is the ``hop``: waking the next process up. Where they
take less, it is ``cpu_after``: tidying up, when the message is out already.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from backends.local.background import until_ready
from backends.local.measuring.bench import Bench, Machine, Told, machine, temporary
from backends.local.measuring.driving import Driver, Requests, driver
from backends.local.measuring.generator import GENERATOR, Seen, Stage, calmest
from backends.local.measuring.meter import Meter
from backends.local.measuring.started import Started
from backends.local.measuring.usage import cores, see_measurable
from backends.local.nodes import GATEWAY
from backends.stores import StoreChoice, Wish, apart
from compiler.application import Application, load
from core.store import KeyRange, Set
from experiment.scenario.model import Call, Load, Platform, Scenario, ServicePlatform, StoreModel
from sim.run import run

__all__ = ["METHODS", "PROBE", "Calibration", "Probed", "Waits", "calibrate", "fit", "platform_of"]

PROBE = str(Path(__file__).with_name("probe.py"))

METHODS = ("Leaf.nothing", "Leaf.read", "Leaf.read_five", "Leaf.write", "Middle.write")

_KEYS = 1000
_ROUNDS = 6
_SHORTEST = 0.4
"""Seconds of a stage, so that on a busy machine, too, there is something to see."""
_CALM = 3
"""Of all rounds, those that count: in which the rest of the machine did least."""
_CLIENTS = 16
_RESTARTS = 5
_SIMULATED = 300
"""Requests that one simulated latency is the median of."""
_LONGEST = 0.005
"""The longest hop that is considered, in seconds."""
_MOST_AFTER = 0.6
_HALVINGS = 8
_COMMITTERS = 16
_COMMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Probed:
    """One method at half of what it can do; seconds, medians of the rounds that count.

    :ivar rate: requests per second.
    :ivar cpu: processor time per request by kind of process.
    :ivar simulated: the median latency that the simulator comes to.
    """

    method: str
    rate: float
    latency: float
    cpu: Mapping[str, float]
    simulated: float = 0.0


@dataclass(frozen=True, slots=True)
class Waits:
    """What takes time whether or not it takes a processor: seconds, but for ``spread``.

    :ivar spread: the sigma of a lognormal, from the median and the 84th percentile.
    """

    read_version: float
    read: float
    commit: float
    store_spread: float
    hop_spread: float
    commits_per_second: float
    cold_start: float
    restart: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured, and the platform that follows from it.

    :ivar others: cores that everything else kept busy meanwhile.
    """

    platform: Platform
    probed: list[Probed]
    machine: Machine
    store: StoreChoice
    others: float


def calibrate(seconds: float, store: Wish, told: Told) -> Calibration:
    """Measure this machine.

    :param seconds: for each of the probe's methods.
    :raises MuError: the probe cannot be started or asked, or this machine tells too little.
    """
    see_measurable()
    here = machine()
    application = load(PROBE)
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(temporary(application, Bench(PROBE, store=store)))
        targets: list[tuple[Started, Requests]] = [(up, _requests(name)) for name in METHODS]
        asks = stack.enter_context(driver(targets))
        probed, others = _probe(asks, seconds, told)
        waits = _waits(asks, up, seconds, told)
    model = platform_of(probed, waits, cores())
    told("fitting the simulator")
    model, probed = fit(application, model, probed)
    return Calibration(model, probed, here, up.plan.store, others)


def _requests(method: str) -> Requests:
    return [(f"/{method}", f'["key-{number:03}"]') for number in range(_KEYS)]


def _probe(asks: Driver, seconds: float, told: Told) -> tuple[list[Probed], float]:
    """Every method at half of what it can do, in rounds; and the cores others kept busy."""
    rates = []
    for number, method in enumerate(METHODS):
        told(f"{method}: what it can do")
        rates.append(asks.run(_stage(number, seconds / 2, _CLIENTS)).per_second / 2)
    seen: list[list[Seen]] = [[] for _ in METHODS]
    for round_ in range(_ROUNDS):
        told(f"all methods at half of that, round {round_ + 1} of {_ROUNDS}")
        for number, rate in enumerate(rates):
            seen[number].append(asks.run(_stage(number, seconds / _ROUNDS, rate=rate)))
    seen = [calmest(each, _CALM) for each in seen]
    everything = [each for method in seen for each in method]
    others = sum(each.others for each in everything) / sum(each.seconds for each in everything)
    probed = [_probed(*each) for each in zip(METHODS, rates, seen, strict=True)]
    return probed, others


def _stage(method: int, seconds: float, clients: int = 0, rate: float = 0.0) -> Stage:
    seconds = max(seconds, _SHORTEST)
    return Stage(method, clients, rate, min(0.3, seconds / 4), seconds)


def _probed(method: str, rate: float, seen: Sequence[Seen]) -> Probed:
    cpu = {
        kind: statistics.median(each.cpu[kind] / each.answered for each in seen)
        for kind in seen[0].cpu
    }
    return Probed(method, rate, statistics.median(each.percentile(50) for each in seen), cpu)


# --- what is measured as such


def _waits(asks: Driver, up: Started, seconds: float, told: Told) -> Waits:
    told("one client")
    nothing = asks.run(_stage(METHODS.index("Leaf.nothing"), seconds / 2, 1))
    up.meter.reset()
    asks.run(_stage(METHODS.index("Leaf.write"), seconds / 2, 1))
    told("a process that dies and is started again")
    return Waits(
        read_version=up.meter.quantile("read_version", 0.5),
        read=up.meter.quantile("read", 0.5),
        commit=up.meter.quantile("commit", 0.5),
        store_spread=_meter_spread(up.meter),
        hop_spread=_spread(nothing.percentile(50), nothing.percentile(84)),
        commits_per_second=_commits_per_second(up.plan.store),
        cold_start=up.seconds,
        restart=statistics.median(_restart(up) for _ in range(_RESTARTS)),
    )


def _meter_spread(meter: Meter) -> float:
    return _spread(meter.quantile("commit", 0.5), meter.quantile("commit", 0.84))


def _spread(median: float, above: float) -> float:
    return round(min(math.log(max(above, median) / median), 2.0), 3) if median else 0.0


def _restart(up: Started) -> float:
    """Seconds from the death of the leaf's process until the next one answers."""
    running = up.folder.running()
    assert running is not None
    began = time.monotonic()
    os.kill(up.processes()["Leaf"][0], signal.SIGKILL)
    asyncio.run(until_ready(running.addresses["Leaf"]))
    lasted = time.monotonic() - began
    time.sleep(0.2)  # until the supervisor has said so
    return lasted


def _commits_per_second(choice: StoreChoice) -> float:
    """Commits that many tasks of one process get through, each of one small key."""

    async def commit() -> bytes:
        store = choice.calm().open()
        end = time.monotonic() + _COMMIT_SECONDS

        async def one(number: int) -> int:
            count, key = 0, b"\x15calibrate-%d" % number
            while time.monotonic() < end:
                version = await store.read_version()
                await store.commit(version, [KeyRange(key, key + b"\x00")], [Set(key, b"x")])
                count += 1
            return count

        total = sum(await asyncio.gather(*(one(number) for number in range(_COMMITTERS))))
        await store.close()
        return b"%d" % total

    return int(apart(commit)) / _COMMIT_SECONDS


# --- what follows from it


def platform_of(probed: Sequence[Probed], waits: Waits, cores: int) -> Platform:
    """The platform, still without ``hop`` and ``cpu_after``."""
    cpu = {each.method: each.cpu for each in probed}
    nothing = cpu["Leaf.nothing"]["Leaf"]
    one, five = cpu["Leaf.read"]["Leaf"], cpu["Leaf.read_five"]["Leaf"]
    read = max(0.0, (five - one) / 4)
    read_version = max(0.0, one - nothing - read)
    commit = max(0.0, cpu["Leaf.write"]["Leaf"] - one)
    return Platform(
        profile="measured",
        hop=0.0,
        spread=waits.hop_spread,
        cpu=nothing,
        call_cpu=max(0.0, cpu["Middle.write"]["Middle"] - nothing),
        client_cpu=statistics.median(each[GENERATOR] for each in cpu.values()),
        ingress_cpu=statistics.median(each[GATEWAY] for each in cpu.values()),
        cores=cores,
        cold_start=waits.cold_start,
        restart=waits.restart,
        store=StoreModel(
            read_version=max(0.0, waits.read_version - read_version),
            read=max(0.0, waits.read - read),
            commit=max(0.0, waits.commit - commit),
            read_version_cpu=read_version,
            read_cpu=read,
            commit_cpu=commit,
            spread=waits.store_spread,
            commits_per_second=waits.commits_per_second,
        ),
        defaults=ServicePlatform(replicas=1, workers=1, concurrency=1024),
    )


def fit(
    application: Application, model: Platform, probed: Sequence[Probed]
) -> tuple[Platform, list[Probed]]:
    """The platform that fits the probe's latencies best, and what these then are.

    Only one number is chosen. Where the simulator is too fast with hops that take no time, it
    is ``hop``; where it is too slow even so, it is ``cpu_after``.
    """

    def too_long(**changes: float) -> float:
        """Above zero: latencies are too long on average."""
        platform = msgspec.structs.replace(model, **changes)
        found = _simulated(application, platform, probed)
        return statistics.mean(math.log(each.simulated / each.latency) for each in found)

    if too_long() < 0.0:
        chosen = {"hop": _zero(lambda hop: -too_long(hop=hop), _LONGEST)}
    else:
        chosen = {"cpu_after": _zero(lambda part: too_long(cpu_after=part), _MOST_AFTER)}
    fitted = msgspec.structs.replace(model, **chosen)
    return fitted, _simulated(application, fitted, probed)


def _zero(falling: Callable[[float], float], high: float) -> float:
    """Where a falling function comes to zero, from 0 to ``high``."""
    low = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0.0 else (low, middle)
    return high


def _simulated(
    application: Application, platform: Platform, probed: Sequence[Probed]
) -> list[Probed]:
    return [replace(each, simulated=_simulate(application, platform, each)) for each in probed]


def _simulate(application: Application, platform: Platform, probed: Probed) -> float:
    """The median latency of one method in the simulator, at the rate at which it was asked."""
    seconds = _SIMULATED / probed.rate
    mix = [Call(probed.method, args=["key-000"])]
    if probed.method != "Leaf.nothing":
        mix = [Call(probed.method, args=[f"key-{number:03}"]) for number in range(100)]
    ask = Load("probe", "constant-arrival-rate", mix, probed.rate, seconds)
    scenario = Scenario("probe", PROBE, heal=0.0, platform=platform, load=[ask])
    done = run(scenario, application)
    return statistics.median(
        each.finished - each.intended for each in done.results if each.status == "succeeded"
    )
