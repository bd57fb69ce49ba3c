"""Goodput under contention: ``python -m benchmarks.contention``.

Clients in a closed loop on one hot key (``hotspot``) and on a Zipf distribution
of keys, from one client to a hundred times as many as make conflicts begin. A
protocol that only aborts and retries collapses; goodput should stay near its peak.
"""

from __future__ import annotations

from rich.console import Console

from compiler.application import load
from experiment.scenario.model import Call, Load, Platform, Scenario, ServicePlatform
from sim.run import run

__all__ = ["main", "measure"]

CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 400)
_PODS = ServicePlatform(replicas=4, concurrency=128, workers=8)


def measure(clients: int, hot: bool, seconds: float = 5.0) -> tuple[float, int]:
    """Answers per second, and conflicts, with so many clients."""
    application = load("apps/hotspot")
    mix = [Call("Counter.increment", args=["the one"])] if hot else []
    loop = Load("loop", "constant-vus", vus=clients, duration=seconds, mix=mix)
    scenario = Scenario(
        "contention", "apps/hotspot", platform=Platform(defaults=_PODS), load=[loop]
    )
    done = run(scenario, application)
    answered = sum(1 for each in done.results if each.finished <= seconds and each.finished > 0)
    return answered / seconds, done.history.refused_commits.get("Conflict", 0)


def main() -> None:
    """Print both tables."""
    console = Console()
    for hot, title in ((True, "one hot key"), (False, "Zipf keys")):
        console.print(f"\n{title}\n\n| clients | answers/s | of the peak | conflicts/s |")
        console.print("|---|---|---|---|")
        rows = [(clients, *measure(clients, hot)) for clients in CLIENTS]
        peak = max(goodput for _, goodput, _ in rows)
        for clients, goodput, conflicts in rows:
            share = goodput / peak
            console.print(f"| {clients} | {goodput:.0f} | {share:.2f} | {conflicts / 5:.0f} |")


if __name__ == "__main__":
    main()
