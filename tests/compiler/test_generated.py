"""Random programs: compiled they do what they do plainly, and what was proved of them holds."""

import contextlib
import random
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.errors import CompileErrors
from tests.compiler.driver import Driver, compare, compiled
from tests.compiler.witness import check_facts, measured

FRAME = """
import random, time

def shared(x):
    return call(B.get, "k") + x

def plain(x):
    return x + 1

@service
class B:
    def __init__(self):
        self.m: Persistent[dict[str, int]] = {}
    def get(self, key):
        return self.m.get(key, 0)
    def put(self, key, value):
        self.m[key] = value
        if value % 5 == 4:
            raise TransactionException("five")
        if value % 7 == 6:
            raise KeyError(key)
        return value

@service
class A:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {"a": 1, "b": 2}
        self.xs: Persistent[list[int]] = [3, 1, 2]
        self.s: Persistent[set[str]] = {"a", "x"}
        self.n: Persistent[int] = 5
        self.limit = 3

    async def m(self, a, b):
        t = tries = 0
        again = True
        f = spawn(B.get, "a")
@BODY@
        return t, a, b, dict(self.d), list(self.xs), sorted(self.s), self.n

    def _reads(self, x):
        return self.n + x

    def _writes(self, x):
        self.n += x
        return self.n

    def _calls(self, x):
        return call(B.put, "h", x)

    def _pure(self, x):
        return x * 2
"""

KEYS = st.sampled_from(["'a'", "'b'", "'c'", "'k'"])


@st.composite
def expressions(draw, depth=2):
    """An expression of type int."""
    leaves = ["a", "b", "t", "self.n", "self.limit", "len(self.xs)", "len(self.d)", "len(self.s)"]
    leaves += [str(draw(st.integers(0, 9)))]
    if depth == 0:
        return draw(st.sampled_from(leaves))
    sub = expressions(depth - 1)
    form = draw(st.integers(0, 32))
    one, two, key = draw(sub), draw(sub), draw(KEYS)
    return [
        f"({one} + {two})",
        f"({one} - {two})",
        f"(({one}) * 2 % 11)",
        f"self.d[{key}]",
        f"self.d.get({key}, {one})",
        f"self.xs[{one} % 4]",
        f"sum(self.d[k] for k in self.d if self.d[k] > {one})",
        f"sum([x for x in self.xs if x < {one}])",
        f"max(self.d.values(), default={one})",
        f"({one} if self.d else {two})",
        f"({one} if {key} in self.s else {two})",
        f"({one} or {two})",
        f"({one} and {two})",
        f"int({one} < self.n < {two})",
        f"int(any(x > {one} for x in self.xs))",
        f"int(all(self.d.get(k, 0) < {one} for k in self.s))",
        f"call(B.get, {key})",
        f"call(B.put, {key}, {one})",
        f"self._reads({one})",
        f"self._writes({one})",
        f"self._pure({one})",
        f"wait(spawn(B.put, {key}, {one}))",
        f"shared({one})",
        f"self.d.pop({key}, {one})",
        f"plain({one})",
        f"len(self.xs + [{one}])",
        f"int(self.xs == [3, {one}, 2])",
        f"int((self.d, {one}) == ({{'a': 1, 'b': {two}}}, {one}))",
        f"sum([*self.xs, {one}])",
        f"len(str((self.s, {one})))",
        f"len((self.xs or [{one}]) * 2)",
        f"sum(x for x in await gather(spawn(B.get, {key}), spawn(B.put, {key}, {one})))",
        f"len('%s %s' % (self.d, {one}))",
    ][form]


@st.composite
def statements(draw, depth=2, in_loop=False):
    """A statement, as a list of lines."""
    value, key = draw(expressions()), draw(KEYS)
    other = draw(expressions(1))
    form = draw(st.integers(0, 31 if depth else 20))
    simple = [
        f"t = {value}",
        f"t += {value}",
        f"self.d[{key}] = {value}",
        f"self.d[{key}] += {value}",
        f"self.xs[{other} % 3] -= {value}",
        f"self.xs.append({value})",
        f"self.xs += [{value}, {other}]",
        f"self.s.add(str({value}))",
        f"self.s |= {{{key}}}",
        f"self.n = {value}",
        f"self.n -= {value}",
        f"self.n, self.d[{key}] = {value}, {other}",
        f"del self.d[{key}]",
        f"assert {value}",
        f"t = self._calls({value})",
        "t += int(time.time()) % 10 + random.randint(0, 3)",
        f"f = spawn(B.put, {key}, {value})",
        "t += await f",
        f"t += sum(await gather(f, spawn(B.get, {key})))",
        f"a, b = b, {value}",
        "break" if in_loop else f"a = {value}",
    ]
    if form < len(simple):
        return [simple[form]]
    body = _indented(draw(st.lists(statements(depth - 1, in_loop), min_size=1, max_size=3)))
    more = _indented(draw(st.lists(statements(depth - 1, in_loop), min_size=1, max_size=2)))
    loop = _indented(draw(st.lists(statements(depth - 1, True), min_size=1, max_size=3)))
    return [
        [f"if {value} > {other}:", *body],
        [f"if {value}:", *body, "else:", *more],
        ["for x in self.xs:", "    if len(self.xs) > 40: break  # it grows in loops", *loop],
        ["for k, v in self.d.items():", *loop, "else:", *more],
        ["try:", *body, "except KeyError:", *more],
        ["try:", *body, "except TransactionException:", *more],
        ["try:", *body, "except (IndexError, KeyError):", *more, "else:", "    t += 1"],
        ["try:", *body, "finally:", "    self.n += 1"],
        ["with transaction():", *body],
        ["with transaction():", *body, f"    if {other} > 4: abort('no')"],
        ["BeginTx()", *[line.removeprefix("    ") for line in body], "CommitTx()"],
        [
            *("again = True", "while again and tries < 9:", "    tries += 1", "    try:"),
            *("        BeginTx()", *("    " + line for line in body), "        again = False"),
            *("    except TransactionException:", "        again = True"),
            *("if not again:", "    CommitTx()"),
        ],
    ][form - len(simple)]


def _indented(blocks):
    return [f"    {line}" for block in blocks for line in block]


PROGRAMS = st.lists(statements(), min_size=1, max_size=5).map(
    lambda blocks: "\n".join(line for block in blocks for line in block)
)


@pytest.mark.search
@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=PROGRAMS, a=st.integers(0, 9), b=st.integers(0, 9))
def test_generated_programs(tmp_path, body, a, b):
    source = FRAME.replace("@BODY@", textwrap.indent(body, " " * 8))
    try:
        application = compiled(tmp_path, source, "generated")
    except CompileErrors as errors:
        whats = [error.what for error in errors.errors]
        assert all("is used here only after" in w or "expression cannot await" in w for w in whats)
        return
    compare(application, [("A.m", a, b), ("A.m", b, a)])
    driver = Driver(application.program, application.initial_state(), random.Random(1))
    for arguments in ((a, b), (b, a), (4, 6)):
        with contextlib.suppress(Exception):
            driver.run("A", "m", arguments)
    depths = measured(application)
    for activation in driver.activations.values():
        check_facts(application, activation, depths)
