"""How a line is asked at one of its points: the load, and what else its scenario says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SEQUENTIAL", "Way", "at_rate", "clients"]

CONNECTIONS: Final = 16
THREADS: Final = 2
"""As wrk2 had them (``-c16 -t2``)."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask.

    :ivar name: of the point's folder.
    :ivar load: the load's executor with what it needs; ``{seconds}`` is how long it lasts,
        ``{requests}`` how many there are where that says it.
    :ivar mix: what is asked, if not the benchmark's own call; as in a scenario.
    :ivar rest: further lines of the scenario.
    :ivar retry: how often clients ask, and how long they wait; as in a scenario.
    :ivar rate: requests per second; 0 if clients ask when they have their last answer.
    :ivar judged: whether the checks are made and the history is kept.
    """

    name: str
    load: str
    mix: str = ""
    rest: str = ""
    retry: str = "{attempts: 1, timeout: 120s}"
    rate: float = 0.0
    judged: bool = False


SEQUENTIAL: Final = Way(
    "sequential",
    "executor: shared-iterations, vus: 1, iterations: 200",
    rest="platform: {defaults: {replicas: 1}}\n",
)
"""One client, one thing after the other, one pod for each service."""


def at_rate(rate: float) -> Way:
    """``rate`` requests per second, whatever became of the earlier ones."""
    load = (
        f"executor: constant-arrival-rate, rate: {rate:g}/s, "
        f"duration: {{seconds:g}}s, connections: {CONNECTIONS}, threads: {THREADS}"
    )
    return Way(f"{rate:g}", load, rate=rate)


def clients(count: int) -> Way:
    """``count`` clients, each of which asks when it has its last answer."""
    load = f"executor: shared-iterations, vus: {count}, iterations: {{requests}}"
    return Way(f"clients-{count}", load)
