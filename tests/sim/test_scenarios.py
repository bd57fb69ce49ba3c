"""The scenarios of the repository: each can be read, fits its application and the others."""

from pathlib import Path

import pytest

from experiment.outcome import Task
from experiment.preparation import prepare

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml"))
APPS = sorted(path.parent.name for path in (ROOT / "apps").glob("*/workload.py"))


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_all_of_them_are_here():
    assert SCENARIOS == [
        "contention", "crash", "duplicate", "events", "late", "outside", "partition", "queue",
        "retention",
        "schedule", "sleepers", "smoke", "twins", "unknown_commit", "zombie",
    ]  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_fits_its_own_application(name):
    prepared = prepare(Task(f"scenarios/{name}.yaml"))
    assert prepared.scenario.name == name
    assert [check for check in prepared.scenario.check if check.invariant]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_fits_every_application(name, app):
    prepared = prepare(Task(f"scenarios/{name}.yaml", app=f"apps/{app}"))
    assert {check.invariant.split(".")[0] for check in prepared.scenario.check} <= {"", app}
