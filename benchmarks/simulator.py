"""How fast the simulator is, history and checks included: ``python -m benchmarks.simulator``.

One process, one core. Requests per second of wall time for ``hotel`` without
faults, and seeds per second for 50 requests of the ``crash`` scenario.
"""

from __future__ import annotations

import time
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from compiler.application import load
from experiment.checks import check
from experiment.scenario.file import read
from experiment.scenario.model import Load, Scenario
from sim.run import run

__all__ = ["main", "requests_per_second", "seeds_per_second"]

_CRASH = Path(__file__).parents[1] / "scenarios" / "crash.yaml"


def requests_per_second(requests: int = 6_000, rate: float = 200.0) -> tuple[float, float]:
    """Simulated ``hotel`` requests per second of wall time: with the checks, and without."""
    application = load("apps/hotel")
    steady = Load("steady", "constant-arrival-rate", rate=rate, duration=requests / rate)
    scenario = Scenario("speed", "apps/hotel", load=[steady])
    begun = time.perf_counter()
    done = run(scenario, application)
    simulated = time.perf_counter()
    check(done, application, scenario)
    checked = time.perf_counter()
    return requests / (checked - begun), requests / (simulated - begun)


def seeds_per_second(seeds: int = 40, requests: int = 50) -> float:
    """Seeds of ``crash`` per second of wall time, with ``requests`` requests each."""
    application = load("apps/hotel")
    scenario = read(str(_CRASH)).scenario
    short = [replace(each, duration=requests / each.rate) for each in scenario.load]
    begun = time.perf_counter()
    for seed in range(seeds):
        one = replace(scenario, load=short, seed=seed)
        check(run(one, application), application, one)
    return seeds / (time.perf_counter() - begun)


def main() -> None:
    """Print the figures."""
    console = Console()
    both, alone = requests_per_second()
    console.print(f"hotel requests per second, with history and checks: {both:,.0f}")
    console.print(f"hotel requests per second, with history, without checks: {alone:,.0f}")
    console.print(f"seeds of crash with 50 requests per second: {seeds_per_second():,.1f}")


if __name__ == "__main__":
    main()
