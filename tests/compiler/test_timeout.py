"""timeout: what compiles, what does not, and what the plain classes do."""

from random import Random

import pytest

from compiler import Cancelled
from compiler.application import load
from compiler.errors import CompileErrors
from core.ids import root_id
from core.memory import MemoryStore
from core.messages import Returned
from tests.compiler.driver import Clock, write_app
from tests.direct import DirectHost, root_request

SOURCE = """
from compiler import cancel, Cancelled, result, sleep, start, timeout, Started

@service
class Order:
    def __init__(self):
        self.told: Persistent[list[str]] = []
    async def nap(self, order: str) -> str:
        try:
            await sleep("3d")
        except Exception:
            self.told.append(order + " failed")
        finally:
            await sleep("1h")
            self.told.append(order + " over")
        return order
    def say(self, what: str) -> None:
        self.told.append(what)

@service
class Shop:
    def __init__(self):
        self.n: Persistent[int] = 0
    def plainly(self):
        {plain}
    async def m(self, x=None):
        {body}
"""


def application(tmp_path, body="pass", plain="pass"):
    source = SOURCE.replace("{body}", body.replace("\n", "\n        "))
    return load(write_app(tmp_path, source.replace("{plain}", plain.replace("\n", "\n        "))))


CASES = [
    ("timeout(1)", "does nothing by itself", "async with timeout(1):"),
    ("await timeout(1)", "does nothing by itself", "async with timeout(1):"),
    ("with timeout(1): pass", "entered with async with", "in an async method"),
    ("async with timeout(): pass", "missing", 'async with timeout("90s"):'),
    ("async with timeout(1, 2): pass", "too many positional", 'async with timeout("90s"):'),
    ("async with timeout(-1): pass", "-1 is in the past", "0 or more"),
    ("async with timeout('3 days'): pass", "is no duration", '"3d"'),
    ("async with timeout(None): pass", "a duration is needed", "seconds"),
    ("async with timeout(1) as t: pass", "can only set names", "with ...: alone"),
    (
        "with transaction():\n    async with timeout(1): pass",
        "timeout(1) cannot stand in a transaction",
        "before the transaction",
    ),
    ("async with x: pass", "for transactions and timeouts alone", "async with transaction():"),
]


@pytest.mark.parametrize(("body", "what", "remedy"), CASES)
def test_refused(tmp_path, body, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, body)
    errors = [each for each in raised.value.errors if what in each.what]
    assert len(errors) == 1
    assert remedy in errors[0].remedy


def test_in_a_method_that_is_not_async_it_is_refused(tmp_path):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, plain="with timeout(1): pass")
    (error,) = raised.value.errors
    assert "async with" in error.remedy


def test_a_transaction_in_a_timeout_compiles(tmp_path):
    program = application(
        tmp_path, "async with timeout(1), transaction():\n    call(Order.say, 'a')"
    ).program
    assert not program.services["Shop"].methods["m"].facts.waits


def told(tmp_path, body, *args):
    plain = application(tmp_path, body).reference(clock=Clock())
    return plain.run("Shop", "m", args), list(plain.instance("Order").told)


def test_plainly_a_wait_that_takes_longer_is_broken_off(tmp_path):
    body = (
        "try:\n    async with timeout('1d'): await sleep('3d')\nexcept TimeoutError: return 'late'"
    )
    assert told(tmp_path, body) == ("late", [])
    body = body.replace("'3d'", "'3h'") + "\nreturn 'in time'"
    assert told(tmp_path, body) == ("in time", [])


def test_compiled_it_does_the_same(tmp_path):
    body = (
        "try:\n    async with timeout('1d'): call(Order.nap, 'a')\n"
        "except TimeoutError: return 'late'"
    )
    program = application(tmp_path, body).program.keyed(b"secret")
    host = DirectHost(program, MemoryStore(), 1_700_000_000 * 10**9)
    request = root_request(program, root_id(1_700_000_000_000, Random(1)), "Shop", "m")
    for _ in range(5):
        outcome = host.run(request).outcome
        host.clock_ns += 86_400 * 10**9
    assert outcome == Returned(program.codec.encode("late"))


def test_plainly_it_says_how_long(tmp_path):
    with pytest.raises(TimeoutError, match="not done within"):
        told(tmp_path, "async with timeout(1.5): await sleep('3d')")


def test_plainly_it_holds_in_what_is_called_and_finally_may_wait(tmp_path):
    body = (
        "try:\n    async with timeout('1d'): call(Order.nap, 'a')\n"
        "except TimeoutError: return 'late'"
    )
    assert told(tmp_path, body) == ("late", ["a over"])


def test_plainly_of_two_the_earlier_is_over_first(tmp_path):
    body = (
        "try:\n"
        "    async with timeout({}):\n"
        "        try:\n"
        "            async with timeout({}): await sleep('9d')\n"
        "        except TimeoutError: return 'inner'\n"
        "except TimeoutError: return 'outer'"
    )
    assert told(tmp_path, body.format("'1d'", "'2d'")) == ("outer", [])
    assert told(tmp_path, body.format("'2d'", "'1d'")) == ("inner", [])
    assert told(tmp_path, body.format("'1d'", "'1d'")) == ("outer", [])


def test_plainly_it_is_over_where_its_block_ends(tmp_path):
    body = "async with timeout('1d'): await sleep('3h')\nawait sleep('9d')\nreturn 'done'"
    assert told(tmp_path, body) == ("done", [])


def test_plainly_result_is_a_wait(tmp_path):
    body = (
        "started = start(Order.say, 'late', after='3d')\n"
        "try:\n    async with timeout('1d'): await result(started)\n"
        "except TimeoutError: return 'late'"
    )
    assert told(tmp_path, body) == ("late", [])


def test_at_run_time_what_is_no_duration_is_an_exception(tmp_path):
    plain = application(tmp_path, "async with timeout(x): pass").reference(clock=Clock())
    with pytest.raises(ValueError, match="is in the past"):
        plain.run("Shop", "m", (-1,))


def test_an_exception_of_the_block_leaves_it_as_it_is(tmp_path):
    with pytest.raises(KeyError):
        told(tmp_path, "async with timeout('1d'): return {}['a']")
    with pytest.raises(Cancelled):
        told(tmp_path, "async with timeout('1d'): raise Cancelled('mine')")
