"""What is wrong with a workload is said with its entry, and where it stands."""

import random

import pytest

from compiler.errors import CompileErrors, WorkloadError
from tests.compiler.driver import compiled

SHOP = """
@service
class Shop:
    def buy(self, what, count=1):
        return what
    def show(self):
        return 1
    def _secret(self):
        return 1
"""

TABLES = [
    ("MIX = {'Shop.bye': 1}", "no public method", '"Shop.buy"'),
    ("MIX = {'Shop._secret': 1}", "no public method", ""),
    ("MIX = {'Shop.buy': 'often'}", "weight", "a number"),
    ("MIX = ['Shop.buy']", "no dict", "Service.method"),
    ("MIX = {}\nARGUMENTS = {'shop.buy': lambda rng: ('x',)}", "no public", '"Shop.buy"'),
    ("MIX = {}\nARGUMENTS = {'Shop.buy': lambda: ('x',)}", "one parameter, rng", "lambda rng"),
    ("MIX = {}\nARGUMENTS = {'Shop.buy': ('x',)}", "one parameter, rng", "lambda rng"),
]


@pytest.mark.parametrize(("tables", "what", "remedy"), TABLES)
def test_tables_that_do_not_fit_the_services(tmp_path, tables, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        compiled(tmp_path, f"{SHOP}\n{tables}\n")
    (error,) = raised.value.errors
    assert what in error.what
    assert remedy in error.remedy
    assert error.line == len(f"\n{SHOP}\n{tables}".splitlines())


DRAWS = [
    ("('x')", 5, "no tuple", "mind the comma"),
    ("()", 5, "not given what", "what buy(what, count=1) takes"),
    ("(1, 2, 3)", 5, "at most 2", "what buy(what, count=1) takes"),
    ("(1, rng.choice([]))", 33, "raised IndexError", "a function that gives arguments"),
]


@pytest.mark.parametrize(("drawn", "column", "what", "remedy"), DRAWS)
def test_draws_that_fail_name_the_entry(tmp_path, drawn, column, what, remedy):
    arguments = f"MIX = {{}}\nARGUMENTS = {{\n    'Shop.buy': lambda rng: {drawn},\n}}"
    workload = compiled(tmp_path, f"{SHOP}\n{arguments}\n", "shop").workload
    with pytest.raises(WorkloadError) as raised:
        workload.draw("Shop.buy", random.Random(1))
    (error,) = raised.value.errors
    assert what in error.what
    assert remedy in error.remedy
    assert error.place.endswith(f"shop.py:14:{column}")
    place, source, caret, *_ = str(raised.value).splitlines()
    assert 'ARGUMENTS["Shop.buy"]' in place
    assert source == f"    'Shop.buy': lambda rng: {drawn},"
    assert caret.index("^") == column - 1


def test_draws_that_fit(tmp_path):
    arguments = "MIX = {}\nARGUMENTS = {'Shop.buy': lambda rng: (rng.randint(1, 9), 2)}"
    workload = compiled(tmp_path, f"{SHOP}\n{arguments}\n").workload
    expected = random.Random(1).randint(1, 9)
    assert workload.draw("Shop.buy", random.Random(1)) == (expected, 2)
    assert workload.arguments["Shop.buy"](random.Random(1)) == (expected, 2)
    assert workload.draw("Shop.show", random.Random(1)) == ()


def test_a_set_up_that_fails(tmp_path):
    setup = "def setup():\n    'é'; print({}['nope'])\n"
    with pytest.raises(WorkloadError) as raised:
        compiled(tmp_path, f"{SHOP}\n{setup}", "shop")
    assert str(raised.value).replace(f"{tmp_path}/", "") == (
        "shop.py:13:16: setup() raised KeyError: 'nope'\n"
        "    'é'; print({}['nope'])\n"
        "               ^^^^^^^^^^\n"
        "    instead: a setup() that runs without error\n"
        "\n"
        "1 error"
    )


def test_a_set_up_that_fails_nowhere_in_the_application(tmp_path):
    setup = "import operator\nsetup = operator.methodcaller('sell', ())\n"
    with pytest.raises(WorkloadError, match=r"shop.py: setup\(\) raised TypeError: ") as raised:
        compiled(tmp_path, f"{SHOP}\n{setup}", "shop")
    assert "instead: a setup() that runs" in str(raised.value)


def test_a_set_up_of_several_lines_is_marked_to_the_end_of_the_first(tmp_path):
    setup = "def setup():\n    int(\n        'x')\n"
    with pytest.raises(WorkloadError) as raised:
        compiled(tmp_path, f"{SHOP}\n{setup}", "shop")
    (error,) = raised.value.errors
    assert (error.line, error.column, error.end_column) == (13, 5, 9)
