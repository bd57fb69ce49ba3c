"""Where nothing fails and nobody meets, the baseline says and leaves what ours does."""

import random

import pytest

from compiler import application
from core import attempt
from core.chance import Chance
from core.layout import LOCKS, LOG, PARTS
from core.popl23 import execution
from core.popl23.switches import NAMES
from tests.apps.test_all import APPS
from tests.core.popl23.hosts import BASELINES, Host

REQUESTS = 30
NESTING = {"apps/warehouse"}
"""Aborts a transaction inside another one and goes on, which the prototype does not allow."""
LATER = {"apps/orders", "apps/reminders", "apps/shop"}
"""Starts requests for later, sleeps, or asks the outside, which the prototype cannot."""
ABORTING = {"apps/hotel", "apps/bank"}
"""Aborts: without transactions, what was written stays."""


@pytest.fixture(scope="module")
def loaded():
    return {app: application.load(app) for app in APPS}


def requests(app):
    """Requests of the application's mix, the same every time."""
    rng, workload = random.Random(3), app.workload
    calls, weights = list(workload.mix), list(workload.mix.values())
    for call in rng.choices(calls, weights, k=REQUESTS):
        yield call, workload.arguments[call](rng)


@pytest.mark.parametrize(
    ("app", "name"),
    [
        (app, name)
        for app in APPS
        for name in BASELINES
        if app not in NESTING | LATER and (NAMES[name].transactions or app not in ABORTING)
    ],
)
def test_answers_and_data_are_those_of_ours(app, name, loaded, monkeypatch):
    """Chance follows from the root's id here, on both sides, so that nothing has to be left out."""
    monkeypatch.setattr(execution, "execution_chance", lambda _, id_, __: Chance(id_.root))
    monkeypatch.setattr(attempt, "request_chance", lambda _, id_: Chance(id_.root))
    made = loaded[app]
    ours, baseline = Host(made, "mu2sls"), Host(made, name)
    for call, args in requests(made):
        assert baseline.call(call, *args) == ours.call(call, *args), (call, args)
    assert baseline.data() == ours.data()
    begins = {key[:1] for key in baseline.store.snapshot()}
    assert not begins & {LOCKS.begin, PARTS.begin}
    assert NAMES[name].log or LOG.begin not in begins
