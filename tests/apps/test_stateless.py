"""What keeps nothing stores nothing, and nothing of it is journaled."""

import pytest

from experiment.outcome import Task
from experiment.preparation import prepare
from sim.execution import execute


@pytest.mark.parametrize("name", ["counter", "chain", "tree"])
def test_nothing_is_committed(name):
    prepared = prepare(Task("scenarios/smoke.yaml", app=f"apps/{name}_stateless"))
    done, outcome = execute(prepared, prepared.scenario)
    assert outcome.judged == "holds"
    assert outcome.metrics.succeeded == outcome.metrics.sent
    assert not [commit for commit in done.history.commits if commit.request is not None]
    statuses = {verdict.name: verdict.status for verdict in outcome.checks}
    assert statuses.pop("determinism") == "not applicable"
    assert set(statuses.values()) == {"holds"}
