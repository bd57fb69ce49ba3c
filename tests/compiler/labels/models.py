"""Plain classes and functions with sets in them."""

from collections import defaultdict
from dataclasses import dataclass, field

COLOURS = {"red", "blue", "green", "mauve"}
SIZES = frozenset({"small", "large", "medium"})


@dataclass
class Parcel:
    labels: set[str] = field(default_factory=set)
    seen: frozenset[str] = frozenset()

    def stick(self, *labels: str) -> "Parcel":
        self.labels |= {*labels}
        return self

    def __str__(self) -> str:
        return "+".join(self.labels)


class Tags(set[str]):
    """A set of the application's own."""

    def text(self) -> str:
        return ",".join(self)


class Mislabelled(Exception):
    """Holds a set."""


def initials(words: list[str]) -> dict[str, set[str]]:
    """The words by their first letter."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for word in words:
        found[word[0]].add(word)
    return dict(found)
