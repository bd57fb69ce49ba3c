# ruff: noqa: E501 - the programs in strings are as users write them
"""What cannot be compiled is refused, with the place and what to write instead."""

import pytest

from compiler.application import load
from compiler.errors import ApplicationNotFound, CompileErrors
from tests.compiler.driver import compiled, write_app

START = """
import asyncio, collections, functools, os, random, time, uuid, secrets, threading, socket
import random as rnd
from datetime import datetime
CACHE = {}
SEEN = []
f = repr
from uuid import uuid4

@service
class Other:
    def __init__(self):
        self.d: Persistent[dict] = {}
    def get(self, key, default=None, *, flag=False):
        return self.d.get(key, default)
    def _secret(self):
        return 1
    @staticmethod
    def twice(x):
        return 2 * x

def stamp():
    return time.time()

class Holder:
    def __init__(self, function):
        self.function = function
    def go(self):
        return self.function()

BY_NAME = {"a": [stamp]}
LATER = functools.partial(stamp)
STARTS = lambda x: spawn(Other.get, x)
HOLDER = Holder(stamp)
BOUND = Holder(stamp).go
NOW = lambda: time.time()
CLOCKS = {"wall": time.time}
QUEUE = collections.deque([stamp])
ALIASES = {"a": repr, "b": Holder, "c": Other.get, "d": lambda o: o.stamp}
alias = stamp

def words():
    yield 1

def unused():
    time.sleep(1)
    return instance(Other), call(Other.get, 1)

@service
class S:
    def __init__(self):
        self.d: Persistent[dict[str, dict]] = {}
        self.xs: Persistent[list[int]] = []
        self.s: Persistent[set] = set()
        self.v: Persistent[list | None] = None
        self.limit = 10
        self.table = {"a": 1}
        self.named = {"stamp": stamp}
    LEVEL = 7
    def helper(self):
        return len(self.d)
    async def later(self):
        return len(self.d)
    def _pure(self, x):
        return x
"""

# What is written in a method, a part of the error, a part of the remedy; ^ marks the column.
CASES = [
    ("x = ^self.d", "second name", "dict(self.d)"),
    ("return ^self.xs or []", None, None),
    ("x = ^self.xs or []", "second name", "list(self.xs)"),
    ("f(^self.s)", "second name", "set(self.s)"),
    ('^self.d["a"]["n"] = 1', "changes a copy", "self.d['a'] = x"),
    ('^self.d["a"]["n"] += 1', "changes a copy", "self.d['a'] = x"),
    ('del ^self.d["a"]["n"]', "changes a copy", "= x"),
    ('^self.d["a"].update(n=1)', "changes a copy", "self.d['a'] = x"),
    ('^self.d.get("a").update(n=1)', "changes a copy", "= x"),
    ('^self.d["a"]["l"].append(1)', "changes a copy", "= x"),
    ("^self.v.append(1)", "changes a copy", "self.v = x"),
    ("x = self.v; ^x.append(1)", "nobody sees it", "self.v = ..."),
    ("x = self.d.get('a'); ^x['n'] = 1", "nobody sees it", "self.d[...] = x"),
    ("for k, x in self.d.items(): ^x.clear()", "nobody sees it", "self.d[...] = x"),
    ("x = {}; self.d['a'] = x; ^x['n'] = 1", "too late", "before it is stored"),
    ("x = []; self.xs.append(x); ^x.append(1)", "too late", "before it is stored"),
    ("^self.v[0] = 1", "changes a copy", "self.v = x"),
    ("random.shuffle(self.xs)", "changes a copy", "= x"),
    ("^self.limit = 4", "constant", "Persistent[...]"),
    ("return ^call(*[Other.get, 1])", "needs to know which method", "call(Hotel.reserve, *["),
    ("return ^time.strftime('%H')", "by itself", "time.strftime('%H', time.localtime())"),
    ("return ^time.asctime()", "by itself", "time.asctime(time.localtime())"),
    ("^self.scratch = 4", "no field scratch", "scratch = ..., a variable"),
    ("^self.limit += 4", "constant", "Persistent[...]"),
    ('^self.table["a"] = 4', "constant", "Persistent"),
    ("^self.table.clear()", "constant", "Persistent"),
    ("^self.lmit = 4", "no field lmit; did you mean limit?", "Persistent"),
    ("return ^self.nothing", "no field nothing", "Persistent"),
    ("^self.helpr()", "no method 'helpr'", "self.helper(...)"),
    ("x = ^self.helper", "as a value", "self.helper(...)"),
    ("return ^self", "used as a value", "self.field"),
    ("print(^self)", "used as a value", "self.method"),
    ("^CACHE[1] = 2", "shared memory", "self.cache"),
    ("^CACHE.update(a=1)", "shared memory", "self.cache"),
    ("^SEEN.append(1)", "shared memory", "self.seen"),
    ("^global CACHE; CACHE = 1", "lost between requests", "Persistent"),
    ("^time.sleep(1)", "sleeping", "due"),
    ("await ^asyncio.sleep(1)", "asyncio", "spawn"),
    ("return ^os.getpid()", "operating system", "Persistent"),
    ("^rnd.seed(3)", "cannot be seeded", "random.Random(seed)"),
    ("return ^time.strftime('%Y')", "reads the clock by itself", "time.localtime()"),
    ("f = ^random.choice", "as a value", "random.choice(...)"),
    ("return list(map(^uuid4, []))", "as a value", "uuid4(...)"),
    ("r = ^random; return r.random()", "module random", "random.function"),
    ("^threading.Thread(target=print)", "threads", "spawn"),
    ("^import time", "inside a method", "top of the module"),
    ("^socket.socket()", "network", "call"),
    ("^open('f')", "files", "Persistent"),
    ("^eval('1')", "eval", "expression"),
    ("return ^hash('a')", "differ between processes", "hashlib"),
    ("^try:\n    pass\nexcept:\n    pass", None, None),
    ("^yield 1", "it cannot yield", "return a list"),
    ("return sorted(['a'], key=^lambda k: self.d[k])", "lambda uses state", "loop"),
    ("^def f():\n    return self.d['a']", "inside the method", "helper method"),
    ("g = ^(self.d[k] for k in 'ab')", "generator expression reads state", "[self.d[k]"),
    ("for x in ^(self.d[k] for k in 'ab'): pass", "generator expression", "a list"),
    ("return enumerate(^(self.d[k] for k in 'ab'))", "generator expression", "a list"),
    ("return ^Other()", "used directly", "call(Other.method"),
    ("return ^Other.get(self, 1)", "runs elsewhere", "call(Other.get, ...)"),
    ("return ^Other().get(1)", None, None),
    ("return call(^Other.gte, 1)", "no method 'gte'", "Other.get"),
    ("return ^call(Other.get)", "is not given key", "get(key, default=None, *, flag=False)"),
    ("return ^call(Other.get, 1, 2, 3)", "at most 2", "get(key"),
    ("return ^call(Other.get, 1, nope=2)", "no parameter nope", "get(key"),
    ("return ^call(Other.get, 1, key=2)", "key twice", "get(key"),
    ("return ^call(Other._secret)", "private", "underscore"),
    ("return ^SyncInvoke('Othr', 'get', 1)", "no service 'Othr'", "'Other'"),
    ("return ^SyncInvoke('Other', 'gte', 1)", "no method 'gte'", "SyncInvoke('Other', 'get', ...)"),
    ("name = 'Other'; return SyncInvoke(^name, 'get', 1)", "which method", "SyncInvoke('Hotel'"),
    ("f = Other.get; return call(f, 1)", None, None),
    ("return call(^self.helper)", "same service", "self.helper(...)"),
    ("^self.helper(3)", "takes no arguments", "self.helper()"),
    ("^self.later()", "not awaited", "await self.later()"),
    ("await ^self._nothing()", "no method '_nothing'", "one of"),
    ("x = ^stamp", "as a value", "stamp(...)"),
    ("c = ^call; c(Other.get, 1)", "as a value", "call(...)"),
    ("^transaction()", "nothing by itself", "with transaction()"),
    ("async with ^asyncio.Lock(): pass", "transactions and timeouts alone", "with"),
    ("async for x in ^f(): pass", "asynchronous iteration", "for"),
    ("return [x async for x in ^f()]", "asynchronous iteration", "for"),
    ("del ^self.d", "cannot be deleted", "clear"),
    ("self.s[1]", "is a set", "in"),
    ("self.d.^append(1)", None, None),
    ("^self.d.append(1)", "no method append", "dict"),
    ("return sum(^await spawn(Other.get, k) for k in 'ab')", "cannot await", "a list"),
    ("self.xs is None", "identity", "=="),
    ("^super().m()", "no method m above S: it has no base", "a base class"),
    ("return ^instance(Other)", "another service's state", "call"),
    ("^setattr(self, 'x', 1)", None, None),
    ("x = self.d.^items", None, None),
    ("return call(^Other.twice, 3)", "static method", "def twice(self, x)"),
    ("return ^Other.twice(3)", "static method", "module level"),
    ("return call(^Other.nothing_like_it)", "no method", "one of Other.get"),
    (
        "^self.d.get('a', []).append(1)",
        "changes a copy",
        "= self.d.get('a', []); change x; self.d['a'] = x",
    ),
    ("^self.d.setdefault('a', []).append(1)", "changes a copy", "self.d['a'] = x"),
    ("^self.v[0].append(1)", "changes a copy", "x = self.v; change x; self.v = x"),
    ("return ^BY_NAME['stamp']()", "hides stamp", "stamp(...)"),
    ("for each in ^BY_NAME.values(): each()", "hides stamp", "stamp(...)"),
    ("return ^LATER()", "hides stamp", "stamp(...)"),
    ("return ^STARTS(1)", "hides spawn", "spawn(...)"),
    ("return ^HOLDER.function()", "hides stamp", "stamp(...)"),
    ("return ^self.named['stamp']()", "hides stamp", "stamp(...)"),
    ("return ^BOUND()", "hides stamp", "stamp(...)"),
    ("return ^NOW()", "hides time.time", "time.time(...)"),
    ("return ^CLOCKS['wall']()", "hides time.time", "time.time(...)"),
    ("return ^QUEUE[0]()", "hides stamp", "stamp(...)"),
]


def errors_of(tmp_path, source):
    with pytest.raises(CompileErrors) as raised:
        compiled(tmp_path, source)
    return raised.value.errors


def refused():
    """Everything here that is refused, as sources."""
    for body, what, _ in CASES:
        if what:
            lines = "\n".join(f"        {line}" for line in body.replace("^", "").split("\n"))
            yield f"{START}\n    async def m(self):\n{lines}\n"
    for source, _, _ in CLASSES:
        yield f"{BEFORE}@service\n{source}\n"


@pytest.mark.parametrize(("body", "what", "remedy"), [c for c in CASES if c[1]])
def test_refused_in_a_method(tmp_path, body, what, remedy):
    marked = body.split("\n")[0]
    column = marked.find("^")
    body = body.replace("^", "")
    lines = "\n".join(f"        {line}" for line in body.split("\n"))
    (error, *_) = errors_of(tmp_path, f"{START}\n    async def m(self):\n{lines}\n")
    assert what in error.what
    assert remedy in error.remedy
    assert error.text.strip() == body.split("\n")[0]
    if column >= 0:
        assert error.column == 9 + column, error


def test_other_names_of_functions_and_tables_of_plain_ones_hide_nothing(tmp_path):
    body = "        return alias(), ALIASES['a'](1), ALIASES['b'](2)\n"
    compiled(tmp_path, f"{START}\n    async def m(self):\n{body}")


CLASSES = [
    ("class S:\n    def __m(self): pass", "two underscores", "_m"),
    ("class S:\n    def __init__(self):\n        self.__d: Persistent[dict] = {}", "two", "_d"),
    ("class S: pass\nT = time.time()", "evaluated anew by every process", "Persistent"),
    ("class S: pass\nclass P:\n    def now(self): return time.time()", "is no service", "P"),
    (
        "class S: pass\nfrom dataclasses import dataclass, field\n@dataclass\nclass P:\n"
        "    at: float = field(default_factory=time.time)",
        "is not remembered",
        "gives to P",
    ),
    ("class S:\n    def m(self): return g()\ndef g(): time.sleep(1)", "sleeping", "due"),
    ("class S:\n    def m(self): return g()\nC = {}\ndef g(): C[1] = 2", "shared memory", "self.c"),
    (
        "class S:\n    def m(self): return g()\ndef g():\n    yield time.time()",
        "cannot yield",
        "return a list",
    ),
    (
        "class S:\n    def m(self): return next(N)\nimport itertools\nN = itertools.count()",
        "shared memory",
        "Persistent",
    ),
    (
        "class S:\n    def m(self): return R.random()\nimport random\nR = random.Random(3)",
        "shared memory",
        "Persistent",
    ),
    ("class S:\n    def m(self): self = 3", "name is taken", "another"),
    ("class S(dict):\n    pass", "inherits from builtins.dict", "module level"),
    ("class S(Base, metaclass=Meta):\n    pass", "takes no keywords", "class S:"),
    ("class S(Base):\n    def m(self): return Base()", "is a base of services", "for values"),
    ("class S(Base):\n    def m(self): return super().n", "used as a value", "super().n(...)"),
    ("class S(Asked):\n    pass", "S has no m, which its base Asked promises", "def m(self, ...)"),
    (
        "class S:\n    def m(self, f=stamp):\n        return f()",
        "default is evaluated once",
        "None",
    ),
    (
        "class S:\n    def m(self):\n        return g()\ndef g(f=lambda: stamp()):\n    return f()",
        "default is evaluated once",
        "None",
    ),
    (
        "class S:\n    def __init__(self):\n        self.n: Persistent[int] = 1\n"
        "    def m(self, x):\n        match x:\n            case [self.n, 2]: return 1",
        "a pattern cannot read state",
        "case x if x == self.n:",
    ),
    (
        "class S:\n    def m(self):\n        try:\n            return 1\n"
        "        except self._kinds():\n            return 2\n"
        "    def _kinds(self):\n        return call(Other.get, 1)",
        "what a handler catches",
        "by their names",
    ),
    ("class S:\n    def m():\n        pass", "no parameter self", "def m(self"),
    (
        "class S:\n    @property\n    def m(self): return 1\n"
        "    @m.setter\n    def m(self, x): pass",
        "a property that is set",
        "def set_m(self, ...)",
    ),
    (
        "class S:\n    @property\n    def p(self): return 1\n    def m(self): self.p = 1",
        "p is a property",
        "self.set_p(...)",
    ),
    (
        "class S:\n    def n(self): return 1\n    @classmethod\n    def m(cls): return cls.n()",
        "a class method has no n",
        "def m(self, ...)",
    ),
    (
        "class S:\n    @classmethod\n    def m(cls, x): return x\n"
        "    def n(self): return call(S.m, 3)",
        "S.m is a class method",
        "def m(self, x)",
    ),
    ("class S:\n    def __len__(self):\n        return 1", "special method", "name of its own"),
    ("class S:\n    def __init__(self, x):\n        self.x = 1", "without arguments", "constant"),
    (
        "class S:\n    def __init__(self):\n        self.t = time.time()",
        "initial state",
        "constant",
    ),
    ("class S:\n    def m(self, x=[]):\n        pass", "every request shares", "None"),
    ("class S:\n    def m(self, x=time.time()):\n        pass", "evaluated once", "None"),
    ("class S:\n    d: Persistent[dict] = {}", "__init__", "self.d"),
    ("class S:\n    def m(self): pass\n    def m(self): pass", "twice", "one"),
    ("class S:\n    class T: pass", "class inside", "module level"),
    ("class S:\n    async def __init__(self): pass", "async", "def __init__"),
    (
        "class S:\n    def __init__(self):\n        self.c = f()  # type: Persistent[dict\n",
        "no type",
        "Persistent",
    ),
]


BEFORE = """\
import time
from typing import Protocol
def f(): return {}
def stamp(): return time.time()
class Meta(type): pass
class Base:
    def n(self): return 1
class Asked(Protocol):
    def m(self) -> int: ...
"""


@pytest.mark.parametrize(("source", "what", "remedy"), CLASSES)
def test_refused_in_a_class(tmp_path, source, what, remedy):
    (error, *_) = errors_of(tmp_path, f"{BEFORE}@service\n{source}\n")
    assert what in error.what
    assert remedy in error.remedy


HANDLERS = [
    ("except:\n            pass", "bare except"),
    ("except BaseException:\n            pass", "end of an execution"),
    ("except (KeyError, KeyboardInterrupt):\n            pass", "end of an execution"),
    ("finally:\n            return 1", "swallows"),
]


@pytest.mark.parametrize(("handler", "what"), HANDLERS)
def test_refused_handlers(tmp_path, handler, what):
    source = f"""@service
class S:
    def m(self):
        try:
            pass
        {handler}
"""
    (error,) = errors_of(tmp_path, source)
    assert what in error.what


@pytest.mark.parametrize(
    "body",
    [
        "try:\n            pass\n        except:\n            raise",
        "print(self.d, len(self.xs)); import logging; logging.getLogger('x').warning('%s', self.d)",
        "return json.dumps(self.d), hashlib.sha256(b'a').hexdigest(), re.sub('a', 'b', 'c')",
        "for x in [1]:\n            try:\n                pass\n            finally:\n                for y in []: break",
        "xs = []; xs.append(1); xs[0] = 2; d = dict(self.d); d['a'] = 1; return d",
        "CACHE = {}; CACHE[1] = 2",
        "return S.LEVEL, list(words())",
        "return self.table['a'], self.limit, sorted(self.table), self.table",
    ],
)
def test_harmless_things_stay(tmp_path, body):
    compiled(tmp_path, f"import json, hashlib, re\n{START}\n    def m(self):\n        {body}\n")


def test_all_errors_at_once_with_places(tmp_path):
    path = write_app(
        tmp_path,
        """
        @service
        class S:
            def __init__(self):
                self.d: Persistent[dict] = {}
            def m(self):
                é = 1; x = self.d
                self.nope = 2
            def n(self):
                return call(S.o)
        """,
    )
    with pytest.raises(CompileErrors) as raised:
        load(path)
    shown = str(raised.value)
    assert [error.line for error in raised.value.errors] == [8, 9, 11]
    assert f"{path}:8:20: this would make a second name" in shown
    assert "    é = 1; x = self.d\n               ^^^^^^\n    instead: dict(self.d)" in shown
    assert shown.endswith("3 errors")


def test_errors_of_several_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(
            f"from compiler import *\n@service\nclass {name.upper()}:\n"
            "    def m(self):\n        self.x = 1\n"
        )
    with pytest.raises(CompileErrors) as raised:
        load(tmp_path)
    assert [error.path.name for error in raised.value.errors] == ["a.py", "b.py"]


def test_syntax_errors(tmp_path):
    path = write_app(tmp_path, "def f(:\n    pass\n")
    with pytest.raises(CompileErrors, match=r":2:7: this is no Python"):
        load(path)


def test_await_in_a_plain_method(tmp_path):
    source = "@service\nclass S:\n    def m(self):\n        await self.m()\n"
    with pytest.raises(CompileErrors, match=r":5:9: this is no Python: 'await' outside") as raised:
        load(write_app(tmp_path, source))
    assert raised.value.errors[0].remedy == "async def"


def test_a_missing_library(tmp_path):
    path = write_app(tmp_path, "import jwt_that_is_not_there\n")
    with pytest.raises(CompileErrors, match="there is no module jwt_that_is_not_there") as raised:
        load(path)
    assert "pip install jwt_that_is_not_there" in raised.value.errors[0].remedy
    assert raised.value.errors[0].line == 2


def test_a_failing_module(tmp_path):
    path = write_app(tmp_path, "x = 1\ny = {}['nope']\n")
    with pytest.raises(CompileErrors, match="importing the module fails here: KeyError") as raised:
        load(path)
    assert raised.value.errors[0].line == 3


def test_a_missing_application(tmp_path):
    with pytest.raises(ApplicationNotFound, match="no application"):
        load(tmp_path / "nope")
    with pytest.raises(ApplicationNotFound, match="no service in"):
        load(write_app(tmp_path, "x = 1"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ApplicationNotFound, match="no Python modules"):
        load(tmp_path / "empty")


@pytest.mark.parametrize(
    ("app", "near"),
    [
        ("apps/hotl", "apps/hotel"),
        ("apps/Hotel", "apps/hotel"),
        ("apps.hotle", "apps/hotel"),
        ("apps/shop", "apps/shop.py"),
        ("apps/shp.py", "apps/shop.py"),
        ("apps/shops.csv", "apps/shop.py"),
        ("hotel", "apps/hotel"),
        ("app/hotel", "apps/hotel"),
        ("apps/notes", ""),
        ("apps/unlike", ""),
        ("none/unlike", ""),
        ("a" * 300, ""),
        ("nul\0", ""),
        ("", ""),
    ],
)
def test_a_missing_application_has_a_nearest(tmp_path, monkeypatch, app, near):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "apps/hotel").mkdir(parents=True)
    (tmp_path / "apps/hotel/services.py").touch()
    (tmp_path / "apps/shop.py").touch()
    (tmp_path / "apps/notes.txt").touch()
    with pytest.raises(ApplicationNotFound) as raised:
        load(app)
    assert f"there is no application {app!r}" in raised.value.what
    assert raised.value.remedy.startswith(f"did you mean {near}? " if near else "give a package")


def test_two_services_of_one_name(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(
            "from compiler import *\n@service\nclass S:\n    pass\n"
        )
    with pytest.raises(CompileErrors, match="two services called S"):
        load(tmp_path)


def test_two_value_classes_of_one_name(tmp_path):
    source = "from dataclasses import dataclass\n@dataclass\nclass A: pass\nB = A\n"
    path = write_app(tmp_path, f"{source}@dataclass\nclass A: pass\n@service\nclass S: pass\n")
    with pytest.raises(CompileErrors, match="two classes are called"):
        load(path)
