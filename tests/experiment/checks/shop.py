"""A small application written directly in the executor's effects, as the compiler would emit it.

``Shop.buy`` takes a transaction over two services, then an effectful call; ``Shop.look`` reads.
"""

from __future__ import annotations

import random as random_
from types import SimpleNamespace

from core.codec import Codec
from core.effects import Get, Put, Transaction, abort, call, clock, gather, perform, random, spawn
from core.keys import encode_key
from core.layout import data_prefix
from core.program import Facts, Method, Program, Service
from experiment.checks.subject import Subject
from experiment.scenario.model import Scenario
from tests.experiment.checks.recording import Platform

CODEC = Codec()


def key(service: str, field: str, element: str) -> bytes:
    return data_prefix(service, field) + encode_key(element)


async def get(service, field, element):
    data = await perform(Get(key(service, field, element)))
    return 0 if data is None else CODEC.decode(data)


async def put(service, field, element, value):
    await perform(Put(key(service, field, element), CODEC.encode(value)))


async def take(_, item):
    left = await get("Stock", "items", item)
    if left == 0:
        return False
    await put("Stock", "items", item, left - 1)
    return True


async def left(_, item):
    return await get("Stock", "items", item)


async def charge(_, customer, amount):
    await put("Till", "owed", customer, await get("Till", "owed", customer) + amount)
    return True


async def note(_, customer, item):
    number = await get("Ledger", "count", "all")
    await put("Ledger", "count", "all", number + 1)
    stream = await random()
    await put("Ledger", "notes", f"{number}-{stream.random()}", [customer, item, await clock()])
    return number


async def buy(_, customer, item):
    async with Transaction():
        taken = await gather(
            await spawn("Stock", "take", item), await spawn("Till", "charge", customer, 3)
        )
        if not all(taken):
            await abort(f"no {item} left")
    number = await call("Ledger", "note", customer, item)
    await put("Shop", "last", customer, number)
    return number


async def look(_, item):
    return (await call("Stock", "left", item), await call("Stock", "left", item + "!"))


async def forward(_, customer, item):
    return await call("Shop", "buy", customer, item)


def method(service, function, read_only=False):
    facts = Facts(read_only=read_only)
    return Method(service, function.__name__, function, lambda *a, **k: None, facts, True, "", 0)


def program(**replaced) -> Program:
    """The application; keyword arguments replace functions by name."""
    methods = {
        "Stock": [(take, False), (left, True)],
        "Till": [(charge, False)],
        "Ledger": [(note, False)],
        "Shop": [(buy, False), (look, True), (forward, False)],
    }
    services = {}
    for service, functions in methods.items():
        made = {}
        for function, read_only in functions:
            function = replaced.get(function.__name__, function)
            made[function.__name__] = method(service, function, read_only)
        services[service] = Service(service, None, made)
    initial = {key("Stock", "items", f"thing-{n}"): CODEC.encode(n * 2) for n in range(3)}
    return Program("shop", services, CODEC, initial)


def shop_run(seed: int = 0, requests: int = 12, crash: float = 0.05, **replaced):
    """A random run of the shop with crashes and late duplicates: program and run."""
    made = program(**replaced)
    rng = random_.Random(seed)
    platform = Platform(made, seed, crash)
    for _ in range(requests):
        customer, item = f"customer-{rng.randrange(3)}", f"thing-{rng.randrange(3)}"
        choice = rng.random()
        if choice < 0.6:
            platform.send("Shop", "buy", customer, item)
        elif choice < 0.8:
            platform.send("Shop", "look", item)
        else:
            platform.send("Shop", "forward", customer, item)
        for _ in range(rng.randrange(20)):
            if platform.running:
                platform.step()
    platform.run()
    for request in list(platform.requests.values()):
        if rng.random() < 0.3:
            platform.again(request)
    return made, platform.run()


def shop_subject(seed: int = 0, **more) -> Subject:
    made, run = shop_run(seed, **more)
    return Subject(run, SimpleNamespace(program=made), Scenario("shop", "shop"))


def again(subject: Subject) -> Subject:
    """The same run, looked at anew after it was changed."""
    return Subject(subject.run, subject.application, subject.scenario)
