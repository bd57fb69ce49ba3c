# ruff: noqa: E501 - the programs in strings are as users write them
"""Calls, helpers, transactions, time and chance: compiled as plain."""

import sys

import pytest

from core import effects
from tests.compiler.driver import Driver, compare, compiled

TWO = """
import datetime as dt
import random, time, uuid
import time as clk
import random as rnd
from random import choice as pick, shuffle as mix, Random
from datetime import datetime, date, timezone
from time import time as now, time_ns
from uuid import uuid4 as fresh
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

class Full(Exception):
    pass

class Kind(Enum):
    A = 1
    B = 2

class Pair(NamedTuple):
    a: int
    b: str

@dataclass
class Room:
    number: int
    kind: Kind = Kind.A

@service
class Store:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {}
        self.rooms: Persistent[dict[str, Room]] = {"r": Room(7)}

    def put(self, key, value=1, *rest, last=None, **more):
        self.d[key] = value
        return [key, value, list(rest), last, more]

    def get(self, key: str) -> int:
        return self.d.get(key, 0)

    def fail(self, key):
        self.d[key] = -1
        raise Full(key, 3)

    def transactional(self, key, bad):
        with transaction():
            self.d[key] = 5
            if bad:
                abort("no")
        return self.d[key]

    def room(self, kind):
        room = self.rooms["r"]
        room.kind = kind
        self.rooms["r2"] = room
        return self.rooms["r"], self.rooms["r2"], Pair(1, "x")

@service
class Front:
    def __init__(self):
        self.log: Persistent[list] = []
        self.prices = {"a": 3}

"""

METHODS = {
    "call": """
    def m(self):
        call(Store.put, "a", 4)
        x = call(Store.get, "a") + call(Store.get, key="a")
        return x, call(Store.put, "b", 1, 2, 3, last="z", service="s"), call(Store.put, "c", **{"value": 3})
    """,
    "arguments are copies": """
    def m(self):
        xs = [1]
        r = call(Store.put, "k", xs)
        r[1].append(2)
        return xs, r
    """,
    "spawn": """
    async def m(self):
        f = spawn(Store.put, "a", 2)
        g = spawn(Store.get, "a")
        both = gather(f, gather(g, spawn(Store.get, "q")))
        r = await both
        return r, await f, await gather(*[spawn(Store.get, k) for k in ("a", "b")]), await gather()
    """,
    "wait": """
    def m(self):
        f = spawn(Store.put, "a", 2)
        wait(f)
        return wait(gather(spawn(Store.get, "a"), f))
    """,
    "spawn that fails": """
    async def m(self):
        f = spawn(Store.fail, "a")
        self.log.append("spawned")
        try:
            await gather(spawn(Store.put, "b"), f)
        except Full as e:
            self.log.append(e.args)
        return list(self.log), call(Store.get, "a"), call(Store.get, "b")
    """,
    "never joined": """
    def m(self):
        spawn(Store.fail, "a")
        return 1
    """,
    "exceptions cross": """
    def m(self):
        try:
            call(Store.fail, "k")
        except Full as e:
            return e.args, str(e), call(Store.get, "k")
    """,
    "types cross": """
    def m(self):
        a, b, p = call(Store.room, Kind.B)
        return a, b, p, p.a, a.kind is Kind.A, isinstance(b, Room), isinstance(p, Pair)
    """,
    "transaction": """
    async def m(self):
        async with transaction():
            call(Store.put, "a", 1)
            self.log.append("a")
        with transaction():
            self.log.append("b")
            f = spawn(Store.put, "b", 2)
            await f
        return list(self.log), call(Store.get, "a")
    """,
    "transaction that fails": """
    async def m(self):
        try:
            async with transaction():
                call(Store.put, "a", 1)
                self.log.append("a")
                raise ValueError("v")
        except ValueError:
            pass
        r = [call(Store.get, "a"), list(self.log)]
        try:
            with transaction():
                call(Store.put, "a", 1)
                call(Store.transactional, "x", True)
        except TransactionException as e:
            r.append(str(e))
        r.append(call(Store.get, "a"))
        with transaction():
            try:
                with transaction():
                    self.log.append("inner")
                    abort("inner")
            except TransactionException as e:
                r.append(str(e))
            self.log.append("outer")
        return r, list(self.log)
    """,
    "a call's failure ends the transaction at once": """
    def m(self):
        with transaction():
            self.log.append(1)
            try:
                call(Store.transactional, "x", True)
            except TransactionException:
                self.log.append(2)
            self.log.append(3)
        return list(self.log)
    """,
    "return out of a transaction": """
    def m(self):
        for i in range(3):
            with transaction():
                self.log.append(i)
                if i == 1:
                    return list(self.log)
    """,
    "abort without a transaction": """
    def m(self):
        self.log.append(1)
        abort("nothing to undo")
    """,
    "begin and commit": """
    def m(self):
        BeginTx()
        self.log.append(1)
        CommitTx()
        BeginTx()
        self.log.append(2)
        AbortTxNoExc()
        try:
            BeginTx()
            self.log.append(3)
            AbortTx()
        except TransactionException:
            self.log.append(4)
        return list(self.log)
    """,
    "commit without begin": """
    def m(self):
        CommitTx()
    """,
    "left open": """
    def m(self):
        BeginTx()
        self.log.append(1)
        return 1
    """,
    "helpers": """
    def m(self):
        self._add("x", times=2)
        return self._pure(3), self._price("a"), self.public(4), sorted([2, 1], key=self._pure), outer(5)

    def _add(self, what, *, times=1):
        for _ in range(times):
            self.log.append(what)
        self._more()

    def _more(self):
        self.log.append(call(Store.get, "q"))

    def _pure(self, x):
        return -x

    def _price(self, key):
        return self.prices[key] + len(self.log)

    def public(self, x):
        return self._pure(x) * 2

    @staticmethod
    def _static(x):
        return x
    """,
    "async helpers": """
    async def m(self):
        return await self._one() + await self.two()

    async def _one(self):
        self.log.append(1)
        return 1

    async def two(self):
        return 2
    """,
    "recursion": """
    def m(self):
        return self._down(4)

    def _down(self, n):
        self.log.append(n)
        return n if n == 0 else n + self._down(n - 1)
    """,
    "time": """
    def m(self):
        return (time.time(), now(), time_ns(), clk.monotonic(), time.perf_counter_ns(),
                datetime.now(), dt.datetime.now(tz=timezone.utc), datetime.utcnow(), date.today(),
                dt.date.today(), datetime.today(), datetime(2020, 1, 1), tuple(time.gmtime()), tuple(time.gmtime(5)))
    """,
    "chance": """
    def m(self):
        xs = [1, 2, 3, 4, 5]
        mix(xs)
        rnd.shuffle(xs)
        return (random.random(), rnd.randint(1, 6), pick([1, 2, 3]), random.sample(range(9), 3), xs,
                Random(4).random(), random.choice(list(self.prices)), random.choices("ab", k=3),
                random.gauss(0, 1), random.uniform(a=1, b=2))
    """,
    "uuids": """
    def m(self):
        return str(fresh()), uuid.uuid4().hex, uuid.uuid1(), uuid.uuid5(uuid.NAMESPACE_DNS, "x")
    """,
    "paper": """
    async def m(self):
        SyncInvoke('Store', 'put', 'a', 3)
        p1 = AsyncInvoke('Store', 'get', 'a')
        p2 = AsyncInvoke(Store, 'get', 'b')
        a, b = await WaitAll(p1, p2)
        c = await Wait(p1)
        return a, b, c, SyncInvoke(Store, METHOD, 'a')
    """,
    "paper without async": """
    def m(self):
        p1 = AsyncInvoke('Store', 'get', 'a')
        p2 = AsyncInvoke('Store', 'put', 'a')
        WaitAll(p1, p2)
        return Wait(p1), WaitAll(p1, p2)
    """,
    "await in expressions": """
    async def m(self):
        return [await spawn(Store.get, k) for k in "ab"], (await gather(spawn(Store.get, "a")))[0]
    """,
    "with a set as argument": """
    def m(self):
        return call(Store.put, "k", {3, 1}), call(Store.put, "l", self.log)
    """,
}
TAIL = """
METHOD = 'get'

def outer(x):
    return inner(x) + x

def inner(x):
    return call(Store.get, "nothing") + x
"""


@pytest.mark.parametrize("name", METHODS)
def test_same_as_plain(tmp_path, name):
    application = compiled(tmp_path, TWO + METHODS[name] + TAIL)
    answers = compare(application, [("Front.m",), ("Front.m",)])
    raised = {"abort without a transaction", "commit without begin", "left open"}
    assert (answers[0][0] == "raised") == (name in raised), answers


def test_functions_of_other_modules(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_text("from .front import Front\n")
    (tmp_path / "pkg/shared.py").write_text(
        "import time\nfrom compiler import call\nfrom . import store\n"
        "def stamp(key):\n    return call(store.Store.get, key), time.time()\n"
        "def plain(x):\n    return x + 1\n"
    )
    (tmp_path / "pkg/store.py").write_text(
        "from compiler import *\n@service\nclass Store:\n    def __init__(self):\n"
        "        self.d: Persistent[dict] = {}\n    def get(self, k):\n        return self.d.get(k)\n"
    )
    (tmp_path / "pkg/front.py").write_text(
        "from compiler import *\nfrom . import shared\nfrom .shared import stamp as s, plain\n"
        "from pkg.store import Store\n"
        "@service\nclass Front:\n    def m(self):\n"
        "        return s('a'), shared.stamp('b'), plain(2), shared.plain(3), call(Store.get, 'x')\n"
    )
    from compiler.application import load

    application = load(tmp_path / "pkg")
    compare(application, [("Front.m",)])
    assert sys.modules["pkg"].Front is application.classes["Front"]


def test_what_is_asked_for(tmp_path):
    """The effects themselves: nothing is read twice or out of order."""
    application = compiled(
        tmp_path,
        """
        @service
        class S:
            def __init__(self):
                self.d: Persistent[dict[str, int]] = {"a": 1}
            def m(self):
                self.d["a"] += 1
                return "a" in self.d
        """,
    )
    driver = Driver(application.program, application.initial_state(), None)
    assert driver.run("S", "m") is True
    key = b"dS\x00d\x00"
    kinds = [type(effect) for effect in driver.effects]
    assert kinds == [effects.Get, effects.Put, effects.Get]
    assert all(effect.key.startswith(key) for effect in driver.effects)
