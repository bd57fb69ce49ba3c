"""Every planted bug is caught by the check meant to catch it; without it that check holds."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from compiler.application import load
from experiment.judgement import judge
from experiment.scenario.file import read
from sim.planted import BUGS, plant
from sim.run import run

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SEEDS = 60


def prepared(name, app, seed, seconds=4.0):
    """A shipped scenario with a load short enough to try several seeds."""
    scenario = read(SCENARIOS / f"{name}.yaml").scenario
    short = [replace(each, duration=min(each.duration, seconds)) for each in scenario.load]
    catching = {bug.caught_by for bug in BUGS.values()}
    bounds = scenario.thresholds if app == scenario.app else []
    kept = [each for each in bounds if f"{each.metric} {each.text}" in catching]
    return replace(scenario, app=app, load=short, seed=seed, check=[], thresholds=kept)


def verdicts(scenario, application):
    outcome = judge(run(scenario, application), application)
    return {verdict.name: verdict for verdict in (*outcome.checks, *outcome.thresholds)}


@pytest.mark.parametrize("name", sorted(BUGS))
def test_bug_is_caught(name):
    bug = BUGS[name]
    application = load(bug.app)
    seen = {}
    with plant(name):
        for seed in range(SEEDS):
            scenario = prepared(bug.scenario, bug.app, seed, bug.seconds)
            seen = verdicts(scenario, application)
            if seen[bug.caught_by].status == "fails":
                return
    pytest.fail(
        f"{bug.caught_by} never saw it; last: {[(v.name, v.status) for v in seen.values()]}"
    )


@pytest.mark.parametrize(
    ("scenario", "app"), sorted({(bug.scenario, bug.app) for bug in BUGS.values()}), ids="-".join
)
def test_nothing_is_caught_without_a_bug(scenario, app):
    application = load(app)
    for seed in range(2):
        for verdict in verdicts(prepared(scenario, app, seed), application).values():
            assert verdict.status in ("holds", "not applicable"), (seed, verdict)


@pytest.mark.parametrize("name", sorted(BUGS))
def test_the_protocol_page_names_it(name):
    page = (SCENARIOS.parent / "docs" / "protocol.md").read_text()
    assert f"*{name}*" in page
