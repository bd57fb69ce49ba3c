"""Queues of methods and of services: what compiles, what does not, and what they come to."""

import pytest

from compiler.errors import CompileErrors
from core.program import Queue
from tests.compiler.driver import compiled

SECOND = 10**9

PAYMENTS = """
    from compiler import Queue, outside, queue, result, start, Started

    class Charging:
        @queue(limit=3)
        def held(self, customer: str) -> str:
            return customer

    @service
    class Payments(Charging):
        def __init__(self):
            self.paid: Persistent[dict[str, int]] = {}
        @queue(limit=10, rate="5/s", per="customer")
        def charge(self, customer: str, cents: int = 1) -> int:
            self.paid[customer] = self.paid.get(customer, 0) + cents
            return self.paid[customer]
        @queue(rate="100/m")
        def again(self, times: int) -> int:
            return call(Payments.again, times - 1) if times else 0
        def held(self, customer: str) -> str:
            return super().held(customer) + "!"
        @Queue(limit=1)
        def look(self, customer: str) -> int:
            return self.paid.get(customer, 0)
        def free(self, customer: str) -> int:
            return call(Payments.charge, customer)
        @queue(limit=1)
        def forward(self, customer: str) -> int:
            return call(Payments.charge, customer)

    @service(queue=Queue(limit=2, per="who"))
    class Desk:
        def __init__(self):
            self.n: Persistent[int] = 0
        def ask(self, who: str) -> int:
            return self.other(who)
        def other(self, who: str) -> int:
            self.n += 1
            return self.n
        @queue(rate="2/s")
        def own(self) -> int:
            return self.n
        def _help(self) -> int:
            return self.n
"""


@pytest.fixture(scope="module")
def payments(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("queues"), PAYMENTS, "payments")


def test_what_methods_have(payments):
    methods = {
        f"{service}.{name}": method.queue
        for service, found in payments.program.services.items()
        for name, method in found.methods.items()
    }
    assert methods == {
        "Payments.charge": Queue("Payments.charge", 10, 5, SECOND, "customer"),
        "Payments.again": Queue("Payments.again", 0, 100, 60 * SECOND),
        "Payments.held": Queue("Payments.held", 3),
        "Payments.look": Queue("Payments.look", 1),
        "Payments.free": None,
        "Payments.forward": Queue("Payments.forward", 1),
        "Desk.ask": Queue("Desk", 2, per="who"),
        "Desk.other": Queue("Desk", 2, per="who"),
        "Desk.own": Queue("Desk.own", 0, 2, SECOND),
        "Desk._help": None,
    }
    assert payments.program.defers


def test_what_stands_in_line_writes_and_may_wait_and_ends_with_a_commit(payments):
    methods = payments.program.services["Payments"].methods
    assert not methods["look"].facts.read_only
    assert methods["look"].facts.waits
    assert methods["free"].facts.waits
    calls = {
        effect.line: effect.last
        for function in payments.declared.all_functions()
        for effect in function.effects
        if effect.kind == "call"
    }
    assert sorted(calls.values()) == [False, False, True]


def test_plainly_nobody_waits(payments):
    reference = payments.reference()
    assert [reference.run("Payments", "charge", ("a",)) for _ in range(3)] == [1, 2, 3]
    assert reference.run("Payments", "held", ("a",)) == "a!"
    assert reference.run("Payments", "again", (2,)) == 0


BODY = """
    from compiler import Queue, queue, result, start, Started
    {service}
    class S:
        def __init__(self):
            self.n: Persistent[int] = 0
        {method}
        @queue(limit=1)
        def held(self, key: str = "") -> int:
            {body}
        def start(self) -> Started[int]:
            return start(S.held)

    @service
    class T:
        {other}
        def m(self, started: Started[int]) -> int:
            return 1
"""


def refused(tmp_path, service="@service", method="pass", body="return 1", other="pass"):
    source = BODY.format(service=service, method=method, body=body, other=other)
    with pytest.raises(CompileErrors) as raised:
        compiled(tmp_path, source)
    return raised.value.errors


def decorated(decorator, head="def m(self, key: str): return 1"):
    return f"{decorator}\n        {head}"


@pytest.mark.parametrize(
    ("decorator", "what", "remedy"),
    [
        ("@queue()", "this queue holds nobody back", "limit=10"),
        ("@queue(limit=0)", "limit=0 is no number of requests", "1 to 1,000"),
        ("@queue(limit=-1)", "limit=-1 is no number of requests", "1 to 1,000"),
        ("@queue(limit=1.5)", "limit=1.5 is no number", "1 to 1,000"),
        ("@queue(limit=True)", "limit=True is no number", "1 to 1,000"),
        ("@queue(limit='3')", "limit='3' is no number", "1 to 1,000"),
        ("@queue(limit=1001)", "limit=1001 is no number", "1 to 1,000"),
        ("@queue(rate='5')", "rate='5' is no rate", 'rate="5/s"'),
        ("@queue(rate=5)", "rate=5 is no rate", 'rate="5/s"'),
        ("@queue(rate='5/fortnight')", "is no rate", 'rate="5/s"'),
        ("@queue(rate='0/s')", "a rate is 1 to 1,000", "shorter time"),
        ("@queue(rate='100000/d')", "a rate is 1 to 1,000", "shorter time"),
        ("@queue(limit=1, per=3)", "per=3 names no parameter", "per="),
        ("@queue(limit=1, per='a b')", "per='a b' names no parameter", "per="),
        ("@queue(limit=1, per='who')", "m has no parameter who", "per='key'"),
        ("@queue(limit=1, per='self')", "m has no parameter self", "per='key'"),
        ("@queue", "", ""),
        ("@queue(10)", "", ""),
        ("@queue(limit=1)\n        @queue(limit=2)", "a method has one queue", "one @queue"),
    ],
)
def test_what_cannot_be_meant(tmp_path, decorator, what, remedy):
    (error,) = refused(tmp_path, method=decorated(decorator))
    assert what in error.what
    assert remedy in error.remedy
    assert error.line is not None


@pytest.mark.parametrize(
    ("given", "what", "remedy"),
    [
        ({"service": "@service(queue=10)"}, "queue=10 is no queue", "queue=Queue(limit=10)"),
        (
            {"service": "@service(queue=Queue(limit=1, per='key'))"},
            "the queue of S is per key, but start has no parameter key",
            "or @queue(...) on it",
        ),
        (
            {"method": "@staticmethod\n        @queue(limit=1)\n        def m(): return 1"},
            "it is a static method, which is no request",
            "a queue on a method of its own",
        ),
        (
            {"method": "@property\n        @queue(limit=1)\n        def m(self): return 1"},
            "it is a property, which is no request",
            "a queue on a method of its own",
        ),
        (
            {"method": "def m(self): return self.held()"},
            "S.held has a queue, in which who calls it like a function does not stand",
            "call(S.held, ...)",
        ),
        (
            {
                "other": "def x(self):\n            with transaction():\n"
                "                call(S.held)"
            },
            "S.held has a queue, in which it may have to wait",
            "start(...)",
        ),
        (
            {"body": "return call(S.held, 'b')"},
            "S.held has a place in the queue of S.held and waits for S.held",
            "start(...)",
        ),
        (
            {
                "body": "return call(T.x)",
                "other": "def x(self): return call(T.y)\n"
                "        @queue(limit=5)\n        def y(self): return call(S.held)",
            },
            "S.held has a place in the queue of S.held and waits for T.x, which waits for T.y, "
            "which waits for S.held: when all places are taken",
            "start(...)",
        ),
        (
            {
                "method": "async def m(self): return await result(start(T.x))",
                "body": "return call(S.m)",
                "other": "def x(self): return call(S.held)",
            },
            "and waits for S.m, which waits for S.held",
            "start(...)",
        ),
        (
            {"service": "@service(queue=Queue(limit=1))", "method": "def m(self):\n"
             "            return call(S.start)"},
            "S.m has a place in the queue of S and waits for S.start",
            "start(...)",
        ),
    ],
)  # fmt: skip
def test_what_would_wait_for_ever_or_not_at_all(tmp_path, given, what, remedy):
    error = refused(tmp_path, **given)[0]
    assert what in error.what
    assert remedy in error.remedy


def test_who_comes_into_another_line_waits_for_all_who_are_in_it(tmp_path):
    """A holds and waits for B's line; there stands who waits for A's."""
    errors = refused(
        tmp_path,
        body="return call(U.one)",
        other="pass\n    @service(queue=Queue(limit=1))\n    class U:\n"
        "        def one(self): return 1\n"
        "        def two(self): return call(S.held)\n"
        "    @service\n    class V:",
    )
    assert "which waits for U.two, which waits for S.held" in errors[0].what
