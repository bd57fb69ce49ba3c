"""Orders after an effect, some of them too large to be kept: those can only be set aside."""

from compiler import Persistent, call, service


@service
class Note:
    def __init__(self) -> None:
        self.seen: Persistent[dict[int, int]] = {}

    def add(self, key: int) -> int:
        self.seen[key] = self.seen.get(key, 0) + 1
        return self.seen[key]


@service
class Shop:
    def __init__(self) -> None:
        self.orders: Persistent[dict[int, str]] = {}

    def order(self, key: int, size: int) -> int:
        seen = call(Note.add, key)
        self.orders[key] = "x" * size
        return seen


MIX = {"Shop.order": 1.0}
ARGUMENTS = {"Shop.order": lambda rng: (rng.randrange(100), rng.choice([1, 1, 1, 200_000]))}
