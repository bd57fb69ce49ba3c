"""A shop that orders after an effect; what is too large to be kept can only be set aside."""

SHOP = """
from compiler import Persistent, call, service


@service
class Note:
    def __init__(self) -> None:
        self.seen: Persistent[dict[str, int]] = {}

    def add(self, key: str) -> None:
        self.seen[key] = self.seen.get(key, 0) + 1

    def count(self, key: str) -> int:
        return self.seen.get(key, 0)


@service
class Shop:
    def __init__(self) -> None:
        self.orders: Persistent[dict[str, str]] = {}

    def order(self, key: str) -> str:
        call(Note.add, key)
        self.orders[key] = "x" * SIZE
        return "done"
"""
