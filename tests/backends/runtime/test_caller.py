"""Calls to other nodes: one id for every try, bounded tries, an honest word after the last."""

import asyncio
import random
import time

import pytest
from msgspec.structs import replace

from backends.runtime.caller import CALL_PATH, Caller
from backends.runtime.http import Broken, Unreachable
from backends.runtime.settings import Settings
from backends.runtime.wire import Answer, Wire
from core.ids import RequestId, root_id
from core.messages import Failed, Origin, Reply, Request, Returned
from tests import leaping

KEY = b"k" * 32
ROOT = RequestId(b"r" * 16)
QUICK = Settings(attempts=4, try_timeout=2.0, backoff=0.001, backoff_limit=0.004)


class Script:
    """An HTTP client whose answers are written down: the last one is given again and again.

    An answer is an exception, a status with a body, or a function of the call that was received.
    """

    def __init__(self, *answers, key=KEY, takes=0.0):
        self.answers, self.takes = list(answers), takes
        self.wire = Wire(key)
        self.calls, self.urls, self.timeouts, self.nonces, self.bodies = [], [], [], [], []

    async def request(self, method, url, body=b"", headers=None, timeout=10.0):
        call, nonce = Wire(KEY).open_call(body)
        self.calls.append(call.request)
        self.urls.append((method, url))
        self.timeouts.append(timeout)
        self.nonces.append(nonce)
        self.bodies.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.takes:
            await asyncio.sleep(min(self.takes, timeout))
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return 200, {}, answer(self, call.request, nonce)
        status, body = answer
        return status, {}, body


def says(outcome, **others):
    def answer(script, request, nonce):
        return script.wire.seal(Answer(Reply(request.id, outcome, **others)), nonce)[0]

    return answer


DONE = Returned(b"done")
OVERLOADED = says(Failed("Overloaded", True, "full"))
INTERRUPTED = says(Failed("Interrupted", False, "cut off"))


def a_request(id=ROOT, args=b"args", **fields):  # noqa: A002 - the field's name
    return Request(id, "Hotel", "reserve", args, Origin("Hotel", "reserve", args), **fields)


async def calling(script, request, settings=QUICK):
    caller = Caller(script, Wire(KEY), {"Hotel": "http://hotel"}, settings)
    return (await caller.call(request)).reply


def call(*args):
    return leaping.run(calling(*args))


# --- what travels


def test_an_answer_at_once():
    script = Script(says(DONE, intent_recorded=True))
    reply = call(script, a_request())
    assert (reply.outcome, reply.intent_recorded) == (DONE, True)
    assert script.urls == [("POST", "http://hotel" + CALL_PATH)]


@pytest.mark.parametrize("request_id", [ROOT, ROOT.child(7).child(2)])
def test_every_try_is_the_same_request_in_another_envelope(request_id):
    script = Script(Broken("cut"), Unreachable("away"), OVERLOADED, says(DONE))
    request = a_request(request_id, intent_recorded=True, last=False)
    assert call(script, request).outcome == DONE
    assert len(script.calls) == 4
    assert len(set(script.nonces)) == len(set(script.bodies)) == 4
    for sent in script.calls:
        assert (sent.id, sent.service, sent.method, sent.args) == (
            request_id,
            "Hotel",
            "reserve",
            b"args",
        )
        assert sent.origin == request.origin
        assert sent.intent_recorded
        assert not sent.last


@pytest.mark.parametrize("request_id", [ROOT, ROOT.child(7).child(2)])
def test_the_deadline_travels_unchanged(request_id):
    deadline = time.time_ns() + int(300e9)
    script = Script(Broken("cut"), OVERLOADED, says(DONE))
    call(script, a_request(request_id, deadline=deadline))
    assert [sent.deadline for sent in script.calls] == [deadline] * 3


def test_what_has_no_deadline_gets_that_of_all_its_tries():
    script = Script(Broken("cut"), says(DONE))
    begun = time.time_ns()
    call(script, a_request())
    first, second = (sent.deadline for sent in script.calls)
    assert first == second
    assert begun + 8e9 <= first <= time.time_ns() + 8e9


# --- tries beside one another


class Slow:
    """Before ``script``: each of the first ``silent`` tries is silent until it is let go."""

    def __init__(self, script, silent):
        self.script, self.silent = script, silent
        self.made = 0
        self.open = {}

    async def request(self, *arguments, **others):
        self.made = number = self.made + 1
        if number <= self.silent:
            self.open[number] = asyncio.Event()
            try:
                await self.open[number].wait()
            finally:
                del self.open[number]
        return await self.script.request(*arguments, **others)


def beside(slow, then=None, request_id=ROOT, seconds=60.0):
    """The outcome of a request while ``then()`` goes on beside it, and how long it took."""

    async def main():
        settings = Settings(attempts=100, try_timeout=2.0)
        caller = Caller(slow, Wire(KEY), {"Hotel": "http://hotel"}, settings)
        begun = time.monotonic()
        request = a_request(request_id, deadline=time.time_ns() + int(seconds * 1e9))
        asking = asyncio.ensure_future(caller.call(request))
        if then is not None:
            await then()
        answer = await asking
        took = time.monotonic() - begun
        while slow.open:  # what is not waited for is broken off
            await asyncio.sleep(0)
        return answer.reply.outcome, took

    return leaping.run(main())


@pytest.mark.parametrize(("request_id", "third"), [(ROOT, 2.0 + 2.0), (ROOT.child(1), 1.5 + 3.0)])
def test_beside_a_silent_try_another_is_sent(request_id, third):
    slow = Slow(Script(says(DONE)), 2)
    outcome, took = beside(slow, request_id=request_id)
    assert (outcome, slow.made) == (DONE, 3)
    assert took == pytest.approx(third)


def test_a_lost_message_does_not_take_all_the_time_there_is():
    assert beside(Slow(Script(says(DONE)), 1), seconds=1.0) == (DONE, pytest.approx(0.5))


def test_a_silent_try_is_not_given_up_when_another_is_sent():
    """What computes for longer than a try may be silent is answered by the first try."""
    first = Returned(b"first")
    slow = Slow(Script(says(first), says(DONE)), 1000)

    async def then():
        await asyncio.sleep(6.0)
        slow.open[1].set()

    assert beside(slow, then) == (first, pytest.approx(6.0))


def test_silence_to_the_end_ends_with_the_deadline():
    slow = Slow(Script(says(DONE)), 1000)
    outcome, took = beside(slow, seconds=9.0)
    assert (outcome.kind, outcome.definite) == ("Interrupted", False)
    assert took == pytest.approx(9.0)


def test_the_failure_of_an_older_try_says_nothing():
    """The newest is open still, and may be answered: none is sent in its place."""
    slow = Slow(Script(Broken("cut"), says(DONE)), 1000)

    async def then():
        await asyncio.sleep(3.0)
        slow.open[1].set()
        await asyncio.sleep(0.9)
        assert slow.made == 2
        slow.open[2].set()

    assert beside(slow, then) == (DONE, pytest.approx(3.9))


def test_when_the_newest_try_fails_another_is_sent_soon():
    slow = Slow(Script(Broken("cut"), says(DONE)), 3)

    async def then():
        await asyncio.sleep(3.0)
        slow.open[2].set()
        await asyncio.sleep(0.5)
        assert slow.made == 3
        slow.open[1].set()

    assert beside(slow, then) == (DONE, pytest.approx(3.5))


# --- places


@pytest.mark.parametrize("other", [ROOT.child(1).child(1).child(1), ROOT.child(2)])
def test_calls_of_one_depth_wait_for_one_another_and_hold_up_no_others(other):
    """A method may spawn thousands; but they may all be waiting for what is called further down."""

    async def main():
        slow = Slow(Script(says(DONE)), 3)
        caller = Caller(slow, Wire(KEY), {"Hotel": "http://hotel"}, QUICK, most=3)
        deadline = time.time_ns() + int(60e9)
        six = [a_request(ROOT.child(1).child(n), deadline=deadline) for n in range(6)]
        asking = [asyncio.ensure_future(caller.call(each)) for each in six]
        await asyncio.sleep(0.001)
        sent = slow.made
        answer = await caller.call(a_request(other, deadline=deadline))
        still_silent = len(slow.open)
        for each in slow.open.values():
            each.set()
        answers = [answer, *(await asyncio.gather(*asking))]
        return sent, still_silent, [each.reply.outcome for each in answers]

    assert leaping.run(main()) == (3, 3, [DONE] * 7)


# --- bounds


@pytest.mark.parametrize(
    "trouble", [Broken("cut"), Unreachable("away"), OVERLOADED, INTERRUPTED, (500, b""), (401, b"")]
)
def test_tries_are_bounded(trouble):
    script = Script(trouble)
    assert isinstance(call(script, a_request()).outcome, Failed)
    assert len(script.calls) == QUICK.attempts


@pytest.mark.parametrize("takes", [0.0, 0.06])
@pytest.mark.parametrize("trouble", [Broken("cut"), Unreachable("away"), OVERLOADED])
def test_nobody_is_kept_waiting_past_the_deadline(trouble, takes):
    """Neither by a try nor by the pause after it."""
    script = Script(trouble, takes=takes)
    slow = Settings(attempts=1000, try_timeout=5.0, backoff=0.05, backoff_limit=10.0)

    async def main():
        begun = time.monotonic()
        deadline = time.time_ns() + 400_000_000
        reply = await calling(script, a_request(deadline=deadline), slow)
        return reply.outcome, time.monotonic() - begun

    outcome, seconds = leaping.run(main())
    assert isinstance(outcome, Failed)
    assert seconds == pytest.approx(0.4)


def test_within_a_tree_tries_go_on_until_the_deadline():
    """Whoever waits above would wait in vain for what nobody asks for any more."""
    script = Script(*[Broken("cut")] * 20, says(DONE))
    assert call(script, a_request(ROOT.child(1))).outcome == DONE
    assert len(script.calls) > QUICK.attempts


def test_after_the_deadline_nothing_is_sent():
    """A survivor's time is over: whoever asked has asked somebody else by now."""
    script = Script(says(DONE))
    outcome = call(script, a_request(ROOT.child(1), deadline=1)).outcome
    assert (outcome.kind, outcome.definite) == ("Interrupted", False)
    assert script.calls == []


# --- what is known after the last try


@pytest.mark.parametrize("trouble", [Unreachable("away"), OVERLOADED])
def test_a_client_that_was_never_heard_knows_that_nothing_happened(trouble):
    outcome = call(Script(trouble), a_request()).outcome
    assert (outcome.kind, outcome.definite) == ("Overloaded", True)


@pytest.mark.parametrize("trouble", [Unreachable("away"), OVERLOADED])
def test_a_service_that_was_never_heard_knows_nothing(trouble):
    """Another attempt of the caller may have got through."""
    outcome = call(Script(trouble), a_request(ROOT.child(1))).outcome
    assert (outcome.kind, outcome.definite) == ("Interrupted", False)


@pytest.mark.parametrize("trouble", [Broken("cut"), INTERRUPTED, (500, b"oops"), (502, b"")])
@pytest.mark.parametrize("request_id", [ROOT, ROOT.child(1)])
def test_one_try_that_may_have_arrived_leaves_it_open(trouble, request_id):
    for script in (
        Script(trouble, Unreachable("away")),
        Script(Unreachable("away"), trouble, OVERLOADED),
    ):
        outcome = call(script, a_request(request_id)).outcome
        assert (outcome.kind, outcome.definite) == ("Interrupted", False)


@pytest.mark.parametrize("kind", ["BadRequest", "IdReused", "TooSlow", "Expired", "SetAside"])
def test_a_final_failure_is_passed_on_at_once(kind):
    script = Script(says(Failed(kind, kind not in ("Expired", "SetAside"), "told")))
    assert call(script, a_request()).outcome.kind == kind
    assert len(script.calls) == 1


def test_turned_away_and_then_heard():
    script = Script(OVERLOADED, OVERLOADED, says(DONE))
    assert call(script, a_request()).outcome == DONE
    assert len(script.calls) == 3


# --- who answers


def test_a_forged_answer_is_not_taken(caplog):
    forged = Wire(b"x" * 32)

    def forge(script, request, nonce):
        return forged.seal(Answer(Reply(request.id, DONE)), nonce)[0]

    script = Script(forge)
    assert call(script, a_request()).outcome.kind == "Interrupted"
    assert "not sealed with this application's key" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        lambda script, request, nonce: b"",
        lambda script, request, nonce: b"<html>a captive portal</html>" * 10,
        lambda script, request, nonce: script.bodies[-1],  # our own envelope, reflected
        lambda script, request, nonce: script.wire.seal(Answer(Reply(request.id, DONE)))[0],
        lambda script, request, nonce: says(DONE)(script, request, b"another call"),
        lambda script, request, nonce: says(DONE)(script, request, nonce)[:-1],
    ],
    ids=["nothing", "html", "reflected", "unasked", "another's", "truncated"],
)
def test_what_is_no_answer_to_this_very_try_is_not_taken(answer):
    assert call(Script(answer), a_request()).outcome.kind == "Interrupted"
    assert call(Script(answer, says(DONE)), a_request()).outcome == DONE


def test_an_answer_about_another_request_is_not_taken():
    def confused(script, request, nonce):
        return script.wire.seal(Answer(Reply(ROOT.child(99), DONE)), nonce)[0]

    assert call(Script(confused), a_request()).outcome.kind == "Interrupted"


def test_an_answer_to_an_earlier_try_is_not_taken():
    def late(script, request, nonce):
        return says(DONE)(script, request, script.nonces[0])

    script = Script(Broken("cut"), late)
    assert call(script, a_request()).outcome.kind == "Interrupted"


# --- what is never sent


def test_a_message_over_the_limit_is_not_sent():
    script = Script(says(DONE))
    small = Settings(message_limit=1_000, attempts=3)
    outcome = call(script, a_request(args=b"x" * 2_000), small).outcome
    assert (outcome.kind, outcome.definite) == ("TooLarge", True)
    assert "Hotel.reserve" in outcome.text
    assert script.calls == []
    assert call(script, a_request(args=b"x" * 300), small).outcome == DONE


def test_an_unknown_service_is_not_asked():
    script = Script(says(DONE))
    request = Request(ROOT, "Nowhere", "f", b"", Origin("Nowhere", "f", b""))
    outcome = call(script, request).outcome
    assert (outcome.kind, outcome.definite) == ("SetAside", False)  # of a long time ago
    young = replace(request, id=RequestId(root_id(time.time_ns() // 1_000_000, random.Random(1))))
    assert call(script, young).outcome.kind == "Unfamiliar"
    assert script.calls == []


# --- forwarding


def test_forwarding_is_one_try_of_the_very_same_request():
    async def forward(script, request):
        caller = Caller(script, Wire(KEY), {"Hotel": "http://hotel"}, QUICK)
        return await caller.forward(request)

    request = a_request(deadline=time.time_ns() + 10**9)
    script = Script(OVERLOADED)
    assert asyncio.run(forward(script, request)).reply.outcome.kind == "Overloaded"
    assert script.calls == [request]
    for trouble in (Broken("cut"), Unreachable("away")):
        with pytest.raises(type(trouble)):
            asyncio.run(forward(Script(trouble), request))


def test_a_call_that_is_cancelled_stops():
    async def main():
        script = Script(Broken("cut"), takes=5)
        caller = Caller(script, Wire(KEY), {"Hotel": "http://hotel"}, QUICK)
        task = asyncio.create_task(caller.call(a_request()))
        while not script.calls:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(script.calls) == 1

    asyncio.run(main())


@pytest.mark.parametrize("refusal", [(401, b"forged"), (421, b"not here"), (200, b"nonsense")])
def test_what_every_try_gets_is_logged_once(refusal, caplog):
    reply = call(Script(refusal), a_request())
    assert (reply.outcome.kind, reply.outcome.definite) == ("Interrupted", False)
    assert len(caplog.records) == 1
    assert "http://hotel" in caplog.text
