"""What the shipped applications leave out: scans that decide, clears, nesting, effects at once."""

import random

from compiler import (
    Persistent,
    TransactionException,
    abort,
    call,
    gather,
    service,
    spawn,
    transaction,
)


class FullError(Exception):
    """No more room."""


@service
class Box:
    def __init__(self) -> None:
        self.items: Persistent[dict[str, int]] = {}
        self.emptied: Persistent[list[int]] = []

    def put(self, name: str) -> int:
        """Decided by a scan."""
        held = len(list(self.items.values()))
        if held >= 6:
            raise FullError(name)
        self.items[name] = self.items.get(name, 0) + 1
        return held

    def empty(self) -> int:
        total = sum(self.items.values())
        self.items.clear()
        self.emptied.append(total)
        return total

    def remove(self, name: str) -> bool:
        if name not in self.items:
            return False
        del self.items[name]
        return True


@service
class Till:
    def __init__(self) -> None:
        self.sums: Persistent[dict[str, int]] = {}

    def add(self, who: str, amount: int) -> int:
        self.sums[who] = self.sums.get(who, 0) + amount
        return self.sums[who]

    def note(self, who: str) -> str:
        name = f"{who}-{random.random():.4f}"
        self.sums[name] = 1
        return name


@service
class Desk:
    def __init__(self) -> None:
        self.steps: Persistent[dict[str, int]] = {}

    async def both(self, who: str, name: str) -> tuple[int, str]:
        """Two effects at once with different answers, and a third that nobody awaits."""
        self.steps[who] = self.steps.get(who, 0) + 1
        spawn(Till.add, who, 1)
        return await gather(spawn(Till.add, name, 2), spawn(Till.note, who))

    async def nest(self, who: str, name: str) -> int:
        """An inner transaction undone inside an outer one that stays."""
        async with transaction():
            self.steps[who] = self.steps.get(who, 0) + 1
            call(Till.add, who, 3)
            try:
                async with transaction():
                    self.steps[who] = self.steps.get(who, 0) + 100
                    call(Till.add, name, 100)
                    abort()
            except TransactionException:
                pass
            self.steps[name] = self.steps[who]
        return self.steps[who]

    def store(self, name: str) -> int:
        """A forwarder that goes on after an exception from its callee."""
        try:
            return call(Box.put, name)
        except FullError:
            return -call(Box.empty)


def _name(rng: random.Random) -> str:
    return f"n{rng.randrange(12)}"


MIX = {"Desk.both": 2.0, "Desk.nest": 2.0, "Desk.store": 4.0, "Box.remove": 1.0}
ARGUMENTS = {
    "Desk.both": lambda rng: (_name(rng), _name(rng)),
    "Desk.nest": lambda rng: (_name(rng), _name(rng)),
    "Desk.store": lambda rng: (_name(rng),),
    "Box.remove": lambda rng: (_name(rng),),
}
