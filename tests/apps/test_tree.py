import pytest

from apps.tree.services import Left, Right

APP = "apps/tree"


def test_both_sides_are_counted(running):
    assert running.run("Root.increment", "a") == (1, 1)
    assert running.run("Root.increment", "a") == (2, 2)
    assert running.run("Root.read", "a") == (2, 2)


def test_one_transaction_is_one_region(running):
    assert running.facts("Root.increment").single_region
    assert running.facts("Root.increment").footprint == {"Left.counts", "Right.counts"}
    assert running.facts("Root.read").read_only


@pytest.mark.parametrize("side", [Left, Right])
def test_sides_that_differ_are_noticed(running, side):
    running.run("Root.increment", "key-007")
    running.state(side).counts["key-007"] += 1
    with pytest.raises(AssertionError, match="key-007 was counted"):
        running.check("counters_agree")
