# ruff: noqa: E501 - the programs in strings are as users write them
"""Second names: for live fields, for futures instead of results, for what all requests share."""

import textwrap

import pytest

from compiler.errors import CompileErrors
from tests.compiler.driver import compare, compiled

START = """
import heapq, json, random
TABLE = {"a": 1}
ROWS = [1, 2]

def bump(c):
    c["x"] = 1

def size(c, k=1):
    return len(c)

@service
class A:
    def f(self, x=0):
        return x

@service
class S:
    TAGS = ["t"]
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {"a": 1, "b": 2}
        self.l: Persistent[list[int]] = [3, 1]
        self.m: Persistent[list[int]] = []
        self.s: Persistent[set[int]] = {1, 2}
        self.v: Persistent[tuple] = ([1], 2)
        self.table = {"a": 1}

    def _grow(self):
        self.l.append(9)
        return [3, 1]

    def _length(self):
        return len(self.l)

    def _shared(self):
        return len(ROWS)

    async def go(self, h=None):
"""

SECOND_NAMES = [
    "mine, more = self.l, 1",
    "for d in (self.d, self.d): d['x'] = 1",
    "for k, x in (('a', self.l), ('b', self.m)): x.append(2)",
    "(a, b), c = (self.d, self.l), 1",
    "*a, b = 1, self.l",
    "[x.append(3) for x in [self.l]]",
    "x, y = self.l or [], 2",
    "x, y = (self.l, self.s) if self.d else (self.l, self.s)",
    "match self.l:\n    case ys: ys.append(1)",
    "match self.l:\n    case list(ys): ys.append(1)",
    "match self.l:\n    case [] as ys: ys.append(1)",
    "d = dict(x=self.l); d['x'].append(2)",
    "size(*(self.l,))",
    "size(k=self.l)",
    "self.l, m = [9], self.l",
    "self.l, self.m = self.m, self.l",
    "self.d['a'] = self.l = self.m",
    "x = max(self.l, self.m)",
    "x = max([], default=self.l)",
    "x = self.d.get('z', self.l)",
    "x = self.d.pop('z', self.l)",
    "x = sum([], self.l)",
    "x = next(iter([]), self.l)",
    "x = [self.l] + []",
    "x = dict.fromkeys('ab', self.l)",
    "x = random.choice([self.l])",
    "x = {'a': self.l}",
    "assert False, self.l",
    "raise ValueError(self.l)",
    "try:\n    return self.l\nfinally:\n    self.l.append(1)",
    "t = self.table; t['b'] = 1",
    "t = S.TAGS",
    "c = TABLE",
    "bump(TABLE)",
    "bump(self.table)",
    "h = h or TABLE",
    "x = [TABLE]",
    "heapq.heappush(ROWS, 1)",
    "list.append(ROWS, 1)",
    "h.rows = ROWS",
]


def errors_of(folder, body):
    with pytest.raises(CompileErrors) as raised:
        compiled(folder, f"{START}{textwrap.indent(body, ' ' * 8)}\n")
    return raised.value.errors


@pytest.mark.parametrize("body", SECOND_NAMES)
def test_a_second_name_is_refused(tmp_path, body):
    for error in errors_of(tmp_path, body):
        assert "would make a second name" in error.what
        assert " for a copy" in error.remedy


OVERLAPS = [
    "return self.l == self._grow()",
    "return self.l + self._grow()",
    "return self.l, self._grow()",
    "return self.l, self.l.pop()",
    "print(self.l, self._grow())",
    "return list(zip(self.l, self._grow()))",
    "return call(A.f, (self.l, self._grow()))",
    "self.d[str(self._grow())] = self.l",
]


@pytest.mark.parametrize("body", OVERLAPS)
def test_a_field_that_changes_before_it_is_used_is_refused(tmp_path, body):
    (error,) = errors_of(tmp_path, body)
    assert "used here only after" in error.what


FUTURES = [
    ("x = ^Wait(h)", "await Wait(h)"),
    ("^Wait(h)", "await Wait(h)"),
    ("^WaitAll(h, h)", "await WaitAll(h, h)"),
    ("return ^spawn(A.f)", "await spawn(A.f)"),
    ("return (1, ^spawn(A.f))", "await spawn(A.f)"),
    ("return ^spawn(A.f) + 1", "await spawn(A.f)"),
    ("if ^spawn(A.f): pass", "await spawn(A.f)"),
    ("x, y = ^gather(spawn(A.f), spawn(A.f))", "await gather("),
    ("self.d['x'] = ^spawn(A.f)", "await spawn(A.f)"),
    ("f = spawn(A.f); self.d['x'] = ^f", "await f"),
    ("return call(A.f, ^spawn(A.f))", "await spawn(A.f)"),
    ("f = spawn(A.f); return f'{^f}'", "await f"),
    ("f = spawn(A.f); return ^f.result()", "await f"),
    ("for x in ^gather(spawn(A.f)): pass", "await gather("),
]


@pytest.mark.parametrize(("body", "remedy"), FUTURES)
def test_a_future_in_place_of_its_result_is_refused(tmp_path, body, remedy):
    column = body.index("^")
    (error,) = errors_of(tmp_path, body.replace("^", ""))
    assert error.remedy.startswith(remedy)
    assert error.column == 9 + column


def test_the_remedy_in_a_plain_method_is_wait(tmp_path):
    with pytest.raises(CompileErrors, match=r"instead: wait\(spawn\(A.f\)\)"):
        compiled(tmp_path, f"{START}        pass\n    def other(self): return spawn(A.f)\n")


ALLOWED = [
    "return self.l, self.d, {'a': self.l}",
    "return [*self.l, *self.m], {**self.d}",
    "return self.l + self.m, self.l == self.m, self.l or self.m, (self.l, 1) == ([3, 1], 1)",
    "a, b = self.l; c, *e = self.s; return a, b, c, e",
    "self.m = self.l; self.m = self.l + self.l; return self.m",
    "self.l.extend(self.l); self.l += self.l; self.l = self.l; return self.l",
    "return self.l, self._length(), self._shared()",
    "return call(A.f, self.l), call(A.f, x=self.l)",
    "match self.l:\n    case [x, *rest]: return x, rest",
    "match self.l:\n    case []: return 0\n    case list(): return 1",
    "return json.dumps({'a': self.l}), '%s %s' % (self.l, 1), str((self.l, 1)), f'{self.l} {(self.d, 1)}'",
    "return list(self.l), sorted(self.l), sum(self.l, 3), max(self.l), list(enumerate(self.l, 1))",
    "return max(self.d, key=self.table.get, default=1)",
    "return ','.join(map(str, self.l)), dict(self.d, z=1), set(self.l), tuple(self.l), list(zip(self.l, self.m))",
    "x = self.v; x[0].append(5); return x, self.v",
    "f = spawn(A.f, 4); return await f",
    "fs = [spawn(A.f, i) for i in ROWS]; return await gather(*fs)",
    "f = spawn(A.f, 1) if self.d else None; return None if f is None else await f",
    "return sum(x for x in await gather(spawn(A.f, 1), spawn(A.f, 2)))",
    "for r in ROWS: self.d[str(r)] = r",
    "return TABLE['a'], self.table.get('a'), random.choice(ROWS), sorted(ROWS), 'a' in TABLE, self.table, TABLE, S.TAGS",
    "return heapq.nlargest(1, ROWS), size(list(ROWS))",
    "v = self.d.items(); self.d['zz'] = 1; return len(v)",
    "x = []; x += self.l; x.extend(list(self.l)); return x",
    "self.m[:] = self.l; self.l[0] += 1; return self.m",
    "return await Wait(AsyncInvoke('A', 'f', 3)), await WaitAll(spawn(A.f, 1))",
]


@pytest.mark.parametrize("body", ALLOWED)
def test_what_makes_no_second_name_does_what_it_does_plainly(tmp_path, body):
    application = compiled(tmp_path, f"{START}{textwrap.indent(body, ' ' * 8)}\n")
    compare(application, [("S.go",), ("S.go",)])


@pytest.mark.parametrize("body", ["return fs", "self.v = fs", "return call(A.f, fs)"])
def test_a_future_that_is_not_seen_fails_alike(tmp_path, body):
    application = compiled(tmp_path, f"{START}        fs = [spawn(A.f)]\n        {body}\n")
    ((kind, name, text),) = compare(application, [("S.go",)])
    assert (kind, name) == ("raised", "UnsupportedValue")
    assert "wait for it first" in text


SHARED = [
    ("class S:\n    def __init__(self):\n        self.rng = random.Random(5)", "shared memory"),
    ("class S:\n    STREAM = random.Random(5)", "shared memory"),
    ("class S:\n    def m(self): return g()\ndef g(x=[]): return x", "every request shares"),
    ("class S:\n    def m(self, x=C): return x\n", "every request shares"),
    ("class S:\n    def m(self): g.calls = 1\ndef g(): pass", "shared memory"),
    ("class S:\n    def m(self): P.n += 1\nclass P: n = 0", "shared memory"),
    ("class S: pass\nclass P:\n    def m(self): P.n = 1", "shared memory"),
    ("class S: pass\nclass P:\n    def m(self): C[1] = 2", "shared memory"),
    ("class S: pass\nclass P:\n    def m(self): C.update(a=1)", "shared memory"),
    ("class S: pass\nclass P:\n    @classmethod\n    def m(cls): cls.n += 1", "shared by all"),
    ("class S: pass\nclass P:\n    xs = []\n    def m(self): self.xs.append(1)", "shared by all"),
    ("class S: pass\nclass P:\n    def m(self): self.__class__.n = 1", "shared by all"),
    ("class S:\n    def __init__(self): {}['nope']", "__init__ fails here: KeyError"),
]


@pytest.mark.parametrize(("source", "what"), SHARED)
def test_what_all_requests_share_is_refused(tmp_path, source, what):
    with pytest.raises(CompileErrors) as raised:
        compiled(tmp_path, f"import random\nC = {{}}\n@service\n{source}\n")
    (error,) = raised.value.errors
    assert what in error.what


def test_objects_of_plain_classes_may_change_themselves(tmp_path):
    application = compiled(
        tmp_path,
        """
        class P:
            RATES = {"a": 2}
            def __init__(self):
                self.xs = []
                self.n = 0
            def add(self, x):
                self.xs.append(x * self.RATES["a"])
                self.n += 1
                return self.xs, self.n
        @service
        class S:
            def m(self):
                return P().add(3)
        """,
    )
    assert compare(application, [("S.m",)] * 2) == [("returned", ([6], 1))] * 2
