"""Long requests over HTTP: promised, looked at, waited for, and nobody else's."""

import asyncio
import time
from pathlib import Path
from uuid import UUID

import pytest

from backends.runtime.public.auth import unauthenticated
from backends.runtime.public.requests import wanted_wait
from compiler.application import load
from core import alarms
from core.aside import set_aside
from core.callers import Caller
from core.errors import Conflict, StoreUnavailable, Unknown
from core.layout import CANCELLED, INTENTS, PROMISED
from core.messages import Failed
from core.promises import look
from core.recovery import drive
from tests import leaping
from tests.backends.runtime.public.parts import Asked, AwaitedStore, Gateway, content, failed

ROOT = Path(__file__).parents[4]
UUID7 = "01890a5d-ac96-774b-bcce-b302099a8057"
ASYNC = {"prefer": "respond-async"}


def run(awaitable):
    return leaping.run(awaitable)


@pytest.fixture(scope="module")
def reminders():
    return load(ROOT / "apps" / "reminders")


class Names:
    """Ada and Bob are known by their names."""

    format = "key"

    async def caller(self, secret):
        if secret in ("ada", "bob"):
            return Caller(secret)
        raise unauthenticated("nobody")


class Timely(Gateway):
    """A gateway whose services tell the time as it does; ``going``: they execute."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.going = asyncio.Event()
        self.going.set()
        self.asked = 0

    async def _ask(self, request):
        self.asked += 1
        await self.going.wait()
        self.host.clock_ns = max(self.host.clock_ns, time.time_ns())
        return await super()._ask(request)

    def there(self, section):
        return [k for k in self.store.store.snapshot() if section.begin <= k < section.end]

    def recover(self):
        """What recovery does for whoever has an intent."""
        self.host.clock_ns = max(self.host.clock_ns, time.time_ns())
        found = [key[1:17] for key in self.there(INTENTS)]
        with_origin = {}
        for root in found:
            with_origin[root] = self.host.drive(look(root)).origin
        self.host.drive(drive(with_origin))

    async def until_state(self, link, state):
        while content(answer := await self.send("GET", link))["state"] != state:
            await asyncio.sleep(0.01)
        return answer


def test_whoever_prefers_not_to_wait_is_promised_the_answer(bank):
    async def main():
        gateway = Timely(bank)
        gateway.going.clear()
        answer = await gateway.post(
            "/Bank.transfer", ["north-00", "south-00", 5], idempotency_key="order 7/8", **ASYNC
        )
        assert answer.status == 202
        assert answer.headers["Preference-Applied"] == "respond-async"
        link = answer.headers["Location"]
        assert link == "/requests/order%207%2F8" == content(answer)["request"]
        assert answer.headers["Idempotency-Key"] == "order 7/8"
        path = "/requests/order 7/8"
        told = await gateway.send("GET", path)
        assert (told.status, content(told)["state"]) == (202, "running")
        assert content(told)["method"] == "Bank.transfer"
        waiting = asyncio.ensure_future(gateway.send("GET", path, query={"wait": "10s"}))
        await asyncio.sleep(1)
        assert not waiting.done()
        gateway.going.set()
        done = await waiting
        assert (done.status, done.body) == (200, b"null")
        again = await gateway.send("GET", path)
        assert (again.status, again.body) == (200, b"null")
        assert not gateway.there(INTENTS)
        same = await gateway.post(
            "/Bank.transfer", ["north-00", "south-00", 5], idempotency_key="order 7/8"
        )
        assert (same.status, same.body) == (200, b"null")

    run(main())


def test_what_was_promised_is_done_though_the_gateway_that_promised_it_dies(bank):
    async def main():
        gateway = Timely(bank)
        gateway.going.clear()
        await gateway.post("/Bank.transfer", ["north-00", "south-00", 5], idempotency_key=UUID7,
                           **ASYNC)  # fmt: skip
        for task in gateway.public._promised:
            task.cancel()
        other = Timely(bank, store=gateway.store)
        assert content(await other.send("GET", f"/requests/{UUID7}"))["state"] == "running"
        other.recover()
        done = await other.send("GET", f"/requests/{UUID7}")
        assert (done.status, done.body) == (200, b"null")

    run(main())


def test_some_patience_may_be_enough(bank):
    async def main():
        gateway = Timely(bank)
        answer = await gateway.post("/Bank.transfer", ["north-00", "south-00", 5],
                                    prefer="respond-async, wait=5")  # fmt: skip
        assert (answer.status, answer.body) == (200, b"null")

    run(main())


def test_what_raises_is_told_as_if_it_had_been_waited_for(bank):
    async def main():
        gateway = Timely(bank)
        gateway.going.clear()
        answer = await gateway.post("/Bank.transfer", ["north-00", "south-00", 99_999_999],
                                    idempotency_key=UUID7, **ASYNC)  # fmt: skip
        assert answer.status == 202
        gateway.going.set()
        told = await gateway.send("GET", f"/requests/{UUID7}", query={"wait": "5"})
        assert (told.status, content(told)["exception"]) == (422, "InsufficientFunds")

    run(main())


def test_what_only_reads_is_answered_at_once(bank):
    answer = run(Timely(bank).post("/North.total", [], **ASYNC))
    assert answer.status == 200
    assert "Preference-Applied" not in answer.headers


def test_a_key_of_another_request_promises_nothing(bank):
    async def main():
        gateway = Timely(bank)
        gateway.going.clear()
        for cents in (5, 6):
            answer = await gateway.post("/Bank.transfer", ["north-00", "south-00", cents],
                                        idempotency_key=UUID7, **ASYNC)  # fmt: skip
        assert (answer.status, content(answer)["type"]) == (422, "/problems/id-reused")

    run(main())


@pytest.mark.parametrize("trouble", [Conflict(), Unknown()])
def test_a_promise_that_failed_or_is_not_known_is_made_again(bank, trouble):
    class Store(AwaitedStore):
        async def commit(self, version, reads, mutations, entry=None):
            if self.commits == 0:
                self.commits = 1
                if isinstance(trouble, Unknown):
                    self.store.commit(version, reads, mutations)
                raise trouble
            return await super().commit(version, reads, mutations, entry)

    async def main():
        store = Store()
        store.store.load(bank.initial_state(True).items())
        gateway = Timely(bank, store=store)
        gateway.going.clear()
        answer = await gateway.post("/Bank.transfer", ["north-00", "south-00", 5], **ASYNC)
        assert answer.status == 202
        assert len(gateway.there(PROMISED)) == 1

    run(main())


def test_nothing_is_promised_while_the_store_is_away(bank):
    class Store(AwaitedStore):
        async def commit(self, version, reads, mutations, entry=None):
            raise StoreUnavailable("away")

    async def main():
        store = Store()
        store.store.load(bank.initial_state(True).items())
        gateway = Timely(bank, store=store)
        answer = await gateway.post("/Bank.transfer", ["north-00", "south-00", 5],
                                    idempotency_key=UUID7, **ASYNC)  # fmt: skip
        assert (answer.status, content(answer)["outcome"]) == (504, "indefinite")
        assert "Location" not in answer.headers
        assert gateway.asked == 0

    run(main())


# --- whoever ran out of patience


def test_whoever_ran_out_of_patience_is_told_where_to_look(shelf):
    gateway = Gateway(shelf, Asked(failed("Interrupted", False)))
    put = {"name": "x", "colour": "red", "made": "2020-01-01T00:00:00Z"}
    answer = run(gateway.post("/Shelf.put", [put], idempotency_key=UUID7))
    assert answer.status == 504
    assert answer.headers["Location"] == f"/requests/{UUID7}" == content(answer)["request"]
    told = run(gateway.send("GET", f"/requests/{UUID7}"))
    assert (told.status, content(told)["state"]) == (202, "running")


def test_what_only_reads_or_was_turned_away_is_not_to_be_looked_at(shelf):
    for path, ask in (("/Shelf.get", "Interrupted"), ("/Shelf.put", "Overloaded")):
        gateway = Gateway(shelf, Asked(failed(ask, ask == "Overloaded")))
        put = {"name": "x", "colour": "red", "made": "2020-01-01T00:00:00Z"}
        answer = run(gateway.post(path, ["x" if path == "/Shelf.get" else put]))
        assert "Location" not in answer.headers
        assert "request" not in content(answer)


# --- sleepers


def test_who_waits_for_a_sleeper_holds_no_place(reminders):
    async def main():
        gateway = Timely(reminders, concurrency=1, queue=0)
        waits = asyncio.ensure_future(gateway.post("/Shop.wrap", ["item-1"]))
        while not gateway.asked:
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert not waits.done()
        assert (await gateway.post("/Customers.pay", ["customer-1"])).status == 200
        done = await waits
        assert (done.status, done.body) == (200, b"1")

    run(main())


def test_it_is_told_until_when_a_request_sleeps(reminders):
    async def main():
        gateway = Timely(reminders)
        began = time.time_ns()
        answer = await gateway.post("/Customers.remind_me", ["customer-1"], idempotency_key=UUID7,
                                    **ASYNC)  # fmt: skip
        assert answer.status == 202
        while gateway.public._promised:
            await asyncio.sleep(0.01)
        root = UUID(UUID7).bytes
        asleep = gateway.host.run(gateway.last).outcome
        assert asleep.until - began >= 86_400 * 10**9
        gateway.host.drive(alarms.rest({root: asleep}))
        told = await gateway.send("GET", f"/requests/{UUID7}", query={"wait": "2s"})
        seconds, milliseconds = divmod(asleep.until // 10**6, 1_000)
        shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z"
        assert (told.status, content(told)["state"]) == (202, "sleeping")
        assert content(told)["until"] == shown
        for _ in range(3):  # a day, and its two moments of tidying up
            await asyncio.sleep(2 * 86_400)
            gateway.host.clock_ns = time.time_ns()
            gateway.host.drive(drive(gateway.host.drive(alarms.wake(gateway.host.clock_ns))))
        done = await gateway.send("GET", f"/requests/{UUID7}")
        assert (done.status, done.body) == (200, b"0")

    run(main())


def test_what_is_set_aside_says_why(bank):
    async def main():
        gateway = Timely(bank)
        gateway.going.clear()
        await gateway.post("/Bank.transfer", ["north-00", "south-00", 5], idempotency_key=UUID7,
                           **ASYNC)  # fmt: skip
        root = UUID(UUID7).bytes
        origin = gateway.host.drive(look(root)).origin
        note = set_aside(root, origin, Failed("TooLarge", True, "bank.py:7: too large"), 1)
        store = gateway.store.store
        store.commit(store.read_version(), [], note)
        told = await gateway.send("GET", f"/requests/{UUID7}", query={"wait": "30s"})
        assert (told.status, content(told)["type"]) == (500, "/problems/set-aside")
        assert content(told)["detail"] == "bank.py:7: too large"

    run(main())


# --- nobody else's


def test_another_callers_request_is_told_as_one_that_never_was(shelf):
    async def main():
        gateway = Gateway(shelf, Asked(failed("Interrupted", False)), auth=Names())
        put = {"name": "x", "colour": "red", "made": "2020-01-01T00:00:00Z"}
        await gateway.post("/Shelf.put", [put], idempotency_key="a", authorization="Bearer ada")
        answers = [
            await gateway.send("GET", f"/requests/{key}", authorization=f"Bearer {who}")
            for key, who in (("a", "bob"), ("b", "bob"))
        ]
        assert [each.status for each in answers] == [404, 404]
        bodies = [each.body.replace(b"'b'", b"'a'").replace(b':"b"', b':"a"') for each in answers]
        assert bodies[0] == bodies[1]
        assert (await gateway.send("GET", "/requests/a")).status == 404
        own = await gateway.send("GET", "/requests/a", authorization="Bearer ada")
        assert own.status == 202
        wrong = await gateway.send("GET", "/requests/a", authorization="Bearer eve")
        assert wrong.status == 401

    run(main())


def test_a_key_that_nobody_used_is_not_recorded_by_looking(bank):
    gateway = Timely(bank)
    before = gateway.store.store.snapshot()
    answer = run(gateway.send("GET", "/requests/never"))
    assert (answer.status, content(answer)["type"]) == (404, "/problems/no-request")
    assert gateway.store.store.snapshot() == before


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", {"wait": "soon"}, 400),
        ("GET", {"wait": "-1s"}, 400),
        ("GET", {"until": "3"}, 400),
        ("PUT", {}, 405),
        ("DELETE", {"wait": "soon"}, 400),
    ],
)
def test_what_cannot_be_asked_is_refused(bank, method, query, status):
    assert run(Timely(bank).send(method, f"/requests/{UUID7}", query=query)).status == status


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("", None),
        ("return=minimal", None),
        ("respond-async", 0.0),
        ("Respond-Async; x=1, wait=7", 7.0),
        ('handling=lenient, respond-async, wait="3"', 3.0),
        ("wait=7", None),
        ("respond-async, wait=long", 0.0),
    ],
)
def test_preferences_are_read_as_they_are_meant(header, wait):
    assert wanted_wait(header) == wait


# --- cancelled


def test_who_asked_cancels_and_nobody_else(reminders):
    async def main():
        gateway = Timely(reminders, auth=Names())
        link = f"/requests/{UUID7}"

        def send(method, who="ada"):
            return gateway.send(method, link, authorization=f"Bearer {who}")

        assert (await send("DELETE")).status == 404
        await gateway.post("/Customers.remind_me", ["customer-1"], idempotency_key=UUID7,
                           authorization="Bearer ada", **ASYNC)  # fmt: skip
        while gateway.public._promised:
            await asyncio.sleep(0.01)
        assert gateway.host.run(gateway.last).outcome.kind == "Asleep"
        assert (await send("DELETE", "bob")).status == 404
        assert (await gateway.send("DELETE", link)).status == 404
        assert not gateway.there(CANCELLED)
        for _ in range(2):  # it is idempotent
            answer = await send("DELETE")
            assert (answer.status, content(answer)["method"]) == (202, "Customers.remind_me")
            assert answer.headers["Location"] == link
        for _ in range(3):
            gateway.host.clock_ns = time.time_ns()
            gateway.host.drive(drive(gateway.host.drive(alarms.wake(gateway.host.clock_ns))))
            await asyncio.sleep(2)
        told = await send("GET")
        assert (told.status, content(told)["type"]) == (409, "/problems/cancelled")
        late = await send("DELETE")
        assert (late.status, content(late)["type"]) == (409, "/problems/request-done")

    run(main())
