"""Store transactions per request, against what was counted on a run of the prototype."""

import pytest

from compiler import application
from tests.core.popl23.hosts import Host

HOTEL = ("ada", "flight-02", "hotel-02")
PAPER_CHAIN = """
from compiler import decorators


@decorators.service
class Counter(object):
    def __init__(self):
        self.counts = {}  # type: Persistent[dict]

    def increment(self, key):
        BeginTx()
        count = self.counts.get(key, 0) + 1
        self.counts[key] = count
        CommitTx()
        return count


@decorators.service
class Second(object):
    def increment(self, key):
        return SyncInvoke("Counter", "increment", key)


@decorators.service
class First(object):
    def increment(self, key):
        return SyncInvoke("Second", "increment", key)
"""


@pytest.fixture(scope="module")
def paper_chain(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "paper_chain.py"
    path.write_text(PAPER_CHAIN)
    return application.load(path)


def cost(made, name, call, *args):
    host = Host(made, name)
    host.value(call, *args)
    before = host.store_transactions
    host.value(call, *args)
    return host.store_transactions - before


def test_counter_and_chain_cost_what_they_cost_the_prototype(paper_chain):
    """4.6 and 6.2 there, conflicts included."""
    assert cost(paper_chain, "popl23", "Counter.increment", "a") == 4
    assert cost(paper_chain, "popl23", "First.increment", "a") == 6
    assert cost(paper_chain, "popl23-no-fault-tolerance", "First.increment", "a") == 4
    assert cost(paper_chain, "popl23-unsafe", "Counter.increment", "a") == 5


def test_tree_and_hotel_cost_what_they_cost_the_prototype():
    """19 and 20 to 30 there."""
    tree, hotel = application.load("apps/tree"), application.load("apps/hotel")
    assert 14 <= cost(tree, "popl23", "Root.increment", "a") <= 20
    assert 20 <= cost(hotel, "popl23", "Frontend.book", *HOTEL) <= 30


def test_a_whole_dict_costs_more_than_a_bucket_of_it():
    counter = application.load("apps/counter")
    costs = {
        name: cost(counter, name, "Counter.increment", "a")
        for name in ("popl23", "popl23-no-optimized-dict", "popl23-unsafe")
    }
    # One for each access; a transaction of three for each, and one that makes sure of the field;
    # without transactions, what is read is written back by itself.
    assert costs == {"popl23": 2, "popl23-no-optimized-dict": 7, "popl23-unsafe": 5}
