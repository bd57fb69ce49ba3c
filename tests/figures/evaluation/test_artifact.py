"""``python -m figures eval``: the artifact's options, and what is told of each point."""

import sys

import pytest

from figures import cli
from figures.evaluation.points import Point
from tests.figures.evaluation.test_running import PROGRAM


@pytest.fixture
def measuring(monkeypatch):
    def argv(point):
        line = point.line
        words = [str(point.place.folder), line.benchmark, line.protocol, point.way.name]
        return [sys.executable, "-c", PROGRAM.replace('"popl23"', '"none"'), *words]

    monkeypatch.setattr(Point, "argv", argv)


def test_the_benchmarks_that_are_asked_for(measuring, tmp_path, capsys):
    assert cli.main(["eval", "--seq", "--tree", "--out", str(tmp_path)]) == 0
    head, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["benchmark", "protocol", "offered/s", "achieved/s"]
    assert {row.split()[0] for row in rows} == {"tree"}
    assert {row.split()[1] for row in rows} == {
        "popl23", "popl23-no-optimized-dict", "popl23-unsafe-with-fault-tolerance", "mu2sls",
    }  # fmt: skip
    assert sum("sequential" in row for row in rows) == 4
    assert last == f"Draw it: python -m figures --source {tmp_path}"
    assert cli.main(["eval", "--seq", "--tree", "--out", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2  # nothing is measured again


def test_a_folder_that_cannot_be_written(measuring, capsys):
    assert cli.main(["eval", "--chain", "--out", "/proc/x"]) == 2
    assert "/proc/x" in capsys.readouterr().err
