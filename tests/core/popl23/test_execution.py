"""What an execution does beside running the method: log, locks, retries, messages, nesting."""

import pytest
from msgspec.structs import replace

from compiler import application
from core.layout import LOCKS, PARTS, lock_key
from core.messages import Failed, Raised, Returned
from core.popl23.switches import NAMES
from core.ports import Pause, Send
from core.store import Clear, Set
from tests.core.popl23.hosts import BASELINES, Host

NESTING = """
from compiler import Persistent, TransactionException, abort, service, transaction


@service
class Ledger:
    def __init__(self) -> None:
        self.lines: Persistent[list[int]] = []
        self.books: Persistent[dict[str, int]] = {}

    async def fill(self, numbers: list[int]) -> int:
        async with transaction():
            self.lines.extend(number for number in numbers)
            async with transaction():
                self.books["all"] = len(numbers)
        return len(self.lines)

    async def spill(self) -> int:
        async with transaction():
            self.books["outer"] = 1
            try:
                async with transaction():
                    abort("inside")
            except TransactionException:
                self.books["after"] = 1
        return 0

    async def undo(self) -> int:
        try:
            async with transaction():
                self.books["never"] = 1
                abort("outside")
        except TransactionException:
            self.books["instead"] = 1
        return len(self.books)
"""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("ledger") / "ledger.py"
    path.write_text(NESTING)
    return application.load(path)


@pytest.fixture(scope="module")
def tree():
    return application.load("apps/tree")


def held(host):
    """Locks and parts in the store."""
    return [key for key in host.store.snapshot() if key[:1] in (LOCKS.begin, PARTS.begin)]


LOCKING = [name for name in BASELINES if "unsafe" not in name]
LOGGING = [name for name in BASELINES if NAMES[name].log]


@pytest.mark.parametrize("name", LOCKING)
def test_a_transaction_inside_another_joins_it(ledger, name):
    host = Host(ledger, name)
    assert host.value("Ledger.fill", [1, 2, 3]) == 3
    outcome = host.call("Ledger.spill")
    assert isinstance(outcome, Raised)
    assert outcome.type == "TransactionException"
    assert "all of it" in outcome.text
    assert not held(host)
    assert host.value("Ledger.undo") == 2  # what was filled in, and what stands there instead


@pytest.mark.parametrize("name", LOGGING)
def test_a_request_executed_again_finds_its_steps(tree, name):
    host = Host(tree, name)
    request = host.request("Root.increment", "a")
    first = host.run(request)
    data, commits = host.data(), len(host.commits)
    assert host.run(request) == first
    assert host.data() == data
    assert len(host.commits) == commits


@pytest.mark.parametrize("name", [name for name in BASELINES if name not in LOGGING])
def test_without_a_log_it_does_all_again(tree, name):
    host = Host(tree, name)
    request = host.request("Root.increment", "a")
    first, second = host.run(request).outcome, host.run(request).outcome
    assert isinstance(first, Returned)
    assert first != second


def test_a_taken_lock_aborts_at_once_and_all_is_tried_again(tree):
    host = Host(tree, "popl23")
    host.value("Root.increment", "a")
    (name,) = [
        key[1:]
        for key, value in host.store.snapshot().items()
        if key.startswith(b"oRight\x00") and len(value) > 1
    ]
    take(host, Set(lock_key(name), b"\x01" * 16 + b"\x00\x01\x01"))
    pauses = []
    perform = host.perform

    def release(effect):
        if isinstance(effect, Pause):
            assert effect.retry == 0
            assert [key for key in held(host) if not key.startswith(b"lRight")] == []
            pauses.append(effect)
            if len(pauses) == 2:
                take(host, Set(lock_key(name), b""))  # nobody's
        return perform(effect)

    host.perform = release
    assert host.value("Root.increment", "a") == (2, 2)
    assert len(pauses) == 2
    assert not held(host)


def take(host, mutation):
    if not mutation.value:
        mutation = Clear(mutation.key)
    host.store.commit(host.store.read_version(), [], [mutation])


def test_a_part_whose_message_is_lost_keeps_its_locks(tree):
    host = Host(tree, "popl23")
    perform = host.perform

    def lose(effect):
        if isinstance(effect, Send) and not effect.awaited:
            assert effect.once
            return -1
        return perform(effect)

    host.perform = lose
    assert host.value("Root.increment", "a") == (1, 1)
    assert host.data() == {}
    assert {key[:1] for key in held(host)} == {LOCKS.begin, PARTS.begin}


def test_a_call_without_an_answer_ends_the_execution(tree):
    host = Host(tree, "popl23")
    run = host.run

    def lose(request):
        reply = run(request)
        if request.id.is_root:
            return reply
        return replace(reply, outcome=Failed("Interrupted", False, "lost"))

    host.run = lose
    outcome = host.call("Root.increment", "a")
    assert isinstance(outcome, Failed)
    assert not outcome.definite
    assert host.data() == {}
