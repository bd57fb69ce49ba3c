"""What all command lines do alike with what is wrong."""

import json

import pytest

import backends.local.cli
import compiler.cli
import figures.cli
import sim.cli
from tests.figures import made

MAINS = {
    "compiler": compiler.cli.main,
    "sim": sim.cli.main,
    "local": backends.local.cli.main,
    "figures": figures.cli.main,
}
SERVICE = """
from compiler import service


class Own(BaseException):
    pass


{statement}


@service
class Shop:
    def sell(self) -> int:
        return 1
"""
SCENARIO = """
name: sale
app: {app}
load: [{{name: steady, executor: constant-arrival-rate, rate: 1/s, duration: 1s,
  mix: [{{call: Shop.sell}}]}}]
"""


def run(capsys, command, *arguments):
    """The exit status of a command, and what it says."""
    try:
        status = MAINS[command]([str(each) for each in arguments])
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.err


@pytest.mark.parametrize(
    "raised", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit", "Own(7)"]
)
def test_an_application_that_ends_whoever_imports_it(tmp_path, capsys, raised):
    app, scenario = tmp_path / "shop.py", tmp_path / "sale.yaml"
    app.write_text(SERVICE.format(statement=f"raise {raised}"))
    scenario.write_text(SCENARIO.format(app=app))
    for command, *arguments in (
        ("compiler", "check", app),
        ("compiler", "run", app, "Shop.sell"),
        ("compiler", "graph", app),
        ("compiler", "build", app, "-o", tmp_path / "built"),
        ("sim", scenario),
        ("local", "up", app, "--data", tmp_path / "data"),
        ("local", "run", scenario),
        ("local", "bench", app),
    ):
        status, said = run(capsys, command, *arguments)
        assert (status, command) == (2, command)
        assert "shop.py:9:" in said
        assert raised.partition("(")[0] in said
    assert not (tmp_path / "built").exists()


@pytest.mark.parametrize("place", ["/proc/x", "/proc"])
def test_a_place_where_nothing_can_be_written_is_told_before_the_work(tmp_path, capsys, place):
    result = tmp_path / "result.json"
    result.write_text(json.dumps(made.result()))
    end = "" if place == "/proc" else ".svg"
    for command, *arguments in (
        ("compiler", "build", "apps/counter", "-o", place),
        ("compiler", "graph", "apps/counter", "-o", f"{place}{end}"),
        ("sim", "scenarios/smoke.yaml", "--out", place),
        ("local", "run", "scenarios/smoke.yaml", "--out", place),
        ("local", "bench", "apps/counter", "--out", place),
        ("local", "calibrate", "--out", place),
        ("figures", "compare", result, "-o", f"{place}{end}"),
    ):
        status, said = run(capsys, command, *arguments)
        assert (status, command) == (2, command), said
        assert place in said
        assert len(said.splitlines()) == 1
