"""Named events: what compiles, what does not, and what the plain classes do."""

import pytest

from compiler.application import load
from compiler.errors import CompileErrors
from core.errors import MuError, UnsupportedValue
from tests.compiler.driver import Clock, write_app

SOURCE = """
from compiler import Event, event, signal, sleep, start
from dataclasses import dataclass

@dataclass(frozen=True)
class Payment:
    cents: int

PAID = Event[Payment]("paid")
SHIPPED = "shipped"

@service
class Order:
    def __init__(self):
        self.paid: Persistent[dict[str, int]] = {}
    async def finish(self, order: str) -> int:
        try:
            payment = await event(PAID, order, timeout="7d")
        except TimeoutError as error:
            return str(error)
        self.paid[order] = payment.cents
        return payment.cents
    async def shipped(self, order):
        return await event(SHIPPED, order)
    async def pay_and_finish(self, order: str) -> int:
        start(Bank.pay, order, 5, after="3d")
        return await event("paid", (order, "x"))
    def rest(self) -> None:
        sleep(1)

@service
class Bank:
    def __init__(self):
        self.n: Persistent[int] = 0
    def pay(self, order: str, cents: int) -> None:
        signal(PAID, order, Payment(cents))
        signal("paid", (order, "x"), Payment(cents))
        signal(SHIPPED, order)
    def undone(self, order: str) -> None:
        try:
            with transaction():
                call(Bank.pay, order, 7)
                abort()
        except TransactionException:
            pass
    async def m(self, x=None):
        {body}
    async def _help(self, x):
        await event("paid", x)
"""


def application(tmp_path, body="pass"):
    return load(write_app(tmp_path, SOURCE.replace("{body}", body.replace("\n", "\n        "))))


CASES = [
    ("await event(^x, 1)", "which event is meant", 'event("paid", ...)'),
    ("signal(^f'paid{x}', 1)", "which event is meant", "is the key"),
    ("signal(^5, 1)", "which event is meant", 'signal("paid", ...)'),
    ("signal(^'', 1)", "is no name of an event", '"order.paid"'),
    ("signal(^'a b', 1)", "is no name of an event", '"order.paid"'),
    ("await event(^'a/b', 1)", "is no name of an event", '"order.paid"'),
    ("await ^event('paid')", "missing", 'event("paid", key, timeout="7d")'),
    ("await ^event('paid', 1, 2)", "too many", 'event("paid", key, timeout="7d")'),
    ("^await signal('paid', 1)", "cannot be awaited", "await spawn"),
    ("^signal('paid')", "missing", 'signal("paid", key, value)'),
    ("^signal('paid', key=1)", "positional", 'signal("paid", key, value)'),
    ("^event('paid', 1)", "is not awaited", "await event('paid', 1)"),
    ("await event('paid', 1, timeout=^-1)", "-1 is in the past", "0 or more"),
    ("await event('paid', 1, timeout=^'soon')", "is no duration", '"3d"'),
    (
        "with transaction():\n    await ^event('paid', 1)",
        "cannot stand in a transaction",
        "before the transaction",
    ),
    (
        "with transaction():\n    call(Order.shipped, 1)",
        "Order.shipped sleeps or waits",
        "before the transaction",
    ),
    (
        "with transaction():\n    await self._help(1)",
        "it sleeps or waits",
        "before the transaction",
    ),
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


def test_a_declaration_that_is_no_name_has_its_place(tmp_path):
    source = SOURCE.replace('"paid")\nSHIPPED', '"not paid")\nSHIPPED').replace("{body}", "pass")
    with pytest.raises(CompileErrors) as raised:
        load(write_app(tmp_path, source))
    (error,) = raised.value.errors
    assert "'not paid' is no name of an event" in error.what
    assert "PAID = Event" in error.text


def test_facts(tmp_path):
    program = application(tmp_path).program
    order, bank = program.services["Order"].methods, program.services["Bank"].methods
    assert order["finish"].facts.waits
    assert not order["shipped"].facts.read_only
    assert not order["shipped"].facts.single_region
    assert bank["pay"].facts.signals == {"paid", "shipped"}
    assert not bank["pay"].facts.read_only
    assert bank["pay"].facts.single_region
    assert not bank["pay"].facts.waits
    assert program.defers
    assert "waits for events" in program.beyond_baselines


@pytest.fixture
def plain(tmp_path):
    return application(tmp_path).reference(clock=Clock())


def test_plainly_a_signal_is_kept_once(plain):
    plain.run("Bank", "pay", ("a", 5))
    plain.run("Bank", "pay", ("a", 6))
    assert plain.run("Order", "finish", ("a",)) == 5
    assert plain.run("Order", "finish", ("a",)) == 5
    assert plain.run("Order", "shipped", ("a",)) is None


def test_plainly_a_signal_that_is_undone_was_none(plain):
    plain.run("Bank", "undone", ("a",))
    assert plain.run("Order", "finish", ("a",)) == "the event paid of 'a' did not come in time"


def test_plainly_who_waits_lets_what_was_started_run(plain):
    before = plain.now()
    assert plain.run("Order", "pay_and_finish", ("a",)).cents == 5
    assert plain.now() - before > 3 * 86_400 * 10**9


def test_plainly_time_passes_until_the_timeout(plain):
    before = plain.now()
    plain.run("Order", "finish", ("a",))
    assert plain.now() - before > 7 * 86_400 * 10**9


def test_plainly_what_nobody_signals_cannot_be_waited_for(plain):
    with pytest.raises(MuError, match="event shipped of 'a', which nobody signals"):
        plain.run("Order", "shipped", ("a",))


@pytest.mark.parametrize(
    ("body", "argument", "error"),
    [
        ("signal('paid', x)", [1], TypeError),
        ("signal('paid', x)", float("nan"), UnsupportedValue),
        ("await event('paid', x, timeout=1)", {}, TypeError),
        ("await event('paid', 1, timeout=x)", -1, ValueError),
        ("await event('paid', 1, timeout=x)", "soon", ValueError),
        ("signal('paid', 1, lambda: x)", 1, UnsupportedValue),
    ],
)
def test_at_run_time_what_is_wrong_is_an_exception(tmp_path, body, argument, error):
    with pytest.raises(error):
        application(tmp_path, body).reference(clock=Clock()).run("Bank", "m", (argument,))
