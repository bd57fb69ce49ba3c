import pytest

from apps.bank.services import Bank, InsufficientFunds, North, South, Transfer
from apps.bank.workload import ACCOUNTS, OPENING_BALANCE

APP = "apps/bank"
TOTAL = OPENING_BALANCE * len(ACCOUNTS)


def balance(running, account):
    branch = North if account.startswith("north") else South
    return running.state(branch).balances[account]


@pytest.mark.parametrize(
    ("source", "target"),
    [("north-01", "south-02"), ("south-02", "north-01"), ("north-01", "north-02")],
)
def test_a_transfer_moves_money(running, source, target):
    running.run("Bank.transfer", source, target, 300)
    assert balance(running, source) == OPENING_BALANCE - 300
    assert balance(running, target) == OPENING_BALANCE + 300
    assert running.run("Bank.audit") == TOTAL
    running.check()


def test_what_is_not_there_cannot_be_moved(running):
    running.run("Bank.transfer", "north-01", "south-02", 8_000)
    with pytest.raises(InsufficientFunds) as caught:
        running.run("Bank.transfer", "north-01", "south-02", 8_000)
    assert caught.value.args == ("north-01", 2_000)
    assert balance(running, "north-01") == 2_000
    assert balance(running, "south-02") == OPENING_BALANCE + 8_000
    running.check()


def test_a_share_for_everybody_or_for_nobody(running):
    others = ["north-02", "south-01", "south-02"]
    running.run("Bank.share", "north-01", others, 3_000)
    assert [balance(running, account) for account in others] == [OPENING_BALANCE + 3_000] * 3
    with pytest.raises(InsufficientFunds):
        running.run("Bank.share", "north-01", others, 500)
    assert balance(running, "north-01") == OPENING_BALANCE - 9_000
    running.check()


def test_an_amount_must_be_positive(running):
    with pytest.raises(ValueError, match="cannot move -1 cents"):
        running.run("Bank.transfer", "north-01", "south-02", -1)


def test_large_transfers_are_put_on_record(running):
    running.run("Bank.transfer", "north-01", "south-02", 9_499)
    running.run("Bank.transfer", "north-03", "south-02", 9_500)
    assert list(running.state(Bank).reported) == [Transfer("north-03", "south-02", 9_500)]


def test_facts(running):
    assert running.facts("Bank.audit").read_only
    assert running.facts("Bank.transfer").single_region
    assert running.facts("Bank.transfer").footprint == {
        "Bank.reported",
        "North.balances",
        "South.balances",
    }


def test_lost_money_is_noticed(running):
    running.state(North).balances["north-01"] -= 1
    with pytest.raises(AssertionError, match=f"{TOTAL} cents were paid in"):
        running.check("total_is_constant")


def test_debts_are_noticed(running):
    running.state(South).balances["south-01"] = -5
    with pytest.raises(AssertionError, match="south-01 is overdrawn by 5 cents"):
        running.check("no_debts")


def test_a_small_transfer_on_record_is_noticed(running):
    running.state(Bank).reported.append(Transfer("north-01", "south-01", 3))
    with pytest.raises(AssertionError, match="amount=3"):
        running.check("only_large_transfers_are_reported")


def test_shared_money_comes_from_one_account(running):
    running.run("Bank.share", "north-01", ["south-02", "north-03", "south-04"], 3_000)
    assert balance(running, "north-01") == OPENING_BALANCE - 9_000
    with pytest.raises(InsufficientFunds):
        running.run("Bank.share", "north-01", ["south-02", "north-03"], 600)
    assert balance(running, "south-02") == OPENING_BALANCE + 3_000
    running.check()
