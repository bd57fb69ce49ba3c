"""What the documentation says of scenarios is complete, and its examples are real."""

import re
from pathlib import Path

import msgspec
import pytest

import compiler
from experiment.scenario import file as scenario_file
from experiment.scenario import model as scenario
from experiment.scenario.load import EXECUTORS
from experiment.scenario.thresholds import METRICS
from sim.cli import main as sim_main

ROOT = Path(__file__).parent.parent
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()


def fields(struct):
    return [field.name for field in msgspec.structs.fields(struct)]


def prefixed(prefix, struct):
    return [f"{prefix}.{name}" for name in fields(struct)]


WORDS = [
    *(name for name in fields(scenario.Scenario) if name != "file"),
    *(name for name in fields(scenario.Platform) if name != "profile"),
    *fields(scenario.ServicePlatform),
    *fields(scenario.StoreModel),
    *prefixed("retry", scenario.Retry),
    *prefixed("recovery", scenario.Recovery),
    *prefixed("retention", scenario.Retention),
    *fields(scenario.Load),
    *scenario.FAULT_KINDS,
    *scenario.POINTS,
    *scenario.CHECKS,
    *(error for errors in scenario.STORE_ERRORS.values() for error in errors),
    *EXECUTORS,
    *METRICS,
]


@pytest.mark.parametrize("word", sorted(set(WORDS)))
def test_every_word_of_a_scenario_is_documented(word):
    assert f"`{word}`" in SCENARIOS


@pytest.mark.parametrize("name", fields(scenario.Fault))
def test_every_field_of_a_fault_is_documented(name):
    assert re.search(rf"`{name}\b", SCENARIOS)


def test_the_example_runs_as_printed(tmp_path, monkeypatch):
    blocks = re.findall(r"(?:^    .*\n|^\n)+", SCENARIOS, flags=re.MULTILINE)
    example = next(block for block in blocks if block.strip())
    file = tmp_path / "crash.yaml"
    file.write_text(re.sub(r"^    ", "", example, flags=re.MULTILINE))
    read = scenario_file.read(str(file)).scenario
    assert read.name == "crash"
    assert [fault.kind for fault in read.faults] == ["crash", "partition"]
    monkeypatch.chdir(ROOT)
    assert sim_main([str(file), "--quiet"]) == 0  # 1: something fails, 3: a fault never struck


@pytest.mark.parametrize("name", [name for name in compiler.__all__ if name not in ("Client",)])
def test_every_name_of_the_user_api_is_documented(name):
    assert re.search(rf"\b{name}\b", API)


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
