"""Outside functions: what can be declared, what compiles, and what the plain classes do."""

import pytest

from compiler.application import load
from compiler.errors import CompileErrors
from core.errors import MuError
from tests.compiler.driver import write_app

SOURCE = """
from compiler import outside, start
import pathlib, smtplib, ctypes, sys
from pathlib import Path
HERE = Path(".")

class Declined(Exception): ...

@outside(attempts=3, timeout="2s", backoff="10ms", give_up_on=Declined)
def charge(card: str, cents: int = 5) -> str:
    CALLS.append(outside.key())
    if card == "stolen":
        raise Declined(card)
    if card == "lame" and CALLS.count(outside.key()) < 3 or card == "dead":
        raise ConnectionError(card)
    return f"{card}:{cents}"

@outside
async def mail(to: str) -> int:
    return len(to)

CALLS = []

def pay(card: str) -> str:
    return charge(card)

@service
class Shop:
    def __init__(self):
        self.n: Persistent[int] = 0
    def buy(self, card: str) -> str:
        self.n += 1
        try:
            return charge(card, cents=7)
        except Declined as error:
            return f"declined {error}"
    async def both(self) -> int:
        receipt, length = await gather(spawn(charge, "ada"), spawn(mail, "ada"))
        return length + await mail(receipt)
    def helped(self) -> str:
        return pay("eve")
    def called(self) -> str:
        return call(Shop.helped)
    def _help(self):
        return charge("eve")
    async def m(self, x=None):
        {body}
    def plain(self, x=None):
        {plain}
"""


def application(tmp_path, body="pass", plain="pass", source=SOURCE):
    text = source.replace("{plain}", plain).replace("{body}", body.replace("\n", "\n        "))
    return load(write_app(tmp_path, text))


OUT = "before the transaction, or after it; or start(...)"
CASES = [
    ("with transaction():\n    charge('a')", "what is done outside is not undone", OUT),
    ("with transaction():\n    x = spawn(charge, 'a')", "is not undone", OUT),
    ("with transaction():\n    call(Shop.called)", "Shop.called asks the outside", OUT),
    ("with transaction():\n    pay('a')", "it asks the outside", OUT),
    ("with transaction():\n    self._help()", "it asks the outside", OUT),
    ("^mail('a')", "mail is async and is not awaited", "await mail('a')"),
    ("await ^charge('a')", "charge is not async", "charge('a') without await"),
    ("^charge()", "missing a required argument: 'card'", "charge(card: str"),
    ("^spawn(charge, 'a', 1, 2)", "too many positional", "charge(card: str"),
    ("^call(charge, 'a')", "is an outside function, not a method", "charge(...)"),
    ("^start(charge, 'a')", "is an outside function", "a method that calls charge"),
    ("x = ^charge", "charge is used as a value", "charge(...)"),
    ("^outside(attempts=3)", "declares a function", "at module level"),
]


@pytest.mark.parametrize(("body", "what", "remedy"), CASES)
def test_refused(tmp_path, body, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, body.replace("^", ""))
    (error,) = raised.value.errors
    assert what in error.what
    assert remedy in error.remedy
    if "^" in body:
        assert error.column == 9 + body.index("^")


def test_async_ones_are_awaited_in_async_methods(tmp_path):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, plain="mail('a')")
    (error,) = raised.value.errors
    assert error.remedy == "wait(spawn(mail, 'a'))"


FOREIGN = [
    *("open('x')", "smtplib.SMTP('x')", "Path('x').write_text('y')", "HERE.write_text('y')"),
    *("pathlib.Path.cwd()", "ctypes.CDLL('x')", "sys.exit()", "exit()"),
    *("__import__('os')", "breakpoint()", "import requests; requests.get('x')"),
    *("import subprocess; subprocess.run('x')", "import sqlite3; sqlite3.connect('x')"),
    *("import urllib.request; urllib.request.urlopen('x')", "import os; os.path.exists('x')"),
    *("import importlib; importlib.import_module('x')", "import os; os.remove('x')"),
]


@pytest.mark.parametrize("body", FOREIGN)
def test_what_a_method_may_not_do_an_outside_function_may(tmp_path, body):
    pytest.importorskip("requests") if "requests" in body else None
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, body)
    (error,) = raised.value.errors
    assert "@outside" in error.remedy
    inside = SOURCE.replace("    CALLS.append(", f"    {body}\n    CALLS.append(")
    application(tmp_path, source=inside)


@pytest.mark.parametrize(
    "body", ["pathlib.PurePath('a/b').name", "import os; os.path.join('a', 'b')"]
)
def test_names_of_files_are_no_files(tmp_path, body):
    application(tmp_path, body)


DECLARATIONS = [
    ("attempts=0", "attempts=0 is no number of tries", "attempts=5"),
    ("attempts='many'", "is no number of tries", "attempts=5"),
    ("timeout='soon'", "timeout='soon'", 'timeout="10s"'),
    ("timeout=0", "leaves no time", 'timeout="10s"'),
    ("timeout=-1", "in the past", 'timeout="10s"'),
    ("backoff='now and then'", "backoff=", 'backoff="10s"'),
    ("retry_on=5", "no class of exceptions", "retry_on=(OSError,)"),
    ("give_up_on=(KeyboardInterrupt,)", "no class of exceptions", "give_up_on=(OSError,)"),
]
MORE = "\n@outside({})\ndef more(x: int) -> int:\n    return x\n"


@pytest.mark.parametrize(("said", "what", "remedy"), DECLARATIONS)
def test_a_declaration_that_cannot_be_meant(tmp_path, said, what, remedy):
    refused(tmp_path, MORE.format(said), what, remedy)


def refused(tmp_path, more, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, source=SOURCE + more)
    (error,) = raised.value.errors
    assert what in error.what
    assert remedy in error.remedy
    assert error.line > SOURCE.count("\n")


NO_FUNCTIONS = [
    ("class C:\n    @outside\n    def m(self): ...\n", "C.m is a method", "at module level"),
    ("def f():\n    @outside\n    def g(): ...\nf()\n", "is made anew", "at module level"),
    ("@outside\ndef g():\n    yield 1\n", "is a generator", "return a list"),
    ("@outside\nclass C: ...\n", "is no function", "@outside"),
]


@pytest.mark.parametrize(("more", "what", "remedy"), NO_FUNCTIONS)
def test_what_is_no_function_at_module_level(tmp_path, more, what, remedy):
    refused(tmp_path, "\n" + more, what, remedy)


def test_facts(tmp_path):
    built = application(tmp_path).program
    facts = {name: method.facts for name, method in built.services["Shop"].methods.items()}
    (charge, mail) = sorted(built.outside)
    assert facts["buy"].asks == {charge}
    assert facts["both"].asks == {charge, mail}
    assert facts["helped"].asks == {charge}
    assert not facts["called"].asks
    assert facts["called"].goes_out
    for name in ("buy", "both", "helped", "called"):
        assert not facts[name].read_only
        assert not facts[name].single_region
    assert built.outside[charge].attempts == 3
    assert "outside functions" in built.beyond_baselines


@pytest.fixture
def plain(tmp_path):
    return application(tmp_path).reference()


def test_plainly_the_function_runs_as_often_as_it_is_declared(plain):
    assert plain.run("Shop", "buy", ("ada",)) == "ada:7"
    assert plain.run("Shop", "both") == 3 + len("ada:5")
    assert plain.run("Shop", "called") == "eve:5"
    assert plain.run("Shop", "buy", ("stolen",)) == "declined stolen"
    assert plain.run("Shop", "buy", ("lame",)) == "lame:7"
    with pytest.raises(ConnectionError, match="dead"):
        plain.run("Shop", "buy", ("dead",))


def test_plainly_a_stand_in_takes_its_place(tmp_path):
    loaded = application(tmp_path)
    plain, (charge, _) = loaded.reference(), sorted(loaded.program.outside)
    plain.stand_ins = {charge: lambda card, cents=0: f"{cents} of {card}"}
    assert plain.run("Shop", "buy", ("ada",)) == "7 of ada"


WORKLOADS = [
    ("OUTSIDE = 5", "OUTSIDE is no dict"),
    ("OUTSIDE = {len: len}", "which is no outside function"),
    ("OUTSIDE = {charge: 5}", "which is no function"),
    ("OUTSIDE = {charge: lambda x: x}", "does not take what it takes"),
]


@pytest.mark.parametrize(("said", "what"), WORKLOADS)
def test_a_stand_in_that_is_none(tmp_path, said, what):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, source=SOURCE + f"\nMIX = {{}}\n{said}\n")
    (error,) = raised.value.errors
    assert what in error.what
    assert "OUTSIDE = {charge: fake_charge}" in error.remedy


def test_each_run_has_a_world_in_which_nothing_has_happened(tmp_path):
    more = "\nSEEN = []\ndef fake(card, cents=5):\n    SEEN.append(card)\n    return len(SEEN)\n"
    workload = application(tmp_path, source=SOURCE + more + "OUTSIDE = {charge: fake}\n").workload
    for _ in range(2):
        (fake,) = workload.outside_anew().values()
        assert [fake("a"), fake("b")] == [1, 2]


def test_keys_are_for_functions_that_run(tmp_path):
    from compiler import outside

    with pytest.raises(MuError, match="while they run"):
        outside.key()
