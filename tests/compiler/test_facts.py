# ruff: noqa: E501 - the programs in strings are as users write them
"""What the analysis proves, and what it must not."""

import pytest

from tests.compiler.driver import compiled

SERVICES = """
import time, random, uuid

@service
class Leaf:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {}
    def write(self, k):
        self.d[k] = 1
    def read(self, k):
        return self.d.get(k)
    def compute(self, k):
        return k + 1
    def clock(self):
        return time.time()
    def chance(self):
        return random.random()
    def first(self, k):
        return self.d.pop(k, None)
    def through(self, k):
        return call(Middle.read, k)

@service
class Middle:
    def read(self, k):
        return call(Leaf.read, k)
    def write(self, k):
        return call(Leaf.write, k)
    def ping(self, k):
        return call(Middle.pong, k)
    def pong(self, k):
        return call(Middle.ping, k) if k else call(Leaf.read, k)
    def pang(self, k):
        return call(Middle.pang, k) or call(Leaf.write, k)

"""


def method(tmp_path, body, more=""):
    source = f"{SERVICES}@service\nclass S:\n    def __init__(self):\n"
    source += (
        "        self.x: Persistent[dict[str, int]] = {}\n        self.n: Persistent[int] = 0\n"
    )
    lines = "\n".join(f"        {line}" for line in body.strip("\n").split("\n"))
    source += f"    async def m(self, k=1, ks=(), flag=False):\n{lines}\n{more}\n"
    application = compiled(tmp_path, source)
    return application.declared.services["S"].methods["m"]


def test_read_only(tmp_path):
    application = compiled(tmp_path, SERVICES)
    facts = {
        m.full_name: m.facts
        for s in application.declared.services.values()
        for m in s.methods.values()
    }
    assert {name for name, each in facts.items() if each.read_only} == {
        *("Leaf.read", "Leaf.compute", "Leaf.clock", "Leaf.chance", "Leaf.through"),
        *("Middle.read", "Middle.ping", "Middle.pong"),
    }
    assert {name for name, each in facts.items() if each.recursive} == {
        *("Middle.ping", "Middle.pong", "Middle.pang"),
    }
    assert facts["Middle.write"].footprint == {"Leaf.d"}
    assert facts["Leaf.through"].callees == {"Middle.read"}
    assert facts["Leaf.compute"].footprint == frozenset()
    assert {name for name, each in facts.items() if not each.single_region} == {
        *("Middle.write", "Middle.pang"),
    }


LAST = {
    "return call(Leaf.write, k)": True,
    "x = self.n; return call(Leaf.write, x)": True,
    "call(Leaf.write, k); return self.n": False,
    "call(Leaf.write, k); self.n = 1": False,
    "call(Leaf.write, k); return time.time()": False,
    "call(Leaf.write, k); return uuid.uuid1()": False,
    "call(Leaf.write, k); return random.random(), uuid.uuid4(), [1]": True,
    "call(Leaf.write, k); call(Leaf.read, k)": False,
    "call(Leaf.write, k); print(1)": True,
    "for x in ks:\n    call(Leaf.write, x)": False,
    "for x in ks:\n    call(Leaf.write, x)\n    break": True,
    "for x in ks:\n    return call(Leaf.write, x)": True,
    "while True:\n    call(Leaf.write, k)\n    if k: return": False,
    "[call(Leaf.write, x) for x in ks]": False,
    "return any(call(Leaf.write, x) for x in ks)": False,
    "if k:\n    call(Leaf.write, k)\nelse:\n    self.n = 2": True,
    "if k:\n    call(Leaf.write, k)\nself.n = 2": False,
    "with transaction():\n    call(Leaf.write, k)": False,
    "with transaction():\n    self.n = 1\ncall(Leaf.write, k)": True,
    "call(Leaf.write, k)\nwith transaction():\n    pass": False,
    "BeginTx()\nself.n = 1\nCommitTx()\ncall(Leaf.write, k)": True,
    "BeginTx()\ncall(Leaf.write, k)\nCommitTx()": False,
    "if k:\n    BeginTx()\ncall(Leaf.write, k)": False,
    "if flag:\n    BeginTx()\ncall(Leaf.write, k)\nif flag:\n    CommitTx()": False,
    "try:\n    call(Leaf.write, k)\nexcept KeyError:\n    self.n = 1": False,
    "try:\n    call(Leaf.write, k)\nfinally:\n    self.n = 1": False,
    "try:\n    call(Leaf.write, k)\nfinally:\n    print(1)": True,
    "try:\n    call(Leaf.write, k)\nexcept KeyError:\n    pass\nelse:\n    self.n = 1": False,
    "try:\n    self.n = 1\nexcept KeyError:\n    call(Leaf.write, k)": True,
    "try:\n    return call(Leaf.write, k)\nexcept KeyError:\n    return 1": True,
    "try:\n    raise ValueError\nexcept ValueError:\n    return call(Leaf.write, k)": True,
    "spawn(Leaf.write, k); call(Leaf.write, k)": False,
    "await spawn(Leaf.read, k); call(Leaf.write, k)": True,
    "f = spawn(Leaf.read, k); await f; call(Leaf.write, k)": True,
    "f = spawn(Leaf.read, k); call(Leaf.write, k); await f": False,
    "f = spawn(Leaf.read, k)\nif k: await f\ncall(Leaf.write, k)": False,
    "f = spawn(Leaf.read, k)\nf = spawn(Leaf.read, k)\nawait f\ncall(Leaf.write, k)": False,
    "for x in ks:\n    f = spawn(Leaf.read, x)\nawait f\ncall(Leaf.write, k)": False,
    "for x in ks:\n    f = spawn(Leaf.read, x)\n    await f\ncall(Leaf.write, k)": True,
    "fs = [spawn(Leaf.read, x) for x in ks]\nawait gather(*fs)\ncall(Leaf.write, k)": False,
    "a, b = spawn(Leaf.read, 1), 2\nawait a\ncall(Leaf.write, k)": False,
    "await gather(spawn(Leaf.read, 1), gather(spawn(Leaf.read, 2)))\ncall(Leaf.write, k)": True,
    "try:\n    await spawn(Leaf.read, 1)\nexcept KeyError:\n    pass\ncall(Leaf.write, k)": False,
    "return call(Leaf.write, k) + self.n": False,
    "return self.n + call(Leaf.write, k)": True,
    "return call(Leaf.write, k) or self.n": False,
    "return call(Leaf.write, k) if self.n else 2": True,
    "return 1 if call(Leaf.write, k) else self.n": False,
    "return (call(Leaf.write, k), self.n)": False,
    "return {self.n: call(Leaf.write, k)}": True,
    "self.x['a'] = call(Leaf.write, k)": False,
    "return self._h(call(Leaf.write, k))": False,
    "return self._p(call(Leaf.write, k))": True,
    "match k:\n    case 1:\n        call(Leaf.write, k)\n    case _ if self.n:\n        pass": True,
    "import contextlib\nwith contextlib.suppress(KeyError):\n    call(Leaf.write, k)\nself.n = 1": False,
    "return call(Leaf.read, k)": False,
    "def f():\n    return 1\nreturn call(Leaf.write, f())": True,
    "self._fire(k); return call(Leaf.write, k)": False,
    "self._fires(k); return call(Leaf.write, k)": False,
    "await self._fire_async(k); return call(Leaf.write, k)": False,
    "fire(k); return call(Leaf.write, k)": False,
    "if k: self._fire(k)\nreturn call(Leaf.write, k)": False,
    "x = f'{self._fire(k)}'; return call(Leaf.write, k)": False,
    "[fire(x) for x in ks]; return call(Leaf.write, k)": False,
    "try:\n    self._fires_and_raises(k)\nexcept KeyError:\n    return call(Leaf.write, k)": False,
    "try:\n    pass\nfinally:\n    fire(k)\nreturn call(Leaf.write, k)": False,
    "return call(Leaf.write, self._fire(k))": False,
    "return call(Leaf.write, k) and self._fire(k)": False,
    "self._waits(k); return call(Leaf.write, k)": True,
    "try:\n    self._waits(k)\nexcept KeyError:\n    pass\nreturn call(Leaf.write, k)": False,
    "self._may_wait(k); return call(Leaf.write, k)": False,
    "self._loops(k); return call(Leaf.write, k)": False,
    "self._p(k); return call(Leaf.write, k)": True,
    "wait(self._started(k)); return call(Leaf.write, k)": False,
    "f = spawn(Leaf.read, k)\nassert k, await f\nreturn call(Leaf.write, k)": False,
    "f = spawn(Leaf.read, k)\nassert await f\nreturn call(Leaf.write, k)": True,
    "f = spawn(Leaf.read, k)\nk and await f\nreturn call(Leaf.write, k)": False,
    "f = spawn(Leaf.read, k)\nmatch ks:\n    case [f]:\n        pass\nawait f\nreturn call(Leaf.write, k)": False,
    "f = spawn(Leaf.read, k)\nmatch ks:\n    case {'a': 1, **f}:\n        pass\nawait f\nreturn call(Leaf.write, k)": False,
    "BeginTx()\nf = spawn(Leaf.read, k)\ntry:\n    await f\nexcept TransactionException:\n    call(Leaf.write, k)": True,
    "try:\n    pass\nexcept* KeyError:\n    call(Leaf.write, k)\nexcept* ValueError:\n    self.n = 1": False,
    "try:\n    pass\nexcept* KeyError:\n    self.n = 1\nexcept* ValueError:\n    call(Leaf.write, k)": True,
    "BeginTx()\nwith transaction():\n    CommitTx()\n    CommitTx()\ncall(Leaf.write, k)": False,
}
HELPERS = """
    def _h(self, x):
        return self.n
    def _p(self, x):
        return x
    def _fire(self, x):
        spawn(Leaf.write, x)
    def _fires(self, x):
        return [self._fire(y) for y in (x, x)]
    async def _fire_async(self, x):
        spawn(Leaf.write, x)
    def _fires_and_raises(self, x):
        f = spawn(Leaf.write, x)
        if x: raise KeyError(x)
        wait(f)
    def _waits(self, x):
        return wait(spawn(Leaf.write, x))
    def _may_wait(self, x):
        f = spawn(Leaf.write, x)
        if x: wait(f)
    def _loops(self, x):
        return self._loops(x - 1) if x else self.n
    def _started(self, x):
        return spawn(Leaf.write, x)

def fire(x):
    spawn(Leaf.write, x)
"""


@pytest.mark.parametrize("body", LAST)
def test_last(tmp_path, body):
    m = method(tmp_path, body, HELPERS)
    calls = [e for e in m.effects if e.kind == "call" and e.target in ("Leaf.write", "Leaf.read")]
    assert calls[0].last is LAST[body]
    assert all(("call_last" in ast_of(e)) is e.last for e in calls)


def ast_of(effect):
    return effect.call.func.attr


def test_never_last_in_a_helper(tmp_path):
    m = method(
        tmp_path,
        "self._h(1); return self.n",
        "    def _h(self, x):\n        call(Leaf.write, x)\n"
        "    def public(self, x):\n        call(Leaf.write, x)\n"
        "    def used(self, x):\n        return self.public(x), self.n\n",
    )
    service = m.service
    assert not any(e.last for n in ("_h", "public") for e in service.methods[n].effects)


SINGLE = {
    "return self.n": True,
    "call(Leaf.write, k)": False,
    "call(Leaf.read, k); self.n = 1": True,
    "with transaction():\n    call(Leaf.write, k)": True,
    "with transaction():\n    call(Leaf.write, k)\nself.n = 1": True,
    "with transaction():\n    self.n = 1\nwith transaction():\n    self.n = 2": False,
    "if k:\n    with transaction():\n        self.n = 1\nelse:\n    with transaction():\n        self.n = 2": True,
    "for x in ks:\n    with transaction():\n        self.n = 1": False,
    "with transaction():\n    with transaction():\n        self.n = 1\n    with transaction():\n        pass": True,
    "self._w(1)": False,
    "with transaction():\n    self._w(1)": True,
    "self._t()": True,
    "self._t(); self._t()": False,
    "with transaction():\n    self._t(); self._t()": True,
    "BeginTx()\nself._w(1)\nCommitTx()": True,
    "self._b()\nself._w(1)\nCommitTx()": True,
    "if k:\n    self._b()\nself._w(1)\nCommitTx()": False,
    "BeginTx()\ntry:\n    call(Leaf.write, k)\nexcept TransactionException:\n    return\nCommitTx()": True,
    "BeginTx()\ntry:\n    call(Leaf.write, k)\nexcept TransactionException:\n    call(Leaf.write, k)": False,
    "BeginTx()\ntry:\n    call(Leaf.write, k)\nexcept KeyError:\n    call(Leaf.write, k)\n    CommitTx()": True,
    "with transaction():\n    try:\n        call(Leaf.write, 1)\n    except Exception:\n        call(Leaf.write, k)": False,
    "with transaction():\n    if k: abort()\n    call(Leaf.write, 1)": True,
    "try:\n    with transaction():\n        if k: abort()\nexcept TransactionException:\n    self.n = 1": True,
    "self._r(k)": False,
    "with transaction():\n    self._r(k)": False,
    "spawn(Leaf.write, 1)": False,
    "helper_function(k)": False,
    "with transaction():\n    helper_function(k)": True,
    "BeginTx()\nf = spawn(Leaf.write, k)\ntry:\n    await f\nexcept TransactionException:\n    call(Leaf.write, k)": False,
    "BeginTx()\nwith transaction():\n    CommitTx()\n    CommitTx()\ncall(Leaf.write, k)": False,
    "BeginTx()\nwith transaction():\n    CommitTx()\ncall(Leaf.write, k)\nCommitTx()": True,
    "BeginTx()\ntry:\n    match k:\n        case 1 if self._e() and 1 / 0:\n            pass\nexcept ZeroDivisionError:\n    call(Leaf.write, k)": False,
    "BeginTx()\ntry:\n    x = self._e() + 1 / 0\nexcept ZeroDivisionError:\n    call(Leaf.write, k)": False,
    "BeginTx()\nassert k, self._e()\ncall(Leaf.write, k)\nCommitTx()": True,
    "try:\n    pass\nexcept* KeyError:\n    self._t()\nexcept* ValueError:\n    self._t()": False,
    "try:\n    pass\nexcept KeyError:\n    self._t()\nexcept ValueError:\n    self._t()": True,
    "again = False\nmatch ks:\n    case {'a': 1, **again}:\n        pass\nif again:\n    call(Leaf.write, k)": False,
}
MORE = """
    def _w(self, x):
        call(Leaf.write, x)
    def _t(self):
        with transaction():
            self.n = 1
    def _b(self):
        BeginTx()
    def _e(self):
        CommitTx()
        return 1
    def _r(self, x):
        return self._r(x - 1) if x else call(Leaf.write, x)

def helper_function(x):
    return call(Leaf.write, x)
"""


@pytest.mark.parametrize("body", SINGLE)
def test_single_region(tmp_path, body):
    assert method(tmp_path, body, MORE).facts.single_region is SINGLE[body]


RAISERS = """
class Plain:
    @property
    def attribute(self):
        raise TransactionException("plain")
    def __add__(self, other):
        raise TransactionException("plain")

def elements():
    yield 1
    raise TransactionException("plain")
"""


@pytest.mark.parametrize("expression", ["k + 1", "k.attribute", "list(ks)", "f'{k}'", "1"])
def test_plain_code_may_raise_transaction_exception_if_it_says_so(tmp_path, expression):
    """By operators, attributes and iterators too; so the handler is reached."""
    body = f"try:\n    x = {expression}\nexcept TransactionException:\n    call(Leaf.write, k)"
    assert method(tmp_path, body, MORE).facts.single_region
    assert not method(tmp_path, body, MORE + RAISERS).facts.single_region


DUE = {
    "call(Leaf.write, k)": [False],
    "call(Leaf.write, self.n)": [True],
    "self.n = 1; call(Leaf.write, k)": [True],
    "time.time(); call(Leaf.write, k)": [True],
    "call(Leaf.read, k); call(Leaf.write, k)": [False, True],
    "call(Leaf.write, k); call(Leaf.write, k)": [False, False],
    "self.n = 1; call(Leaf.write, k); call(Leaf.write, k)": [True, False],
    "for x in ks:\n    call(Leaf.write, k)\n    self.n = 1": [True],
    "with transaction():\n    self.n = 1\n    call(Leaf.write, k)\ncall(Leaf.write, k)": [
        False,
        True,
    ],
    "random.random(); call(Leaf.write, k)": [False],
    "self.n = 1\ntry:\n    call(Leaf.write, k)\nexcept Exception:\n    call(Leaf.write, k)": [
        True,
        True,  # the first may not have left: its arguments could not be sent
    ],
}


@pytest.mark.parametrize("body", DUE)
def test_commit_due(tmp_path, body):
    m = method(tmp_path, body)
    assert [e.commit_due for e in m.effects if e.kind == "call"] == DUE[body]


def test_a_commit_is_due_in_a_helper_for_the_sake_of_its_caller(tmp_path):
    m = method(tmp_path, "self.n = 1; self._w(k); return helper_function(k)", MORE)
    helpers = [e.helper for e in m.effects if e.helper is not None]
    assert [e.commit_due for each in helpers for e in each.effects] == [True, True]


def test_the_graph(tmp_path):
    application = compiled(
        tmp_path,
        SERVICES
        + "@service\nclass S:\n    def __init__(self):\n        self.n: Persistent[int] = 0\n"
        "    async def m(self):\n        f = spawn(Leaf.read, 1)\n        self.n += 1\n"
        "        x = await f\n        with transaction():\n            self._h(x)\n"
        "        return call(Leaf.write, x), random.random(), uuid.uuid4(), time.time()\n"
        "    def _h(self, x):\n        if x: abort()\n",
    )
    graph = application.graph
    assert graph.nodes["S"]["kind"] == "service"
    assert graph.nodes["S.n"]["kind"] == "field"
    assert graph.nodes["Leaf.read"]["read_only"]
    assert graph.has_edge("S", "S.m")
    assert graph.has_edge("S.m", "S.m#0")
    effects = [graph.nodes[f"S.m#{i}"] for i in range(11)]
    kinds = [each["effect"] for each in effects]
    assert kinds == [
        *("spawn", "read", "write", "join", "begin", "commit", "helper", "call"),
        *("random", "uuid", "time"),
    ]
    assert [each["line"] for each in effects][:4] == [42, 43, 43, 44]
    assert all(each["file"].endswith(".py") for each in effects)
    edges = {(a, b, kind) for a, b, kind in graph.edges(data="kind")}
    assert ("S.m", "S.m#0", "control") in edges
    assert ("S.m#0", "S.m#1", "control") in edges
    assert ("S.n", "S.m#1", "data") in edges
    assert ("S.m#2", "S.n", "data") in edges
    assert ("S.m#0", "S.m#3", "data") in edges
    assert ("S.m#0", "Leaf.read", "calls") in edges
    assert ("S.m#6", "S._h", "helper") in edges
    assert graph.nodes["S._h#0"]["effect"] == "abort"
