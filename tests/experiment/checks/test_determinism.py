"""Determinism holds for correct runs; programs and journals that do not repeat are caught."""

import itertools
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.effects import Transaction, call
from core.journal import decode_record, encode_record
from core.layout import JOURNAL
from core.messages import Returned
from core.store import Set
from experiment.checks.determinism import determinism
from tests.experiment.checks.shop import again, get, put, shop_subject


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_a_correct_run_holds(seed):
    verdict = determinism(shop_subject(seed))
    assert (verdict.status, verdict.evidence) == ("holds", [])


def test_nothing_to_examine_is_inconclusive():
    assert determinism(shop_subject(requests=0)).status == "inconclusive"


def test_a_write_that_is_not_repeated():
    turns = itertools.count()

    async def take(_, item):
        await put("Stock", "items", item, next(turns))
        return True

    verdict = determinism(shop_subject(crash=0.0, take=take))
    assert verdict.status == "fails"
    assert "driven again up to its region 0, gives Stock.items['thing-" in verdict.evidence[0]


def test_a_call_with_other_arguments():
    turns = itertools.count()

    async def buy(_, customer, item):
        async with Transaction():
            await put("Shop", "last", customer, 0)
        return await call("Ledger", "note", customer, next(turns))

    verdict = determinism(shop_subject(crash=0.0, buy=buy))
    assert verdict.status == "fails"


def test_a_read_that_is_not_repeated():
    turns = itertools.count()

    async def note(_, customer, item):
        if next(turns) % 2:
            await get("Ledger", "count", "all")
        return await get("Ledger", "count", item)

    async def buy(_, customer, item):
        await note(_, customer, item)
        return await call("Ledger", "note", customer, item)

    verdict = determinism(shop_subject(crash=0.0, buy=buy))
    assert verdict.status == "fails"
    assert "gives the journal of" in verdict.evidence[0]


def test_a_journal_record_with_other_content():
    subject = shop_subject()
    commit = next(c for c in subject.history.commits if c.request is not None)
    for index, mutation in enumerate(commit.mutations):
        if mutation.key.startswith(JOURNAL.begin):
            record = decode_record(mutation.value)
            record = msgspec.structs.replace(record, outcome=Returned(b"\x63"))
            commit.mutations[index] = Set(mutation.key, encode_record(record))
            break
    verdict = determinism(again(subject))
    assert verdict.status == "fails"
    assert f"gives the journal of {commit.request}" in " ".join(verdict.evidence)


def test_another_end():
    subject = shop_subject()
    commit = next(c for c in subject.history.commits if c.request is not None)
    commit.end += 5
    verdict = determinism(again(subject))
    assert f"not at {commit.end}" in " ".join(verdict.evidence)


def test_a_commit_that_no_execution_asks_for():
    subject = shop_subject()
    commit = next(c for c in subject.history.commits if c.request is not None)
    commit.place += 5
    verdict = determinism(again(subject))
    assert verdict.status == "fails"
    assert f"asks to commit region {commit.place - 5} of request" in " ".join(verdict.evidence)


def test_a_clock_reading_that_was_not_kept():
    subject = shop_subject()
    for unit in subject.history.units.values():
        unit.clocks.clear()
    verdict = determinism(again(subject))
    assert verdict.status == "fails"
    assert "gives Ledger.notes['" in " ".join(verdict.evidence)


def test_long_runs_are_sampled_evenly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[determinism.__module__], "MOST_TREES", 4)
    subject = shop_subject(requests=30)
    assert determinism(subject).detail.startswith("4 request trees, ")
