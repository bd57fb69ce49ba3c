"""A small application for the tests of the API: plain classes, run by reference."""

import dataclasses
import datetime
import random
import time
import uuid

from compiler import (
    Persistent,
    TransactionException,
    abort,
    call,
    gather,
    service,
    spawn,
    transaction,
    wait,
)
from compiler.api.reference import Reference
from core.codec import Codec


@dataclasses.dataclass
class Guest:
    name: str
    tags: list[str]


class NoRoom(Exception):
    def __init__(self, hotel: str) -> None:
        super().__init__(f"no room in {hotel}")
        self.hotel = hotel


@service
class Hotel:
    def __init__(self) -> None:
        self.rooms: Persistent[dict[str, int]] = {"ritz": 1, "plaza": 2}
        self.log: Persistent[list[str]] = []
        self.closed: Persistent[set[str]] = set()
        self.guests: Persistent[list[Guest]] = []
        self.count: Persistent[int] = 0
        self.limit = 2

    def reserve(self, hotel: str) -> bool:
        if hotel in self.closed or self.rooms.get(hotel, 0) == 0:
            return False
        self.rooms[hotel] -= 1
        self.log.append(hotel)
        self.count += 1
        return True

    async def close(self, hotel: str) -> None:
        self.closed.add(hotel)
        await self._note(f"closed {hotel}")

    async def _note(self, text: str) -> None:
        self.log += [text]

    def insist(self, hotel: str) -> None:
        self.log.append(f"asked {hotel}")
        if not self.reserve(hotel):
            raise NoRoom(hotel)

    def refuse(self) -> None:
        self.log.append("refused")
        raise TransactionException("refused")

    def register(self, guest: Guest) -> Guest:
        self.guests.append(guest)
        guest.tags.append("registered")
        return guest

    def all_rooms(self) -> dict[str, int]:
        return self.rooms

    def unsupported(self) -> object:
        return object()


@service
class Frontend:
    def __init__(self) -> None:
        self.tries: Persistent[dict[str, int]] = {}

    async def book(self, first: str, second: str) -> tuple[bool, bool]:
        self.tries[first] = self.tries.get(first, 0) + 1
        async with transaction():
            ok = await gather(spawn(Hotel.reserve, first), spawn(Hotel.reserve, second))
            if not all(ok):
                abort(f"{ok}")
        return ok

    def book_plainly(self, first: str) -> bool:
        with transaction():
            return wait(spawn(Hotel.reserve, first))

    def insist(self, hotel: str) -> str:
        try:
            call(Hotel.insist, hotel)
        except NoRoom as error:
            return f"{type(error).__name__} {error.hotel} {error}"
        return "ok"

    def nested(self, inner_fails: bool, outer_fails: bool) -> None:
        with transaction():
            call(Hotel.reserve, "ritz")
            try:
                with transaction():
                    call(Hotel.reserve, "plaza")
                    if inner_fails:
                        abort()
            except TransactionException:
                pass
            if outer_fails:
                raise ValueError("outer")

    def survives_refusal(self) -> int:
        with transaction():
            call(Hotel.reserve, "ritz")
            try:
                call(Hotel.refuse)
            except TransactionException:
                call(Hotel.reserve, "plaza")
        return 1

    def spawns_refusal(self) -> str:
        future = spawn(Hotel.refuse)
        try:
            wait(future)
        except TransactionException as error:
            return str(error)
        return "never"

    def keeps_own(self, guest: Guest) -> tuple[list[str], list[str]]:
        returned = call(Hotel.register, guest)
        return guest.tags, returned.tags

    def plain_rooms(self) -> str:
        rooms = call(Hotel.all_rooms)
        rooms["ritz"] = 100
        return type(rooms).__name__

    def moments(self) -> tuple[object, ...]:
        now = datetime.datetime.now(datetime.UTC)
        return time.time(), time.time_ns(), now, uuid.uuid4(), random.randint(1, 100)

    async def sleeps(self) -> None:
        import asyncio

        await asyncio.sleep(0)

    def abort_alone(self) -> None:
        abort("nothing to undo")

    def _private(self) -> None:
        pass


PERSISTENT = {
    "Hotel": {"rooms": "dict", "log": "list", "closed": "set", "guests": "list", "count": "value"},
    "Frontend": {"tries": "dict"},
}
TYPES = [Guest, NoRoom]


def travel(**options):
    """A reference run of the application."""
    return Reference({"Hotel": Hotel, "Frontend": Frontend}, PERSISTENT, Codec(TYPES), **options)
