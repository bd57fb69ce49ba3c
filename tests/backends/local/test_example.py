"""The line to try an application out with, as ``up`` prints it."""

import pytest

from backends.local.up import _example
from compiler.application import load
from tests.backends.local.running import ROOT


@pytest.mark.parametrize(
    ("app", "line"),
    [
        ("counter", "curl http://here/Counter.increment --json '[\"key-"),
        ("shop", "-H 'Authorization: Bearer <token>'"),
    ],
)
def test_it_says_what_is_needed(app, line):
    assert line in _example(load(ROOT / "apps" / app), "http://here")


def test_it_asks_for_no_token_where_anybody_may_ask():
    assert "Bearer" not in _example(load(ROOT / "apps" / "hotel"), "http://here")
