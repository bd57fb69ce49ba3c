"""The command line: what it prints, where it draws, and what bad input is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from figures import cli
from tests.figures import made

ROOT = Path(__file__).parent.parent.parent


def test_two_results(tmp_path, capsys):
    first, second = made.write(tmp_path), made.write(tmp_path, "b", **made.other())
    assert cli.main(["compare", str(first), str(second)]) == 0
    said = capsys.readouterr()
    assert "B/A" in said.out
    assert f"Drawn: {tmp_path / 'a' / 'compare.png'}" in said.out
    assert said.err == ""
    assert (tmp_path / "a" / "compare.png").stat().st_size > 10_000


def test_a_name_that_looks_like_a_formula(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made.write(tmp_path, "$1", scenario={"name": r"$\frac{1$", "app": "$2$"})
    assert cli.main(["compare", "$1", "-o", "x.svg"]) == 0
    assert r"$\frac{1$" in Path("x.svg").read_text()


def test_folders_and_another_place(tmp_path, capsys):
    made.write(tmp_path)
    picture = tmp_path / "x.svg"
    assert cli.main(["compare", str(tmp_path / "a"), "-o", str(picture)]) == 0
    assert picture.exists()
    assert not (tmp_path / "a" / "compare.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.json"], "none.json: there is no such file; give the result.json that a run wrote"),
        (["a", "text"], "text: this is not a result file"),
        (["a", "cut"], "cut: this is not a result file (Input data was truncated); give one that"),
        (["a", "negative"], "negative: the file is damaged (Expected `int` >= 0 - at `$.meas"),
        (["a", "huge"], "huge: the file is damaged (Expected `float` <= 1000000000000000.0"),
        (["a", "short"], "short: the file is damaged (a load of 1e-300 seconds"),
        (["a", "odd"], "odd/result.json: cannot be read: Is a directory; give a result.json that"),
        (["a", "newer"], "newer: the file has version 9, figures read version 1"),
        (["a", "damaged"], "damaged: the file is damaged"),
        (["a", "sweep"], "sweep: this is a sweep over many seeds, but a is a single run"),
        (["a"] * 7, "7 results are too many for one picture; give at most 6"),
        (["a", "-o", "x.gif"], "x.gif: a picture is .svg, .png or .pdf"),
        (["a", "-o", "none/x.png"], "none/x.png: cannot be written"),
    ],
)
def test_bad_input(tmp_path, monkeypatch, capsys, arguments, says):
    made.write(tmp_path)
    made.write(tmp_path, "sweep", seeds=[1, 2])
    (tmp_path / "text").write_text("hello")
    (tmp_path / "newer").write_text('{"format": "mu2sls-result", "version": 9}')
    (tmp_path / "damaged").write_text('{"format": "mu2sls-result", "version": 1}')
    (tmp_path / "cut").write_text('{"format": "mu2sls-result", "version": 1')
    (tmp_path / "odd" / "result.json").mkdir(parents=True)
    for name, wrong in (
        ("negative", {"sent": -1}),
        ("huge", {"goodput": 1e300}),
        ("short", {"load_seconds": 1e-300}),
    ):
        (tmp_path / name).write_text(json.dumps(made.result(measurements=wrong)))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["compare", *arguments]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("arguments", [["compare"], ["compar", "x"], ["compare", "x", "--o"]])
def test_wrong_arguments(arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    for name in ("matplotlib", "figures.picture", "figures.style"):
        monkeypatch.setitem(sys.modules, name, None)
    path = made.write(tmp_path)
    assert cli.main(["compare", str(path)]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err


def test_help_teaches(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        cli.main(["compare", "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "python -m figures compare runs/full/result.json runs/unsafe/result.json" in said
    assert "exit status:" in said
    assert "B/A" in said
    assert max(map(len, said.splitlines())) <= 80


def test_from_a_shell(tmp_path):
    path = made.write(tmp_path)
    command = [sys.executable, "-m", "figures", "compare", str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "exactly_once" in run.stdout
