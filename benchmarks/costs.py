"""What one request costs at the store: ``python -m benchmarks.costs``.

Commits are counted, every one of them. Round trips on the critical path are
timed: in a platform where nothing takes time but the store, and each of its
answers a millisecond, a request takes as many milliseconds as it waits for
round trips.
"""

from __future__ import annotations

from msgspec.structs import replace
from rich.console import Console

from compiler.application import Application, load
from experiment.record.run import Run
from experiment.scenario.model import Call, Load, Platform, Scenario, StoreModel
from sim.run import run

__all__ = ["REQUESTS", "cost", "main"]

REQUESTS = {
    "counter": ("Counter.increment", "Counter.read"),
    "chain": ("First.increment", "First.read"),
    "tree": ("Root.increment", "Root.read"),
    "hotel": ("Frontend.book", "Frontend.show"),
    "bank": ("Bank.transfer", "Bank.audit"),
    "auction": ("Auction.bid", "Auction.price"),
    "library": ("Desk.borrow", "Desk.lent"),
    "parcels": ("Office.hand_in", "Office.where"),
    "warehouse": ("Warehouse.order", "Stock.kinds"),
}
"""The requests of each application: one that writes, one that reads only."""

_TRIP = 0.001
_NOTHING = 1e-9
_STORE = StoreModel(read_version=_TRIP, read=_TRIP, commit=_TRIP, spread=0.0)
_PLATFORM = Platform(hop=_NOTHING, spread=0.0, cpu=_NOTHING, store=_STORE)


def cost(application: Application, call: str, requests: int = 200) -> tuple[float, float]:
    """Commits per request, and round trips on its critical path (both averages)."""
    stream = Load("one by one", "constant-arrival-rate", mix=[Call(call)], rate=20.0)
    seconds = requests / stream.rate
    scenario = Scenario(
        "cost", application.name, platform=_PLATFORM, load=[replace(stream, duration=seconds)]
    )
    done: Run = run(scenario, application)
    commits = sum(1 for each in done.history.commits if each.request is not None)
    waited = sum(each.finished - each.intended for each in done.results)
    return commits / requests, waited / requests / _TRIP


def main() -> None:
    """Print the table."""
    console = Console()
    console.print("| application | request | commits | round trips waited for |")
    console.print("|---|---|---|---|")
    for name, calls in REQUESTS.items():
        application = load(f"apps/{name}")
        for call in calls:
            commits, trips = cost(application, call)
            console.print(f"| {name} | {call} | {commits:.2f} | {trips:.2f} |")


if __name__ == "__main__":
    main()
