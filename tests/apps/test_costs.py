"""What a request costs: store commits, every one of them counted."""

import random

import pytest

from compiler import application
from core.ids import root_id
from core.memory import MemoryStore
from core.messages import Raised, Returned
from tests.direct import DirectHost, root_request

HOTEL = ("ada", "flight-02", "hotel-02")
FULL = ("ada", "flight-02", "hotel-00")


def filled(program):
    """A store that holds what the application is set up with."""
    store = MemoryStore()
    store.load(program.initial.items())
    return store


@pytest.mark.parametrize(
    ("app", "call", "args", "commits"),
    [
        ("counter", "Counter.increment", ("a",), 1),
        ("counter", "Counter.read", ("a",), 0),
        ("counter_paper", "Counter.increment", ("a",), 1),
        ("chain", "First.increment", ("a",), 1),
        ("chain", "First.read", ("a",), 0),
        ("chain_paper", "First.increment", ("a",), 1),
        ("chain_stateless", "First.increment", ("a",), 0),
        ("tree", "Root.increment", ("a",), 1),
        ("tree", "Root.read", ("a",), 0),
        ("hotel", "Frontend.book", HOTEL, 2),
        ("hotel", "Frontend.show", HOTEL[1:], 0),
        ("bank", "Bank.transfer", ("north-01", "south-01", 300), 1),
        ("bank", "Bank.share", ("north-01", ["south-01", "south-02"], 300), 1),
        ("bank", "Bank.audit", (), 0),
        ("library", "Desk.lent", ("elm-1",), 0),
        ("parcels", "Office.where", ("label-001",), 0),
        ("warehouse", "Dock.arrive", ("drum", 2), 1),
        ("warehouse", "Stock.tidy", (), 1),
        ("warehouse", "Stock.kinds", (), 0),
    ],
)
def test_commits_per_request(app, call, args, commits):
    program = application.load(f"apps/{app}").program
    host = DirectHost(program, filled(program))
    rng = random.Random(1)
    for number in (1, 2):
        reply = host.run(root_request(program, root_id(number, rng), *call.split("."), *args))
        assert isinstance(reply.outcome, Returned)
        assert len(host.commits) == number * commits


def test_a_refusal_is_remembered_in_one_commit():
    program = application.load("apps/hotel").program
    host = DirectHost(program, filled(program))
    rng = random.Random(1)
    outcomes = [
        host.run(root_request(program, root_id(number, rng), "Frontend", "book", *FULL)).outcome
        for number in (1, 2)
    ]
    assert isinstance(outcomes[0], Returned)
    assert isinstance(outcomes[1], Raised)
    assert outcomes[1].text == "no room in hotel-00 or no seat on flight-02"
    assert len(host.commits) == 2 + 1
