"""start and sleep: what compiles, what does not, and what the plain classes do."""

import pytest

from compiler import Started
from compiler.application import load
from compiler.errors import CompileErrors
from tests.compiler.driver import Clock, write_app

SOURCE = """
from compiler import result, sleep, start, Started
from datetime import datetime, timedelta, UTC

@service
class Order:
    def __init__(self):
        self.shipped: Persistent[list[str]] = []
        self.started: Persistent[dict[str, Started[int]]] = {}
    def ship(self, order: str) -> int:
        self.shipped.append(order)
        return len(self.shipped)
    async def nap(self) -> float:
        before = time.time()
        await sleep("3d")
        return time.time() - before
    async def shipped_as(self, order: str) -> int:
        return await result(start(Order.ship, order, after="1d"))
    def doze(self) -> list[str]:
        start(Order.ship, "soon", after="1h")
        start(Order.ship, "late", after=timedelta(days=7))
        sleep("3d")
        return list(self.shipped)
    def rest(self) -> None:
        sleep(1)
    def delay(self, order: str, after: int = 0) -> None:
        self.shipped.append(order)

import time

@service
class Shop:
    def __init__(self):
        self.n: Persistent[int] = 0
    def buy(self, order: str) -> str:
        return start(Order.ship, order).id
    def undone(self) -> None:
        try:
            with transaction():
                start(Order.ship, "undone")
                abort()
        except TransactionException:
            start(Order.ship, "instead", at=datetime(2000, 1, 1, tzinfo=UTC))
    async def m(self, x=None):
        {body}
    def _help(self):
        sleep(1)
"""


def application(tmp_path, body="pass"):
    return load(write_app(tmp_path, SOURCE.replace("{body}", body.replace("\n", "\n        "))))


CASES = [
    ("await sleep(^-1)", "-1 is in the past", "0 or more"),
    ("await sleep(^'3 days')", "is no duration", '"3d"'),
    ("await sleep(^None)", "a duration is needed", "seconds"),
    ("await ^sleep(1, 2)", "too many positional", 'sleep("90s")'),
    ("^sleep(1)", "is not awaited", "await sleep(1)"),
    ("start(Order.ship, 'a', after=^'-1d')", "is no duration", '"3d"'),
    ("start(Order.ship, 'a', at=^'2031-01-01')", "is no datetime", "tzinfo=UTC"),
    ("^start(Order.ship, 'a', after=1, at=datetime.now(UTC))", "not both", "one of them"),
    ("start(Order.delay, 'a', after=^1)", "is a parameter of it", "by position"),
    ("^start(Shop._help)", "is private", "may be @internal"),
    ("^start(Order.ship)", "is not given order", "ship(order"),
    ("start(^x, 1)", "needs to know which method", "Hotel.reserve"),
    ("start(^Order.shop, 1)", "has no method 'shop'", "Order.ship"),
    (
        "with transaction():\n    await ^sleep(1)",
        "cannot stand in a transaction",
        "before the transaction",
    ),
    ("with transaction():\n    call(Order.rest)", "Order.rest sleeps", "before the transaction"),
    (
        "with transaction():\n    await gather(spawn(Order.nap))",
        "Order.nap sleeps",
        "before the transaction",
    ),
    ("with transaction():\n    self._help()", "it sleeps", "before the transaction"),
    ("^result(start(Order.ship, 'a'))", "is not awaited", "in an async method"),
    ("await ^result()", "missing", "of what start(...) returned"),
    (
        "with transaction():\n    await ^result(start(Order.ship, 'a'))",
        "cannot stand in a transaction",
        "before the transaction",
    ),
    ("time.sleep(1)", "holds a worker", "sleep(...)"),
]


@pytest.mark.parametrize(("body", "what", "remedy"), CASES)
def test_refused(tmp_path, body, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, body.replace("^", ""))
    (error,) = raised.value.errors
    assert what in error.what
    assert remedy in error.remedy
    first = body.split("\n")[-1 if "\n" in body else 0]
    assert error.text.strip() == first.replace("^", "").strip()
    if "^" in first:
        assert error.column == 9 + len(first) - len(first.lstrip()) + first.lstrip().index("^")


def test_facts(tmp_path):
    program = application(tmp_path).program
    shop, order = program.services["Shop"].methods, program.services["Order"].methods
    assert shop["buy"].facts.starts == {"Order.ship"}
    assert not shop["buy"].facts.read_only
    assert not shop["buy"].facts.waits
    assert shop["buy"].facts.single_region
    assert order["nap"].facts.waits
    assert not order["nap"].facts.single_region
    assert not order["rest"].facts.read_only
    assert program.defers


@pytest.fixture
def plain(tmp_path):
    return application(tmp_path).reference(clock=Clock())


def test_plainly_what_is_started_runs_afterwards(plain):
    assert plain.run("Shop", "buy", ("a",))
    assert [ended.result for ended in plain.pending.ended] == [1]
    plain.run("Shop", "undone")
    assert list(plain.instance("Order").shipped) == ["a", "instead"]


def test_plainly_the_answer_of_what_was_started_is_waited_for(plain):
    assert plain.run("Order", "shipped_as", ("a",)) == 1
    assert list(plain.instance("Order").shipped) == ["a"]


def test_what_was_not_started_has_no_answer(tmp_path):
    reference = application(tmp_path, "return await result(x)").reference(clock=Clock())
    with pytest.raises(TypeError, match="takes what start"):
        reference.run("Shop", "m", (1,))
    with pytest.raises(LookupError, match="was started"):
        reference.run("Shop", "m", (Started("00000000-0000-7000-8000-000000000009"),))


def test_plainly_sleeping_takes_no_time_but_it_passes(plain):
    assert plain.run("Order", "nap") > 3 * 86_400
    assert plain.run("Order", "doze") == ["soon"]
    plain.run_pending(10)
    assert list(plain.instance("Order").shipped) == ["soon", "late"]


def test_at_run_time_what_is_no_duration_is_an_exception(tmp_path):
    reference = application(tmp_path, "await sleep(x)").reference(clock=Clock())
    with pytest.raises(ValueError, match="is in the past"):
        reference.run("Shop", "m", (-1,))
    with pytest.raises(TypeError, match="a duration is needed"):
        reference.run("Shop", "m", (None,))
