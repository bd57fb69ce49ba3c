"""What every application has: it compiles, and its workload fits it."""

import random

import pytest

from compiler import application
from core.callers import NOBODY

APPS = [
    "apps/counter",
    "apps/counter_paper",
    "apps/counter_paper/counter.csv",
    "apps/counter_stateless",
    "apps/hotspot",
    "apps/chain",
    "apps/chain_paper",
    "apps/chain_paper/chain.csv",
    "apps/chain_stateless",
    "apps/tree",
    "apps/tree_stateless",
    "apps/hotel",
    "apps/hotel_paper",
    "apps/bank",
    "apps/auction",
    "apps/library",
    "apps/parcels",
    "apps/orders",
    "apps/reminders",
    "apps/warehouse",
    "apps/expenses",
    "apps/marketplace",
    "apps/media",
    "apps/shop",
    "apps/social",
    "apps/till",
]

INVARIANTS = {
    "apps/counter_stateless": set(),
    "apps/chain_stateless": set(),
    "apps/tree_stateless": set(),
    "apps/hotel": {"no_overselling", "customers_are_known"},
    "apps/hotel_paper": {"everything_sold_is_ordered", "customers_are_known"},
    "apps/bank": {"total_is_constant", "no_debts", "only_large_transfers_are_reported"},
    "apps/tree": {"counters_agree"},
    "apps/auction": {"money_is_constant"},
    "apps/library": {
        "copies_are_kept",
        "slips_are_used_once",
        "charges_have_a_reason",
        "who_was_sent_away_is_on_record",
    },
    "apps/orders": {"paid_as_signalled"},
    "apps/reminders": {"shipped_as_ordered", "cards_put_back"},
    "apps/parcels": {
        "parcels_are_where_they_should_be",
        "the_books_agree",
        "every_leg_was_carried_once",
        "vain_visits_are_counted",
    },
    "apps/warehouse": {
        "nothing_is_lost",
        "no_shelf_is_empty",
        "every_order_is_collected_once",
        "missing_ribbons_are_noted",
    },
    "apps/expenses": {
        "managers_alone_approve",
        "nobody_approves_their_own",
        "what_is_paid_is_noted",
    },
    "apps/marketplace": {
        "dashboards_are_consistent",
        "orders_are_paid_once",
        "products_are_referred_to",
        "stock_is_sold_as_ordered",
        "totals_are_those_of_the_lines",
    },
    "apps/till": {"nothing_is_lost"},
    "apps/shop": {"stock_is_ordered", "paid_orders_have_receipts", "confirmed_once"},
    "apps/media": {"every_review_is_found", "no_review_is_half_written", "stars_add_up"},
    "apps/social": {
        "every_author_has_the_post",
        "every_reader_has_the_post_once",
        "links_lead_somewhere",
    },
}

REFUSALS = {
    *("TransactionException", "InsufficientFunds", "OutOfStock", "WrongPassword"),
    *("NotYours", "Forbidden"),
}
"""What some requests of a mix are meant to come to."""

every_app = pytest.mark.parametrize("running", APPS, indirect=True)


@every_app
def test_the_mix_names_public_methods_and_their_arguments_fit(running):
    rng = random.Random(1)
    assert running.workload.mix
    assert set(running.workload.mix) == set(running.workload.arguments)
    for call, generate in running.workload.arguments.items():
        method = running.application.program.method(*call.split("."))
        assert method.public
        for _ in range(20):
            method.check(*generate(rng))


@every_app
def test_arguments_follow_from_the_seed_alone(running):
    for generate in running.workload.arguments.values():
        first, second = random.Random(7), random.Random(7)
        assert [generate(first) for _ in range(20)] == [generate(second) for _ in range(20)]


@every_app
def test_invariants_hold_after_set_up_and_after_any_requests(running):
    running.check()
    rng = random.Random(2)
    calls, weights = zip(*running.workload.mix.items(), strict=True)
    callers, who = list(running.workload.callers.values()) or [NOBODY], random.Random(3)
    answers = set()
    for call in rng.choices(calls, weights, k=300):
        try:
            args = running.workload.arguments[call](rng)
            running.run(call, *args, caller=who.choice(callers))
            answers.add("returned")
        except Exception as error:  # the application's own exceptions are answers
            answers.add(type(error).__name__)
    assert "returned" in answers
    assert answers <= {"returned", *REFUSALS}
    running.check()


@pytest.mark.parametrize("path", APPS)
def test_a_scenario_can_name_the_invariants(path):
    invariants = application.load(path).workload.invariants
    assert set(invariants) == INVARIANTS.get(path, {"counts_are_positive"})
