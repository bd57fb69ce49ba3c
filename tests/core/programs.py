"""Small programs written by hand on core.effects, to test the executor without a compiler."""

from collections.abc import Callable
from functools import partial
from inspect import signature

from core import effects
from core.codec import Codec
from core.errors import TransactionException
from core.fields import DictField, ListField
from core.program import Facts, Method, Program, Queue, Service

CODEC = Codec()


class Instance:
    """What compiled methods get as ``self``."""

    def __init__(self, service: str) -> None:
        self.values = DictField(service, "values", CODEC)
        self.log = ListField(service, "log", CODEC)


def program(
    *services: tuple[str, dict[str, Callable]],
    read_only: tuple[str, ...] = (),
    queues: dict[str, Queue] | None = None,
) -> Program:
    built = {}
    for name, methods in services:
        built[name] = Service(
            name,
            Instance(name),
            {
                m: Method(
                    name,
                    m,
                    f,
                    partial(signature(f).bind, None),
                    Facts(read_only=f"{name}.{m}" in read_only),
                    not m.startswith("_"),
                    f.__code__.co_filename,
                    f.__code__.co_firstlineno,
                    queue=(queues or {}).get(f"{name}.{m}"),
                )
                for m, f in methods.items()
            },
        )
    return Program("test", built, CODEC)


async def increment(self, key):
    value = await self.values.get(key, 0) + 1
    await self.values.setitem(key, value)
    return value


async def look(self, key):
    return await self.values.get(key, 0)


async def reserve(self, key):
    left = await self.values.get(key, 2)
    if left == 0:
        return False
    await self.values.setitem(key, left - 1)
    return True


async def place(self, key):
    await self.log.append((key, await effects.clock()))
    return await self.log.length()


async def forward(self, key):
    return await effects.call("Counter", "increment", key, last=True)


async def forward_twice(self, key):
    return await effects.call("Front", "forward", key, last=True)


async def both(self, key):
    async with effects.Transaction():
        left = await effects.spawn("Left", "increment", key)
        right = await effects.spawn("Right", "increment", key)
        return await effects.gather(left, right)


async def book(self, flight, hotel):
    async with effects.Transaction():
        ok = await effects.gather(
            await effects.spawn("Flight", "reserve", flight),
            await effects.spawn("Hotel", "reserve", hotel),
        )
        if not all(ok):
            await effects.abort("full")
    await effects.call("Order", "place", (flight, hotel), last=True)
    return True


async def wander(self, key):
    """Several regions: reads, clock, calls, reads again, a spawn that nobody joins."""
    before = await self.values.get(key, 0)
    now = await effects.clock()
    first = await effects.call("Counter", "increment", key)
    await self.values.setitem(key, before + first)
    await effects.spawn("Counter", "increment", "unjoined")
    seen = await effects.call("Counter", "look", key)
    if (await self.values.get(key)) % 2:
        second = await effects.call("Counter", "increment", (key, now))
    else:
        second = await effects.call("Counter", "increment", key)
    await self.values.setitem((key, "sum"), seen + second)
    rng = await effects.random()
    return before, now, first, seen, second, rng.random()


async def catcher(self, key):
    try:
        async with effects.Transaction():
            await self.values.setitem(key, 1)
            await effects.call("Counter", "refuse", key)
    except TransactionException as error:
        return str(error), await self.values.get(key, 0)


async def refuse(self, key):
    await self.values.setitem(key, 99)
    await effects.abort("refused")


COUNTER = ("Counter", {"increment": increment, "look": look, "refuse": refuse})
ALL = program(
    COUNTER,
    ("Front", {"forward": forward, "forward_twice": forward_twice}),
    ("Left", {"increment": increment}),
    ("Right", {"increment": increment}),
    ("Tree", {"both": both, "wander": wander, "catcher": catcher}),
    ("Flight", {"reserve": reserve}),
    ("Hotel", {"reserve": reserve}),
    ("Order", {"place": place}),
    ("Agency", {"book": book}),
    read_only=("Counter.look",),
)
