"""What an error tells to write instead compiles, works, and is the same plain and compiled."""

import contextlib
import re
import traceback
from pathlib import Path

import pytest

from compiler.errors import CompileErrors, Problems
from tests.compiler import test_errors
from tests.compiler.driver import compare, compiled

START = """
import asyncio, collections, functools, hashlib, os, random, secrets, time, uuid
RATES = {"a": 1}

def stamp():
    return 3 + (time.time() > 0)

def longer(xs):
    xs[0] += 1
    xs.append(2)

BY_NAME = {"a": stamp}

@service
class Other:
    def __init__(self):
        self.n: Persistent[int] = 0
    def add(self, count=1):
        self.n += count
        return self.n
    def get(self):
        return self.n
    @staticmethod
    def twice(x):
        return 2 * x

def twice(x):
    return 2 * x

@service
class S:
    def __init__(self):
        self.d: Persistent[dict] = {"a": [1]}
        self.xs: Persistent[list] = [1, 2]
        self.s: Persistent[set] = {1}
        self.v: Persistent[list | None] = [1]
        self.limit = 10
        self.table = {"a": 1}
    def _more(self, xs):
        xs.append(1)
    def _helper(self, x=1):
        return len(self.d) + x
    async def _later(self):
        return len(self.d)
"""

# As somebody writes it, a part of what is told, and as told.
REMEDIES = [
    ("x = self.d; return x", "dict(self.d)", "x = dict(self.d); return x"),
    ("x = self.xs; return x", "list(self.xs)", "x = list(self.xs); return x"),
    ("self.d['a'].append(1)", "self.d['a'] = x", "x = self.d['a']; x.append(1); self.d['a'] = x"),
    ("self.v.append(1)", "self.v = x", "x = self.v; x.append(1); self.v = x"),
    ("x = self.v; x.append(1)", "self.v = ...", "x = self.v; x.append(1); self.v = x"),
    (
        "x = self.d['a']; x.append(1)",
        "self.d[...] = x",
        "x = self.d['a']; x.append(1); self.d['a'] = x",
    ),
    (
        "for k, x in self.d.items(): x.append(2)",
        "self.d[...] = x",
        "for k, x in self.d.items():\n            x.append(2)\n            self.d[k] = x",
    ),
    (
        "x = []; self.xs.append(x); x.append(1)",
        "before it is stored",
        "x = []; x.append(1); self.xs.append(x)",
    ),
    (
        "self._more(self.d['a'])",
        "self._more(x), self.d[...] = x",
        "x = self.d['a']; self._more(x); self.d['a'] = x",
    ),
    (
        "x = self.d['a']; longer(x)",
        "self.d[...] = x",
        "x = self.d['a']; longer(x); self.d['a'] = x",
    ),
    (
        "def more(xs): xs.append(1)\n        more(xs=self.d['a'])",
        "more(x), self.d[...] = x",
        "def more(xs): xs.append(1)\n        x = self.d['a']; more(x); self.d['a'] = x",
    ),
    ("del self.d", "self.d.clear()", "self.d.clear()"),
    ("return call(self._helper)", "self._helper(...)", "return self._helper()"),
    ("global RATES; RATES = {}", "self.rates: Persistent[...]", "self.d = {}"),
    (
        "def f(): return len(self.d)\n        return f()",
        "a helper method of the service: def _name(self, ...)",
        "return self._helper()",
    ),
    ("return Other.add(1)", "call(Other.add, ...)", "return call(Other.add, 1)"),
    ("transaction(); self.v = [2]", "with transaction():", "with transaction(): self.v = [2]"),
    ("return instance(Other).add()", "call(Service.method, ...)", "return call(Other.add)"),
    ("return call(Other.twice, 2)", "a function at module level", "return twice(2)"),
    ("RATES['b'] = 2", "self.rates: Persistent[...]", "self.d['b'] = 2"),
    ("self.table['b'] = 2", "self.table: Persistent[...]", "self.d['b'] = 2"),
    ("f = random.choice; return f([1])", "random.choice(...)", "return random.choice([1])"),
    ("f = random; return f.random()", "random.function(...)", "return random.random()"),
    ("x = Other; return call(x.add)", "call(Other.method, ...)", "return call(Other.add)"),
    ("c = call; return c(Other.add)", "a call: call(...)", "return call(Other.add)"),
    ("x = self; return x.limit", "self.field, self.method(...)", "return self.limit"),
    ("return self.nothing", "declare it in __init__", "return self.v"),
    (
        "async def f(): return 1\n        return await f()",
        "a helper method",
        "return await self._later()",
    ),
    (
        "async with asyncio.Lock(): self.v = [2]",
        "async with transaction():",
        "async with transaction(): self.v = [2]",
    ),
    ("x = RATES; return x['a']", "use RATES directly", "return RATES['a']"),
    ("self.scratch = 4; return 4", "scratch = ...", "scratch = 4; return scratch"),
    ("return self._helpr()", "self._helper(...)", "return self._helper()"),
    ("return self._helper(1, 2)", "self._helper(x=1)", "return self._helper(x=1)"),
    ("f = self._helper; return f()", "self._helper(...)", "return self._helper()"),
    ("return self._later()", "await self._later()", "return await self._later()"),
    (
        "return time.strftime('%Y')",
        "time.strftime('%Y', time.localtime())",
        "return time.strftime('%Y', time.localtime())",
    ),
    (
        "return time.asctime()",
        "time.asctime(time.localtime())",
        "return time.asctime(time.localtime())",
    ),
    (
        "random.seed(3); return random.random()",
        "random.Random(seed)",
        "return random.Random(3).random()",
    ),
    ("return time.process_time()", "time.perf_counter()", "return time.perf_counter()"),
    ("return hash('a')", "hashlib.sha256(...)", "return hashlib.sha256(b'a').hexdigest()"),
    ("return id(self.v)", "uuid.uuid4()", "return str(uuid.uuid4())"),
    ("return uuid.getnode()", "uuid.uuid4()", "return str(uuid.uuid4())"),
    ("return call('Other.add')", "call(Hotel.reserve, ...)", "return call(Other.add)"),
    ("return call(*[Other.add, 1])", "call(Hotel.reserve, *[", "return call(Other.add, *[1])"),
    (
        "m = 'add'; return SyncInvoke('Other', m)",
        "chosen with if",
        "m = 'add'\n        if m == 'add': return SyncInvoke('Other', 'add')\n        return 0",
    ),
    ("return call(Other.ad)", "Other.add", "return call(Other.add)"),
    (
        "return SyncInvoke('Other', 'ad', 1)",
        "SyncInvoke('Other', 'add', ...)",
        "return SyncInvoke('Other', 'add', 1)",
    ),
    (
        "return await gather([spawn(Other.add), spawn(Other.add)])",
        "gather(*[spawn(Other.add), spawn(Other.add)])",
        "return await gather(*[spawn(Other.add), spawn(Other.add)])",
    ),
    (
        "return await gather(*(spawn(Other.add) for _ in [1, 2]))",
        "a list: [spawn",
        "return await gather(*[spawn(Other.add) for _ in [1, 2]])",
    ),
    ("x = spawn(Other.add); return x", "await", "x = spawn(Other.add); return await x"),
    ("return BY_NAME['a']()", "stamp(...)", "return stamp()"),
    ("f = stamp; return f()", "stamp(...)", "return stamp()"),
    (
        "return sorted([1], key=lambda x: stamp())",
        "a loop or a comprehension",
        "return [stamp() for x in [1]]",
    ),
    (
        "match 1:\n            case self.v: return 1",
        "a guard",
        "match 1:\n            case x if x == len(self.xs): return 1",
    ),
    (
        "try: return 1\n        except: return 2",
        "except Exception:",
        "try: return 1\n        except Exception: return 2",
    ),
    (
        "try: return 1\n        except BaseException: return 2",
        "except Exception:",
        "try: return 1\n        except Exception: return 2",
    ),
    ("return eval('1')", "the expression itself", "return 1"),
    ("self.limit = 4", "Persistent[...]", "self.v = [4]"),
]


def app(folder, body):
    fields = START.replace("self.limit = 10", "self.limit = 10\n        self.n = 1")
    return compiled(folder, f"{fields}\n    async def m(self):\n        {body}\n")


@pytest.mark.parametrize(("written", "told", "instead"), REMEDIES)
def test_what_is_told_works(tmp_path, written, told, instead):
    with pytest.raises(CompileErrors) as errors:
        app(tmp_path, written)
    remedies = [each.remedy for each in errors.value.errors]
    assert any(told in each for each in remedies), remedies
    (answer,) = compare(app(tmp_path, instead), [("S.m",)])
    assert answer[0] == "returned", answer


# The same of what stands outside of methods.
CLASSES = [
    (
        "    self_made: Persistent[dict] = {}\n    def m(self): return 1",
        "in __init__",
        "    def __init__(self):\n        self.self_made: Persistent[dict] = {}\n"
        "    def m(self): return len(self.self_made)",
    ),
    (
        "    async def __init__(self): pass\n    def m(self): return 1",
        "def __init__(self):",
        "    def __init__(self): pass\n    def m(self): return 1",
    ),
    (
        "    def other(): return 1\n    def m(self): return 1",
        "def other(self, ...):",
        "    def other(self): return 1\n    def m(self): return self.other()",
    ),
    (
        "    @property\n    def m(self): return 1\n    @m.setter\n    def m(self, x): pass",
        "def set_m(self, ...):",
        "    def m(self): return 1\n    def set_m(self, x): pass",
    ),
    (
        "    @property\n    def p(self): return 1\n    def m(self): self.p = 1",
        "self.set_p(...)",
        "    def set_p(self, x): return x\n    def m(self): return self.set_p(1)",
    ),
    (
        "    def n(self): return 1\n    @classmethod\n    def m(cls): return cls.n()",
        "def m(self, ...):",
        "    def n(self): return 1\n    def m(self): return self.n()",
    ),
    (
        "    @classmethod\n    def k(cls, x): return x\n    def m(self): return call(S.k, 3)",
        "def k(self, x)",
        "    def k(self, x): return x\n    def m(self): return call(S.k, 3)",
    ),
    (
        "    def __init__(self):\n        self.d = {}  # type: Persistent[dict\n"
        "    def m(self): return 1",
        "# type: Persistent[dict]",
        "    def __init__(self):\n        self.d = {}  # type: Persistent[dict]\n"
        "    def m(self): return len(self.d)",
    ),
]


INHERITED = [
    (
        "class S(Base, metaclass=Meta):\n    def m(self): return 1",
        "class S:",
        "class S(Base):\n    def m(self): return 1",
    ),
    (
        "class S(Base):\n    def m(self):\n        f = super().n\n        return f()",
        "super().n(...)",
        "class S(Base):\n    def m(self): return super().n()",
    ),
    (
        "class S(Asked):\n    def k(self): return 1",
        "def m(self, ...):",
        "class S(Asked):\n    def m(self): return 1",
    ),
]


def with_bases(folder, source):
    return compiled(folder, f"{test_errors.BEFORE}@service\n{source}\n")


@pytest.mark.parametrize(("written", "told", "instead"), INHERITED)
def test_what_is_told_of_a_base_works(tmp_path, written, told, instead):
    with pytest.raises(CompileErrors) as errors:
        with_bases(tmp_path, written)
    assert any(told in each.remedy for each in errors.value.errors), errors.value
    (answer,) = compare(with_bases(tmp_path, instead), [("S.m",)])
    assert answer == ("returned", 1)


def whole(folder, body):
    return compiled(folder, f"import time\n@service\nclass S:\n{body}\n")


@pytest.mark.parametrize(("written", "told", "instead"), CLASSES)
def test_what_is_told_of_a_class_works(tmp_path, written, told, instead):
    with pytest.raises(CompileErrors) as errors:
        whole(tmp_path, written)
    assert any(told in each.remedy for each in errors.value.errors), errors.value
    (answer,) = compare(whole(tmp_path, instead), [("S.m",)])
    assert answer[0] == "returned", answer


# --- that no remedy is left out


IS_CODE = re.compile(r"\w\(|\w\[| = |await ")
TELLERS = {"add", "add_error", "refuse", "_refuse", "error", "_error"}


@pytest.fixture
def tellers(monkeypatch):
    """Where in the compiler errors come from whose remedy is code: places, each with one."""
    found = {}
    add_error = Problems.add_error

    def recorded(problems, error):
        if IS_CODE.search(error.remedy):
            frames = traceback.extract_stack()[:-1]
            own = [f for f in frames if "/compiler/" in f.filename and f.name not in TELLERS]
            place = next(f for f in reversed(own) if "/tests/" not in f.filename)
            found.setdefault((Path(place.filename).name, place.lineno), error.remedy)
        add_error(problems, error)

    monkeypatch.setattr(Problems, "add_error", recorded)
    return found


def test_every_remedy_that_is_code_is_tried(tmp_path, tellers):
    """Of all places that refuse anything in the tests of errors, each has an example above."""
    for build, written in (
        *((app, written) for written, _, _ in REMEDIES),
        *((whole, written) for written, _, _ in CLASSES),
        *((with_bases, written) for written, _, _ in INHERITED),
    ):
        with contextlib.suppress(CompileErrors):
            build(tmp_path, written)
    tried = set(tellers)
    assert len(tried) > 30
    for source in test_errors.refused():
        with contextlib.suppress(CompileErrors):
            compiled(tmp_path, source)
    assert {place: remedy for place, remedy in tellers.items() if place not in tried} == {}


CHOSEN = [
    "return call(Other.add if x else Other.get)",
    "return SyncInvoke('Other', 'add' if x else 'get')",
    "return SyncInvoke('Other' if x else 'S', 'add')",
    "f = spawn(Other.add if x > 1 else Other.get if x else Other.add); return await f",
    "return await gather(*[spawn(Other.add if each else Other.get) for each in (x, 0, 1)])",
    "return call(Other.add if stamp() > x else Other.get, *([3] if stamp() > x else []))",
]


@pytest.mark.parametrize("body", CHOSEN)
def test_a_method_can_be_chosen_by_a_condition(tmp_path, body):
    add = "    def add(self):\n        return 'own'\n"
    source = f"{START}\n{add}    async def m(self, x):\n        {body}\n"
    for x in (0, 1, 2):
        (answer,) = compare(compiled(tmp_path, source), [("S.m", x)])
        assert answer[0] == "returned", answer


SEEN = [
    "x = self.v; x.append(1); return x",
    "x = self.v; x.sort(); self.v = x",
    "for x in self.d.values(): x.append(1); print(x)",
    "x = self.v; return x.pop()",
    "x = list(self.v); x.append(1)",
    "x = self.d.pop('a'); x.append(1)",
    "x = []; self.d['b'] = x; x.append(1); self.d['b'] = x",
    "for i in [1, 2]:\n            x = [i]; self.xs.append(x); x.append(1)\n            print(x)",
    "x = self.v\n        x = [3]\n        x.append(2)",
    "x = self.v; x.append(2)\n        def f(): return x\n        return f()",
]


@pytest.mark.parametrize("body", SEEN)
def test_a_copy_that_is_read_may_be_changed(tmp_path, body):
    compare(app(tmp_path, body), [("S.m",)])


def test_all_initial_values_that_cannot_be_are_told(tmp_path):
    source = f"{START}\n    async def m(self): return 1\n".replace(
        "self.limit = 10",
        "self.c: Persistent[collections.Counter] = collections.Counter()\n"
        "        self.o: Persistent[object] = object()\n"
        "        self.e: Persistent[dict] = collections.defaultdict(list)",
    )
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, source)
    found = [each.text.strip().split(":")[0] for each in errors.value.errors]
    assert found == ["self.c", "self.o", "self.e"]
    assert all(each.line and each.remedy for each in errors.value.errors)
