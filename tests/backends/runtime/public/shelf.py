"""Every kind of parameter and result that the public interface has to carry."""

import datetime
import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from compiler import (
    Persistent,
    abort,
    allow,
    call,
    caller,
    internal,
    service,
    spawn,
    transaction,
)

__all__ = ["Colour", "Keeper", "Label", "Level", "Refused", "Shelf", "Thing", "Wall"]


class Colour(enum.Enum):
    """As text."""

    RED = "red"
    BLUE = "blue"


class Level(enum.Enum):
    """Of mixed types, which JSON cannot tell apart by type alone."""

    LOW = 1
    HIGH = "high"


class Label(NamedTuple):
    """A tuple with names."""

    text: str
    number: int


@dataclass(frozen=True)
class Thing:
    """A <b>data class</b> & what is in it."""

    name: str
    colour: Colour
    made: datetime.datetime
    price: Decimal = Decimal("0")
    tags: frozenset[str] = frozenset()
    labels: list[Label] = field(default_factory=list)
    inside: "Thing | None" = None


class Refused(Exception):
    """Not on this shelf."""


@service
class Shelf:
    """Keeps <things> & counts "them".

    A `second` paragraph.
    """

    def __init__(self) -> None:
        self.things: Persistent[dict[str, Thing]] = {}
        self.count: Persistent[int] = 0

    def put(self, thing: Thing, by: str = "nobody") -> int:
        """Keep it, and say how many there are."""
        self.things[thing.name] = thing
        self.count += 1
        return self.count

    def get(self, name: str) -> Thing | None:
        """What is kept under a name.

        None if there is nothing.
        """
        return self.things.get(name)

    def mix(
        self,
        number: int,
        ratio: float,
        yes: bool,
        data: bytes,
        when: datetime.date,
        long: datetime.timedelta,
        uuid: UUID,
        pair: tuple[int, str],
        ages: dict[int, str],
        few: set[int],
        maybe: int | None = None,
    ) -> dict[str, Any]:
        """Everything at once, as it arrived."""
        shown = [number, ratio, yes, data, when, long, uuid, pair, ages, few, maybe]
        return {"shown": [repr(each) for each in shown]}

    def anything(self, what, *more, **named):
        """No annotation at all."""
        return [what, list(more), named]

    def only_position(self, first: int, /, *rest: int) -> int:
        """Positional."""
        return first + sum(rest)

    def only_name(self, *, first: int, **rest: int) -> dict[str, int]:
        """By name."""
        return {"first": first, **rest}

    def level(self, level: Level) -> Level:
        """A type that msgspec refuses."""
        return level

    def unresolved(self, thing: "Nowhere") -> "Nowhere":  # noqa: F821
        """An annotation that names nothing."""
        return thing

    def squares(self, upto: int) -> dict[tuple[int, int], int]:
        """Keys that JSON does not have."""
        return {(n, n): n * n for n in range(upto)}

    def numbers(self) -> list[float]:
        """What JSON has no number for."""
        return [float("nan"), float("inf"), 1.5]

    def words(self) -> set[str]:
        """In one order, whoever is asked."""
        return {"pear", "apple", "quince", "fig"}

    def fail(self, with_what: str, secret: str = "") -> None:
        """Raise something.

        :raises Refused: always, or something else.
        """
        if with_what == "key":
            raise KeyError(with_what)
        if with_what == "odd":
            raise Refused({1, 2}, b"x", float("nan"))
        raise Refused(with_what, 7)

    def _hidden(self) -> int:
        return 1


@service
class Keeper:
    """Asks the shelf."""

    async def both(self, first: Thing, second: Thing) -> int:
        """Put both or none."""
        async with transaction():
            await spawn(Shelf.put, first)
            await spawn(Shelf.put, second, by="keeper")
            if first.name == second.name:
                abort("twice the same")
        return 2

    def look(self, name: str) -> Thing | None:
        """Look it up."""
        return call(Shelf.get, name)


@service
class Wall:
    """Nothing is kept here."""

    def hello(self) -> str:
        """Say hello."""
        return "hello"

    @allow("boss")
    def guarded(self) -> str:
        """Say who asks."""
        return caller().subject

    @allow()
    def known(self) -> dict[str, object]:
        """Say what is known of who asks."""
        return {**caller().claims, "subject": caller().subject}

    @internal
    def inside(self) -> int:
        """Nobody from outside is told."""
        return 1
