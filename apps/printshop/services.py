"""A print shop: presses that print one job at a time, suppliers who are asked slowly, and a desk.

A press is a service's state and no lock guards it: it is its queue that lets one job in at a time,
so what a job reads before it takes its time is still so afterwards.
"""

from compiler import Persistent, Queue, call, gather, queue, service, sleep, spawn, start

__all__ = ["Desk", "Jobs", "Presses", "Suppliers"]


@service
class Presses:
    """What each press has printed."""

    def __init__(self) -> None:
        self.sheets: Persistent[dict[str, int]] = {}
        self.last: Persistent[dict[str, str]] = {}

    @queue(limit=1, per="press")
    async def print(self, press: str, job: str) -> int:
        """Print a job, which takes a moment: which one of this press it is."""
        before = self.sheets.get(press, 0)
        self.last[press] = job
        await sleep(0.2)
        self.sheets[press] = before + 1
        return before + 1

    def printed(self, press: str) -> int:
        """How much a press has printed so far."""
        return self.sheets.get(press, 0)


@service
class Suppliers:
    """What was ordered from others."""

    def __init__(self) -> None:
        self.ordered: Persistent[dict[str, int]] = {}

    @queue(rate="4/s")
    def order(self, paper: str) -> int:
        """Order more paper: how often that was done."""
        self.ordered[paper] = self.ordered.get(paper, 0) + 1
        return self.ordered[paper]


@service(queue=Queue(limit=2))
class Desk:
    """Two who advise customers."""

    def __init__(self) -> None:
        self.advised: Persistent[dict[str, int]] = {}

    async def advise(self, customer: str) -> int:
        """Talk to a customer for a while: how often they were here."""
        await sleep(0.3)
        self.advised[customer] = self.advised.get(customer, 0) + 1
        return self.advised[customer]

    def wave(self, customer: str) -> bool:
        """Greet a customer as soon as somebody has time for it: whether they were here before."""
        return customer in self.advised


@service
class Jobs:
    """What customers want printed."""

    def __init__(self) -> None:
        self.done: Persistent[dict[str, int]] = {}

    async def brochure(self, number: str, presses: list[str]) -> list[int]:
        """Print the parts of a brochure on several presses at a time: which ones they are there."""
        start(Suppliers.order, "glossy")
        parts = [spawn(Presses.print, press, number) for press in presses]
        printed = list(await gather(*parts))
        self.done[number] = self.done.get(number, 0) + len(printed)
        return printed

    def poster(self, number: str, press: str) -> int:
        """Order paper, and print a poster on it."""
        call(Suppliers.order, "matt")
        printed = call(Presses.print, press, number)
        self.done[number] = self.done.get(number, 0) + 1
        return printed
