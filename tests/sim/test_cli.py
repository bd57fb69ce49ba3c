"""The command line: exit statuses, what goes where, and what bad input is told."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from compiler.errors import ApplicationNotFound
from experiment import judgement, preparation
from experiment.verdict import Verdict
from sim import cli, execution
from tests.experiment.outcomes import CODEC, FAILS, HOLDS, UNCLEAR, a_run, read_result

SCENARIO = """\
app: apps/hotel
seed: 7
load: [{executor: constant-arrival-rate, rate: 1/s, duration: 10s}]
"""
FAULTS = """\
faults:
  # keep me
  - {kind: crash, probability: 10%}
  - {kind: partition, between: [Hotel, store], duration: 1s, schedule: "@every 5s"}
"""


def application():
    method = SimpleNamespace(name="reserve", public=True, check=lambda: None)
    service = SimpleNamespace(name="Hotel", methods={"reserve": method})
    made = SimpleNamespace(
        origin="",
        program=SimpleNamespace(
            name="hotel",
            services={"Hotel": service},
            codec=CODEC,
            beyond_baselines="",
            outside={},
        ),
        workload=SimpleNamespace(
            callers={},
            mix={"Hotel.reserve": 1.0},
            arguments={},
            invariants={"sane": 0},
            stand_ins={},
        ),
        with_stand_ins=lambda: made,
    )
    return made


class World:
    """Stands in for the compiler, the simulator and the checks.

    :ivar judge: the verdicts on a run of a scenario.
    """

    def __init__(self):
        self.ran = []
        self.judge = lambda scenario: HOLDS
        self.strikes = [1, 1]

    def run(self, scenario, app, *, progress=None, protocol=None):
        self.ran.append(scenario)
        self.protocol = protocol.name
        progress = progress or (lambda now, end: None)
        progress(5.0, 10.0)
        made = a_run(scenario)
        made.fault_strikes = self.strikes[: len(scenario.faults)]
        return made


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(preparation.compiled, "load", lambda app: application())
    monkeypatch.setattr(execution, "run", world.run)
    monkeypatch.setattr(
        judgement.checks, "check", lambda run, app, scenario, only: list(world.judge(scenario))
    )
    monkeypatch.setenv("COLUMNS", "80")
    return world


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "case.yaml").write_text(SCENARIO + FAULTS)
    return "case.yaml"


def test_a_run_that_holds(world, scenario, capsys):
    assert cli.main([scenario]) == 0
    said = capsys.readouterr()
    assert "holds           exactly_once" in said.out
    assert "Run again: python -m sim case.yaml --seed 7" in said.out
    assert said.err == ""


def test_a_run_that_fails(world, scenario, capsys):
    world.judge = lambda scenario: FAILS
    assert cli.main([scenario]) == 1
    assert "FAILED: exactly_once" in capsys.readouterr().out


def test_a_check_that_could_not_be_made(world, scenario):
    world.judge = lambda scenario: UNCLEAR
    assert cli.main([scenario]) == 3


def test_a_fault_that_never_struck(world, scenario, capsys):
    world.strikes = [1, 0]
    assert cli.main([scenario]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "fault 2 (partition between Hotel and store, every 5s) never struck" in said


def test_a_missed_threshold(world, scenario, capsys):
    with open(scenario, "a") as file:
        file.write('thresholds: {latency: "max<1s"}\n')
    assert cli.main([scenario]) == 1
    assert "measured 10.5 s" in capsys.readouterr().out


def test_options_reach_the_run(world, scenario, capsys):
    arguments = [scenario, "--seed", "12", "--app", "apps/bank", "--faults", "none"]
    assert cli.main(arguments) == 0
    (ran,) = world.ran
    assert (ran.seed, ran.app, ran.faults) == (12, "apps/bank", [])
    assert [check.invariant for check in ran.check] == ["hotel.sane"]
    command = "python -m sim case.yaml --seed 12 --app apps/bank --faults none"
    assert command in " ".join(capsys.readouterr().out.split())


def test_the_protocol_is_the_one_in_the_repository_unless_another_is_asked_for(world, scenario):
    assert cli.main([scenario]) == 0
    assert world.protocol == "mu2sls"
    assert cli.main([scenario, "--protocol", "unsafe", "--out", "runs"]) == 0
    assert world.protocol == "unsafe"
    assert read_result(Path("runs/result.json")).protocol == "unsafe"
    assert json.loads(Path("runs/history.jsonl").read_text().splitlines()[0])["seed"] == 7


def test_files_of_a_run(world, scenario, tmp_path):
    assert cli.main([scenario, "--out", "runs/7"]) == 0
    assert read_result(tmp_path / "runs/7/result.json").status == "holds"
    lines = (tmp_path / "runs/7/history.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["seed"] == 7


def test_what_is_measured_only_is_not_said_to_hold(world, scenario, tmp_path, capsys):
    assert cli.main([scenario, "--unchecked", "--out", "runs"]) == 3
    assert "INCONCLUSIVE: correctness could not be checked" in capsys.readouterr().out
    assert read_result(tmp_path / "runs/result.json").status == "inconclusive"
    assert not (tmp_path / "runs/history.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.yaml"], "none.yaml: there is no such file"),
        ([""], "'': there is no such file"),
        (["a" * 300], "cannot be read: File name too long\n    give the path of a scenario file"),
        (["case.yaml", "--profile", "none"], "none: there is no such profile"),
        (["bad.yaml"], "bad.yaml:2:1: 'lod' is not a key of a scenario"),
        (["case.yaml", "--planted", "no_intend"], "did you mean 'no_intent'?"),
        (["case.yaml", "--out", "case.yaml/x"], "case.yaml/x: cannot be written"),
        (["case.yaml", "--planted", "no_intent", "--protocol", "unsafe"], "give one of the two"),
    ],
)
def test_bad_input(world, scenario, tmp_path, capsys, arguments, says):
    (tmp_path / "bad.yaml").write_text("app: a\nlod: []\n")
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert world.ran == []


def test_a_scenario_that_does_not_fit_the_application(world, scenario, capsys):
    with open(scenario, "a") as file:
        file.write("check: [{invariant: hotel.sain}]\n")
    assert cli.main([scenario]) == 2
    assert "did you mean 'hotel.sane'?" in capsys.readouterr().err


MISSING = "there is no application 'apps/hotl'", "did you mean apps/hotel?"


@pytest.fixture
def missing(monkeypatch):
    """An application that is not there."""

    def load(app):
        raise ApplicationNotFound(*MISSING)

    monkeypatch.setattr(preparation.compiled, "load", load)


def test_an_application_that_is_not_there(scenario, missing, capsys):
    assert cli.main([scenario]) == 2
    assert capsys.readouterr().err == (
        "case.yaml:1:6: app: there is no application 'apps/hotl'\n"
        "    app: apps/hotel\n"
        "         ^\n"
        "    did you mean apps/hotel?\n"
        "\n"
        "1 mistake\n"
    )


def test_an_application_of_the_command_line_that_is_not_there(scenario, missing, capsys):
    assert cli.main([scenario, "--app", "apps/hotl"]) == 2
    assert capsys.readouterr().err == (
        "--app: there is no application 'apps/hotl'\n    did you mean apps/hotel?\n\n1 mistake\n"
    )


SHOP = """\
from compiler import instance, service
@service
class Shop:
    def __init__(self):
        self.sold = 0  # type: Persistent[int]
    def sell(self):
        self.sold += 1
MIX = {"Shop.sell": 1}
"""
SALE = """\
app: shop.py
load: [{executor: constant-arrival-rate, rate: 5/s, duration: 1s}]
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Writes a shop with a mistake and the scenario of a sale, ``sale.yaml``."""

    def write(more):
        (tmp_path / "shop.py").write_text(SHOP + more)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sale.yaml").write_text(SALE)
    return write


def test_an_application_that_does_not_compile(shop, capsys):
    shop("@service\nclass Other:\n    def m(self):\n        self.x = 1\n")
    assert cli.main(["sale.yaml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("shop.py:12:9: Other has no field x\n    self.x = 1\n    ^^^^^^\n")
    assert said.endswith("\n\n1 error in the application that sale.yaml:1:6 asks for\n")
    assert cli.main(["sale.yaml", "--app", "shop.py"]) == 2
    assert capsys.readouterr().err.endswith("1 error in the application that --app asks for\n")


def test_an_application_whose_set_up_fails(shop, capsys):
    shop("def setup():\n    {}['nope']\n")
    assert cli.main(["sale.yaml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("shop.py:10:5: setup() raised KeyError: 'nope'\n    {}['nope']\n    ^")
    assert said.endswith("\n\n1 error in the application that sale.yaml:1:6 asks for\n")


def test_an_application_whose_arguments_fail(shop, capsys):
    shop("ARGUMENTS = {\n    'Shop.sell': lambda rng: rng.choice([]),\n}\n")
    assert cli.main(["sale.yaml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith('shop.py:10:30: ARGUMENTS["Shop.sell"] raised IndexError')
    assert "\n    'Shop.sell': lambda rng: rng.choice([]),\n" in said
    assert cli.main(["sale.yaml", "--seeds", "2", "--jobs", "1"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert 'seed 1 the run broke off: shop.py:10:30: ARGUMENTS["Shop.sell"] raised' in said


def test_an_application_whose_invariants_do_not_hold(shop, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shop(
        "def few():\n    assert instance(Shop).sold < 2\n"
        "def none():\n    assert not instance(Shop).sold, 'some were sold'\n"
        "def broken():\n    instance(Shop).bought.sort()\n"
        "def leaving():\n    raise SystemExit(0)\n"
    )
    assert cli.main(["sale.yaml", "--app", "shop.py"]) == 1
    said = capsys.readouterr().out
    for expected in (
        r"    shop\.py:10:\d+: an assertion does.*\n {8}assert instance\(Shop\).sold < 2\n +\^",
        r"    shop\.py:12:\d+: some were sold\n {8}assert not instance\(Shop\).sold, 'some.*\n +\^",
        r"    instance\(Shop\).bought.sort\(\)\n {8}\^{21}\n {8}instead: an invariant that can",
    ):
        assert re.search(expected, said), expected
    assert "    shop.py:16:5: shop.leaving raised SystemExit: 0\n" in said
    assert "    shop.py:14:5: shop.broken raised AttributeError: " in said


def test_a_result_that_cannot_be_written(world, scenario, tmp_path, capsys):
    (tmp_path / "runs/result.json").mkdir(parents=True)
    for more in ([], ["--seeds", "1", "--jobs", "1"]):
        assert cli.main([scenario, "--out", "runs", *more]) == 2
        said = capsys.readouterr().err
        assert said.startswith("runs/result.json: cannot be written: Is a directory; give a")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the following arguments are required: SCENARIO"),
        (["case.yaml", "--seed", "x"], "'x' is not a seed: give a whole number from 0 up"),
        (["case.yaml", "--seeds", "0"], "'0' is not a number of seeds: give one from 1 up"),
        (["case.yaml", "--jobs", "-1"], "'-1' is not a number of processes: give one from 1 up"),
        (["case.yaml", "--faults", "all"], "invalid choice: 'all'"),
        (["case.yaml", "--protocol", "none"], "invalid choice: 'none'"),
        (["case.yaml", "--seed", "9" * 19], "this seed is too large: give at most 92233720368547"),
        (["case.yaml", "--seed", "9" * 5000], "this seed is too large"),
        (["case.yaml", "--seeds", "1000001"], "1000001 seeds are too many: give at most 1,000,000"),
        (["case.yaml", "--seeds", "9" * 5000], "seeds are too many"),
        (["case.yaml", "--sed", "1"], "unrecognized arguments: --sed"),
    ],
)
def test_wrong_arguments(world, scenario, capsys, arguments, says):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


def test_help_teaches(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "python -m sim scenarios/crash.yaml --seeds 200" in said
    assert "exit status:" in said
    assert max(map(len, said.splitlines())) <= 80


# --- sweeps


def test_a_sweep_that_holds(world, scenario, capsys):
    assert cli.main([scenario, "--seeds", "5", "--jobs", "1"]) == 0
    assert [ran.seed for ran in world.ran] == [7, 8, 9, 10, 11]
    assert "All checks held on all of 5 seeds." in capsys.readouterr().out


def test_a_sweep_with_a_failing_seed(world, scenario, capsys, tmp_path):
    world.judge = lambda scenario: FAILS if scenario.seed == 9 else HOLDS
    arguments = [scenario, "--seeds", "4", "--jobs", "1", "--out", "runs"]
    assert cli.main(arguments) == 1
    said = capsys.readouterr().out
    assert "seed 9  exactly_once fails: request 1 happened twice" in said
    assert "python -m sim case.yaml --seed 9" in said
    assert read_result(tmp_path / "runs/result.json").failing[0].seed == 9
    assert read_result(tmp_path / "runs/seed-9/result.json").seeds == [9]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["result.json", "seed-9"]


def test_a_run_that_breaks_off_does_not_end_a_sweep(world, scenario, capsys):
    def judge(scenario):
        if scenario.seed == 8:
            raise ValueError("boom")
        return HOLDS

    world.judge = judge
    assert cli.main([scenario, "--seeds", "3", "--jobs", "1"]) == 3
    said = capsys.readouterr().out
    assert "seed 8  the run broke off: ValueError: boom" in said
    assert len(world.ran) == 3


def test_an_interrupted_sweep_says_what_is_known(world, scenario, capsys):
    def judge(scenario):
        if scenario.seed == 9:
            raise KeyboardInterrupt
        return FAILS if scenario.seed == 8 else HOLDS

    world.judge = judge
    assert cli.main([scenario, "--seeds", "50", "--jobs", "1"]) == 130
    said = capsys.readouterr().out
    assert "2 seeds of 50" in said
    assert "seed 8  exactly_once fails" in said


def test_an_interrupted_run(world, scenario, capsys):
    def judge(scenario):
        raise KeyboardInterrupt

    world.judge = judge
    assert cli.main([scenario]) == 130
    assert capsys.readouterr().err == "interrupted\n"


# --- shrinking


def test_shrinking_finds_the_strike_that_matters(world, scenario, capsys, tmp_path):
    def judge(scenario):
        crash = scenario.faults[0]
        return FAILS if crash.kind == "crash" and (crash.nth == [3] or not crash.nth) else HOLDS

    world.judge = lambda scenario: judge(scenario) if scenario.faults[0].probability else HOLDS
    assert cli.main([scenario, "--shrink"]) == 1
    said = capsys.readouterr().out
    assert "Shrunk: 1 of 1 strike needed" in said
    assert "crash at any, nth [3]" in said
    assert re.search(r"Run it: python -m sim case-seed-7\.yaml --seed 7", said)
    written = (tmp_path / "case-seed-7.yaml").read_text()
    assert "keep me" in written
    assert "nth: [3]" in written
    assert "partition" not in written
    assert cli.main(["case-seed-7.yaml"]) == 1


def test_nothing_to_shrink(world, scenario, capsys):
    assert cli.main([scenario, "--shrink"]) == 0
    assert "Nothing fails, so there is nothing to shrink." in capsys.readouterr().out


def test_a_failure_that_does_not_come_back(world, scenario, capsys):
    world.judge = lambda scenario: HOLDS if scenario.faults[0].nth else FAILS
    assert cli.main([scenario, "--shrink"]) == 1
    assert "does not come back" in capsys.readouterr().out


def test_evidence_is_kept_apart_from_markup(world, scenario, capsys):
    world.judge = lambda scenario: [Verdict("reference", "fails", "1 answer", ["got [/b] ['x']"])]
    assert cli.main([scenario]) == 1
    assert "got [/b] ['x']" in capsys.readouterr().out


CHATTY = """
print("I am imported")
def setup():
    print("I set up")
def sane():
    print("I look")
@service
class Other:
    def __init__(self):
        self.n = 0  # type: Persistent[int]
    def m(self):
        print("I am called")
        self.n += 1
MIX = {"Other.m": 1}
"""


@pytest.mark.parametrize("options", [[], ["--seeds", "2", "--jobs", "2"]], ids=str)
def test_what_an_application_prints_is_not_in_the_report(shop, capfd, options):
    shop(CHATTY)
    Path("sale.yaml").write_text(f"{SALE}check: [{{invariant: shop.sane}}, reference]\n")
    assert cli.main(["sale.yaml", *options]) == 0
    said = capfd.readouterr()
    assert said.out.startswith("sale")
    assert "I " not in said.out + said.err
