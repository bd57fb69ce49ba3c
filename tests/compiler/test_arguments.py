# ruff: noqa: E501 - the programs in strings are as users write them
"""What our names are given and do not take is refused; nothing is silently ignored."""

import inspect

import pytest

from compiler.application import load
from compiler.errors import CompileErrors
from core.fields import FIELDS
from tests.compiler.driver import compare, compiled, write_app

START = """
@service
class Bell:
    def __init__(self): self.rung: Persistent[int] = 0
    def ring(self, times: int = 1) -> int:
        if times < 0: raise ValueError("unring")
        self.rung += times
        return self.rung

@service
class Desk:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {"a": 1}
        self.l: Persistent[list[int]] = [3, 1, 2, 1]
        self.s: Persistent[set[int]] = {1, 2}
"""
METHOD = "    async def m(self, *given, **named):\n        f = spawn(Bell.ring)\n        "

REFUSED = [
    ("await ^gather(f, return_exceptions=True)", "try around each wait"),
    ("await gather(^[f, f])", "gather(*[f, f])"),
    ("await gather(^(f, f))", "gather(*(f, f))"),
    ("await gather(^[spawn(Bell.ring) for _ in given])", "gather(*["),
    ("await gather(f, ^3)", "gather of what spawn(...) returns"),
    ("^wait(f, timeout=5)", "there are no timeouts"),
    ("^wait(f, f)", "wait(gather(first, second))"),
    ("^wait()", "wait(future)"),
    ("wait(^[f])", "wait(gather(*[f]))"),
    ("wait(^'f')", "wait of what spawn(...) returns"),
    ("await ^Wait(f, 1)", "Wait(gather(first, second))"),
    ("await WaitAll(^[f])", "WaitAll(*[f])"),
    ("await ^WaitAll(f, timeout=1)", "WaitAll(first, second)"),
    ("^abort('a', 'b')", "abort('why')"),
    ("^abort(why='a')", "abort('why')"),
    ("^AbortTx('a')", "AbortTx()"),
    ("^BeginTx(1)", "BeginTx()"),
    ("^CommitTx(x=1)", "CommitTx()"),
    ("^AbortTxNoExc(1)", "AbortTxNoExc()"),
    ("with ^transaction('x'): pass", "with transaction():"),
    ("^self.d.get()", "self.d.get(key, default)"),
    ("^self.d.get('a', 1, 2)", "self.d.get(key, default)"),
    ("^self.d.get(key='a')", "self.d.get(key, default)"),
    ("^self.d.keys(1)", "self.d.keys()"),
    ("^self.d.items(sorted=True)", "self.d.items()"),
    ("^self.d.popitem(last=True)", "self.d.popitem()"),
    ("^self.d.update({}, {})", "self.d.update(other, **kwargs)"),
    ("^self.d.clear(1)", "self.d.clear()"),
    ("^self.l.append(item=1)", "self.l.append(item)"),
    ("^self.l.sort(len)", "self.l.sort(key=..., reverse=...)"),
    ("^self.l.sort(cmp=len)", "self.l.sort(key=..., reverse=...)"),
    ("^self.l.index(1, start=2)", "self.l.index(item, start, stop)"),
    ("^self.l.insert(1)", "self.l.insert(index, item)"),
    ("^self.l.pop(1, 2)", "self.l.pop(index)"),
    ("^self.s.add(1, 2)", "self.s.add(element)"),
    ("^self.s.update([1], key=2)", "self.s.update(*others)"),
    ("^self.s.issubset()", "self.s.issubset(other)"),
]


@pytest.mark.parametrize(("marked", "remedy"), REFUSED)
def test_arguments_that_are_not_taken(tmp_path, marked, remedy):
    path = write_app(tmp_path, START + METHOD + marked.replace("^", "") + "\n")
    with pytest.raises(CompileErrors) as raised:
        load(path)
    (error,) = raised.value.errors
    assert error.column == len("        ") + marked.index("^") + 1
    assert remedy in error.remedy


TAKEN = """
    def m(self, *given, **named):
        found = [self.d.get("b", default=7), self.d.get("b"), self.d.pop("b", default=8)]
        found += [self.d.setdefault("c", default=9), self.d.pop("a"), self.l.index(1, 2), self.l.index(1, 0, 3)]
        self.d.update({"x": 1}, y=2)
        self.d.update(z=3)
        self.d.update()
        self.l.sort(key=lambda x: -x, reverse=True)
        self.s.update([5], {6})
        self.s.update()
        return found, dict(self.d), list(self.l), sorted(self.s)

    async def n(self):
        fs = [spawn(Bell.ring, n) for n in range(3)]
        return await gather(*fs), await WaitAll(*fs), wait(gather(*fs[:1]))

    def not_a_future(self, n):
        f = spawn(Bell.ring)
        wrong = [[f], None, 3, "f", {1: f}][n]
        return wait(wrong)

    def gathers_none(self, n):
        f = spawn(Bell.ring)
        wrong = [[f], None, 3][n]
        return wait(gather(f, wrong))

    def waits_for_all(self):
        f = spawn(Bell.ring)
        fs = [f]
        return WaitAll(fs)

    async def awaits_none(self, n):
        wrong = [[1], None, 3][n]
        return await wrong

    def reasons(self, why):
        try:
            abort(reason=why)
        except TransactionException as error:
            return error.message
"""


def test_what_is_taken_means_the_same_compiled_and_plain(tmp_path):
    application = compiled(tmp_path, START + TAKEN)
    calls = [("Desk.m",), ("Desk.n",), ("Desk.reasons", "full"), ("Desk.waits_for_all",)]
    calls += [("Desk.not_a_future", n) for n in range(5)] + [
        ("Desk.gathers_none", n) for n in range(3)
    ]
    calls += [("Desk.awaits_none", n) for n in range(3)]
    answers = compare(application, calls)
    found = [7, None, 8, 9, 1, 3, 1]
    stored = {"c": 9, "x": 1, "y": 2, "z": 3}, [1, 1, 2, 3], [1, 2, 5, 6]
    assert answers[0] == ("returned", (found, *stored))
    assert answers[1] == ("returned", ((0, 1, 3), [0, 1, 3], (0,)))
    assert answers[3][1:] == (
        "TypeError",
        "a future is needed, as spawn(...) returns, not a list: gather(*futures) takes several",
    )
    assert {answer[1] for answer in answers[4:]} == {"TypeError"}


def test_fields_take_what_the_reference_takes():
    """Parameters of the same names and kinds, and what Python's own container takes by position."""
    from compiler.api.containers import StoredDict, StoredList, StoredSet

    for kind, stored in (("dict", StoredDict), ("list", StoredList), ("set", StoredSet)):
        for name, method in vars(stored).items():
            if name.startswith("_") or not hasattr(FIELDS[kind], name) or name == "replace":
                continue
            ours = inspect.signature(getattr(FIELDS[kind], name)).parameters.values()
            theirs = inspect.signature(method).parameters.values()
            assert [(each.name, each.kind) for each in ours] == [
                (each.name, each.kind) for each in theirs
            ], name
