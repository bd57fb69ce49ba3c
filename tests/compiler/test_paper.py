"""The paper's vocabulary, in programs as they were written for the prototype."""

import pytest

from compiler import (
    AbortTx,
    AbortTxNoExc,
    AsyncInvoke,
    BeginTx,
    CommitTx,
    SyncInvoke,
    TransactionException,
    Wait,
    WaitAll,
    decorators,
    instance,
)
from compiler.api.reference import Reference
from core.codec import Codec


@decorators.service
class Seats(object):  # noqa: UP004 - as the prototype's programs are written
    def __init__(self):
        self.seats = {"a": 1}  # type: Persistent[dict]

    def take(self, flight):
        if self.seats.get(flight) == 0:
            return False
        self.seats.update([(flight, self.seats.get(flight) - 1)])
        return True

    def locked(self, flight):
        self.seats[flight] = -1
        raise TransactionException()

    def meddles(self):
        AbortTxNoExc()
        try:
            CommitTx()
        except TransactionException as error:
            return str(error)


@decorators.service
class Agency(object):  # noqa: UP004
    def __init__(self, clientFactory):  # noqa: N803
        self.sold = []  # type: Persistent[list]
        self.c = clientFactory("Seats")  # type: Client

    async def sell(self, one, two):
        retry = 0
        while retry < 2:
            try:
                BeginTx()
                self.sold.append("try")
                first = AsyncInvoke("Seats", "take", one)
                second = AsyncInvoke("Seats", "take" if retry else "locked", two)
                taken = await WaitAll(first, second)
                break
            except TransactionException:
                retry += 1
        if not all(taken):
            AbortTxNoExc()
            return (False, retry)
        CommitTx()
        return (True, retry)

    def sell_plainly(self, flight):
        first = AsyncInvoke("Seats", "take", flight)
        return Wait(first), WaitAll(AsyncInvoke(self.c, "take", flight))

    async def sell_one(self, flight):
        return await Wait(AsyncInvoke(Seats, "take", flight))

    def with_client(self, flight):
        return self.c.take(flight), SyncInvoke(self.c, "take", flight)

    def give_up(self):
        BeginTx()
        SyncInvoke("Seats", "take", "a")
        try:
            AbortTx()
        except TransactionException:
            return "aborted"

    def forgets(self, fail):
        BeginTx()
        self.sold.append("x")
        if fail:
            raise ValueError("forgot")
        return 1

    def commits_nothing(self):
        CommitTx()

    def is_meddled_with(self):
        BeginTx()
        self.sold.append("mine")
        answer = SyncInvoke("Seats", "meddles")
        still_there = list(self.sold)
        AbortTxNoExc()
        return answer, still_there, list(self.sold)

    def inner_left_open(self):
        from compiler import transaction

        with transaction():
            BeginTx()
            self.sold.append("kept")


@pytest.fixture
def run():
    persistent = {"Seats": {"seats": "dict"}, "Agency": {"sold": "list"}}
    with Reference({"Seats": Seats, "Agency": Agency}, persistent, Codec()) as reference:
        instance(Seats).seats = {"a": 1, "b": 3}
        yield reference


def test_a_transaction_is_retried_until_it_commits(run):
    assert run.run("Agency", "sell", ("a", "b")) == (True, 1)
    assert instance(Seats).seats == {"a": 0, "b": 2}
    assert instance(Agency).sold == ["try"]


def test_an_abort_without_exception_undoes_and_goes_on(run):
    assert run.run("Agency", "sell", ("a", "a")) == (False, 1)
    assert instance(Seats).seats == {"a": 1, "b": 3}
    assert instance(Agency).sold == []


def test_an_abort_raises(run):
    assert run.run("Agency", "give_up") == "aborted"
    assert instance(Seats).seats == {"a": 1, "b": 3}


def test_waiting_in_plain_and_async_methods(run):
    assert run.run("Agency", "sell_plainly", ("b",)) == (True, [True])
    assert run.run("Agency", "sell_one", ("b",)) is True


def test_clients_call(run):
    assert run.run("Agency", "with_client", ("b",)) == (True, True)


def test_a_transaction_left_open_is_an_error_and_undone(run):
    with pytest.raises(TransactionException, match=r"Agency\.forgets returned with a transaction"):
        run.run("Agency", "forgets", (False,))
    with pytest.raises(ValueError, match="forgot"):
        run.run("Agency", "forgets", (True,))
    assert instance(Agency).sold == []
    assert not run.undo.open


def test_committing_nothing_is_an_error(run):
    with pytest.raises(TransactionException, match="no open transaction"):
        run.run("Agency", "commits_nothing")


def test_a_callee_cannot_end_its_callers_transaction(run):
    answer, during, after = run.run("Agency", "is_meddled_with")
    assert answer == "there is no open transaction to commit"
    assert (during, after) == (["mine"], [])


def test_leaving_an_outer_transaction_ends_those_inside_it(run):
    run.run("Agency", "inner_left_open")
    assert instance(Agency).sold == ["kept"]
