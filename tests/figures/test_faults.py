"""The table of faults and protocols: made by runs, kept, gone on with, and put into a page."""

from pathlib import Path

import pytest

from experiment.outcome import Task
from experiment.preparation import prepare
from figures import cli, faults

ROOT = Path(__file__).parent.parent.parent
CELLS = ["--apps", "apps/counter", "--kinds", "none,crash", "--seeds", "6", "--jobs", "1"]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("kind", faults.KINDS)
def test_each_kind_has_a_scenario_with_no_other_fault(kind):
    scenario = prepare(Task(f"scenarios/faults/{kind}.yaml")).scenario
    assert scenario.name == kind
    assert {fault.kind for fault in scenario.faults} == {kind} - {"none"}


def test_the_table_is_made_by_runs_and_kept(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{faults.BEGIN}\nold\n{faults.END}\nafter\n")
    words = ["faults", *CELLS, "--protocols", "mu2sls,unsafe", "--out", str(tmp_path / "kept")]
    assert cli.main([*words, "--write", str(page)]) == 0
    text = page.read_text()
    assert text.startswith(f"before\n{faults.BEGIN}\n")
    assert text.endswith(f"{faults.END}\nafter\n")
    assert "old" not in text
    assert "| `apps/counter` | none | crash |" in text
    assert "| `mu2sls` | held | held |" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| `unsafe` |")]
    assert "exactly_once" in row
    again = "python -m sim scenarios/faults/crash.yaml --app apps/counter --protocol unsafe"
    assert f"    {again} --seed" in text
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert len(kept) == 4  # no runs are left


def test_what_is_known_is_not_run_again(tmp_path, monkeypatch):
    cell = faults.Cell("apps/counter", "none", "mu2sls")
    first = faults.make([cell], 1, 1, tmp_path)
    monkeypatch.setattr(faults.subprocess, "run", None)
    assert faults.make([cell], 1, 1, tmp_path) == first
    with pytest.raises(TypeError):
        faults.make([cell], 2, 1, tmp_path)  # other seeds
    with monkeypatch.context() as changed:
        changed.setattr(faults, "_text", lambda _: "another scenario")
        with pytest.raises(TypeError):
            faults.make([cell], 1, 1, tmp_path)
    (kept,) = tmp_path.glob("*.json")
    kept.write_text('{"format": "mu2sls-faults", "see')
    with pytest.raises(TypeError):
        faults.make([cell], 1, 1, tmp_path)  # half a file


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kinds", "earthquake"], "there is no kind 'earthquake': give some of none, crash"),
        (["--seeds", "0"], "'0' is no number from 1 to"),
        (["--apps", ","], "there is nothing in this list"),
    ],
)
def test_bad_input(arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["faults", *arguments])
    assert ended.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_protocol_that_there_is_none_of(tmp_path, capsys):
    words = ["faults", *CELLS, "--protocols", "hope", "--out", str(tmp_path)]
    assert cli.main(words) == 2
    assert "invalid choice: 'hope'" in capsys.readouterr().err


def test_elsewhere_there_are_no_scenarios(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["faults", *CELLS, "--out", "kept"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "scenarios/faults/none.yaml: cannot be read: No such file" in said
    assert "run this in the project's folder" in said


def test_a_page_without_a_place(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(faults, "make", lambda *_: {})
    page = tmp_path / "page.md"
    page.write_text("nothing")
    assert cli.main(["faults", "--write", str(page)]) == 2
    assert "there is no place for the table" in " ".join(capsys.readouterr().err.split())
