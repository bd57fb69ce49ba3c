"""cancel and Cancelled: what compiles, what does not, and what the plain classes do."""

import pytest

from compiler import Cancelled
from compiler.application import load
from compiler.errors import CompileErrors
from tests.compiler.driver import Clock, write_app

SOURCE = """
from compiler import cancel, Cancelled, result, sleep, start, Started

@service
class Order:
    def __init__(self):
        self.told: Persistent[list[str]] = []
        self.waiting: Persistent[dict[str, Started[str]]] = {}
    async def nap(self, order: str) -> str:
        try:
            await sleep("3d")
            self.told.append(order + " slept")
        finally:
            await sleep("1d")
            self.told.append(order + " over")
        return order
    async def insist(self, order: str) -> str:
        try:
            call(Order.nap, order)
        except Cancelled:
            self.told.append(order + " cancelled")
        await sleep("1h")
        return order + " went on"
    async def beware(self, order: str) -> None:
        try:
            await sleep("3d")
        except Exception:
            self.told.append("swallowed")
    def say(self, order: str) -> None:
        self.told.append(order)
    def end(self, order: str) -> None:
        cancel(self.waiting[order])
    def undone(self, order: str) -> None:
        try:
            with transaction():
                cancel(self.waiting[order])
                abort()
        except TransactionException:
            pass
    def begin(self, order: str) -> None:
        self.waiting[order] = start(Order.nap, order)

@service
class Shop:
    def __init__(self):
        self.n: Persistent[int] = 0
    async def m(self, x=None):
        {body}
"""


def application(tmp_path, body="pass"):
    return load(write_app(tmp_path, SOURCE.replace("{body}", body.replace("\n", "\n        "))))


CASES = [
    ("^cancel()", "missing", "of what start(...) returned"),
    ("^cancel(x, x)", "too many positional", "of what start(...) returned"),
    ("await ^cancel(x)", "cannot be awaited", "spawned call"),
    (
        "try: await sleep(1)\nexcept ^BaseException: pass",
        "end of an execution",
        "except Exception:",
    ),
]


@pytest.mark.parametrize(("body", "what", "remedy"), CASES)
def test_refused(tmp_path, body, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        application(tmp_path, body.replace("^", ""))
    (error,) = raised.value.errors
    assert what in error.what
    assert remedy in error.remedy


def test_facts(tmp_path):
    program = application(tmp_path).program
    order = program.services["Order"].methods
    assert not order["end"].facts.read_only
    assert not order["end"].facts.waits
    assert order["end"].facts.single_region


def told(plain):
    return list(plain.instance("Order").told)


def plainly(tmp_path, body="pass"):
    return application(tmp_path, body).reference(clock=Clock())


def test_plainly_what_has_not_begun_never_does(tmp_path):
    plain = plainly(
        tmp_path,
        "started = start(Order.nap, 'a', after='1d')\ncancel(started)\nawait result(started)",
    )
    with pytest.raises(Cancelled):
        plain.run("Shop", "m")
    assert told(plain) == []


def test_plainly_a_cancellation_that_is_undone_was_none(tmp_path):
    plain = plainly(
        tmp_path,
        "call(Order.begin, 'a')\nawait sleep('1h')\ncall(Order.undone, 'a')\nawait sleep('9d')",
    )
    plain.run("Shop", "m")
    assert told(plain) == ["a slept", "a over"]


def test_plainly_who_was_not_started_is_not_cancelled(tmp_path):
    with pytest.raises(TypeError, match="cancel takes what start"):
        plainly(tmp_path, "cancel(x)").run("Shop", "m", (1,))
