"""What :mod:`backends.local.measuring.calibrate` asks: each method does one thing."""

from compiler import Persistent, call, service

__all__ = ["Leaf", "Middle"]


@service
class Leaf:
    """Does next to nothing, or one thing more than that."""

    def __init__(self) -> None:
        self.cells: Persistent[dict[str, int]] = {}

    def nothing(self, key: str) -> str:
        """Give back what came."""
        return key

    def read(self, key: str) -> int:
        """Read one cell."""
        return self.cells.get(key, 0)

    def read_five(self, key: str) -> int:
        """Read five cells, one after the other."""
        found = self.cells.get(key, 0)
        for number in range(4):
            found += self.cells.get(f"{key}-{number}", 0)
        return found

    def write(self, key: str) -> int:
        """Read one cell and write it."""
        count = self.cells.get(key, 0) + 1
        self.cells[key] = count
        return count


@service
class Middle:
    """Calls the leaf."""

    def write(self, key: str) -> int:
        """Let the leaf write."""
        return call(Leaf.write, key)
