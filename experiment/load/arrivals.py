"""When the requests of a load start: arrival times, numbers of virtual users, the end.

The executors are k6's; ``poisson-arrival-rate`` is ours. Times are virtual seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from experiment.scenario.model import Load, Stage

__all__ = ["arrivals", "load_end", "schedules", "users"]

_STAGGER = 0.005
"""Seconds between the beginnings of a thread's connections: wrk2's."""


def arrivals(load: Load, rng: random.Random) -> Iterator[float]:
    """The times, in virtual seconds, at which an open-loop load's requests are to start."""
    if load.executor == "ramping-arrival-rate":
        return _ramp(load)
    end = load.start + load.duration
    return _poisson(load, end, rng) if load.executor.startswith("poisson") else _even(load, end)


def _even(load: Load, end: float) -> Iterator[float]:
    number = 0
    while load.rate and (time := load.start + number / load.rate) < end:
        yield time
        number += 1


def schedules(load: Load) -> list[Iterator[float]]:
    """The same for each connection of a load with threads, as wrk2 paces them."""
    interval, end = load.connections / load.rate, load.start + load.duration

    def times(first: float) -> Iterator[float]:
        number = 0
        while (time := first + number * interval) < end:
            yield time
            number += 1

    return [
        times(load.start + _STAGGER * (number // load.threads))
        for number in range(load.connections)
    ]


def _poisson(load: Load, end: float, rng: random.Random) -> Iterator[float]:
    time = load.start
    while load.rate:
        time = round(time + rng.expovariate(load.rate), 9)  # the same on every machine
        if time >= end:
            return
        yield time


def _ramp(load: Load) -> Iterator[float]:
    """Whenever the integral of the rate reaches the next whole number."""
    begin, rate, due = load.start, load.rate, 0.0
    for stage in load.stages:
        slope = (stage.target - rate) / stage.duration if stage.duration else 0.0
        whole = (rate + stage.target) / 2 * stage.duration
        while due < whole:
            # due = rate * x + slope * x**2 / 2, solved without cancellation
            root = max(rate * rate + 2 * slope * due, 0.0) ** 0.5
            yield begin + (2 * due / (rate + root) if due else 0.0)
            due += 1.0
        due -= whole
        begin, rate = begin + stage.duration, stage.target


def users(load: Load, time: float) -> int:
    """How many virtual users there are to be at ``time``."""
    if load.executor != "ramping-vus":
        return load.vus
    begin, users = load.start, float(load.vus)
    for stage in load.stages:
        if time < begin + stage.duration:
            return round(users + (stage.target - users) * (time - begin) / stage.duration)
        begin, users = begin + stage.duration, stage.target
    return 0


def load_end(load: Load) -> float:
    """When the load ends, in virtual seconds; 0 if only its iterations end it."""
    if load.executor in ("shared-iterations", "script") and not load.duration:
        return 0.0
    return load.start + (load.duration or _total(load.stages))


def _total(stages: list[Stage]) -> float:
    return sum(stage.duration for stage in stages)
