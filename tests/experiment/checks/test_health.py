"""What was given up is tried again where nothing fails: an oracle tells whether it had to be."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from compiler.application import load
from core.attempt import Attempt
from core.errors import TooOld
from core.ids import uuid7
from core.messages import Returned
from core.slowness import Slowness
from experiment.checks.health import Health
from experiment.judgement import judge
from experiment.scenario.file import read
from experiment.scenario.model import Check, Fault, Platform, Retry, Selector, StoreModel
from sim.run import run
from tests.direct import root_request

HERE = Path(__file__).parent
NOW_MS = 1_700_000_000_000
SMOKE = Path(__file__).parents[3] / "scenarios" / "smoke.yaml"


def hopeless(**changes):
    """A short run of orders, some of which can only be set aside."""
    scenario = read(SMOKE).scenario
    short = [replace(each, duration=1.0) for each in scenario.load]
    return replace(
        scenario, app=str(HERE / "hopeless.py"), load=short, thresholds=[], check=[], **changes
    )


def verdicts(outcome):
    return {each.name: each for each in outcome.checks}


@pytest.fixture(scope="module")
def application():
    return load(str(HERE / "hopeless.py"))


def test_what_had_to_be_set_aside_is_an_end_and_told_in_the_report(application):
    scenario = hopeless()
    outcome = judge(run(scenario, application), application)
    assert {each.status for each in outcome.checks} <= {"holds", "not applicable"}, outcome.checks
    number = sum(outcome.metrics.set_aside.values())
    assert f"{number} set-aside requests" in verdicts(outcome)["liveness"].detail
    assert number
    for what in outcome.metrics.set_aside:
        assert what.startswith("Shop.order: ")
        assert "hopeless.py:" in what


HALVES = """
from compiler import Persistent, call, instance, service


@service
class Note:
    def __init__(self) -> None:
        self.seen: Persistent[dict[int, int]] = {}

    def add(self, key: int) -> int:
        self.seen[key] = self.seen.get(key, 0) + 1
        return self.seen[key]


@service
class Shop:
    def __init__(self) -> None:
        self.orders: Persistent[dict[int, int]] = {}

    def order(self, key: int, size: int) -> int:
        seen = call(Note.add, key)
        call(Texts.keep, key, size)
        self.orders[key] = self.orders.get(key, 0) + 1
        return seen


@service
class Texts:
    def __init__(self) -> None:
        self.texts: Persistent[dict[int, str]] = {}

    def keep(self, key: int, size: int) -> None:
        self.texts[key] = "x" * size


MIX = {"Shop.order": 1.0}
ARGUMENTS = {"Shop.order": lambda rng: (rng.randrange(100), SIZES)}


def noted_as_ordered() -> None:
    assert dict(instance(Note).seen.items()) == dict(instance(Shop).orders.items())


def nothing_is_noted() -> None:
    assert not dict(instance(Note).seen.items())
"""


@pytest.mark.parametrize(
    ("sizes", "poison", "judged"),
    [
        ("1", True, ["holds", "fails"]),  # an invariant that is wrong anyhow stays so
        ("rng.choice([1, 1, 1, 200_000])", False, ["inconclusive", "inconclusive"]),
    ],
)
def test_an_invariant_over_what_was_set_aside_is_judged_as_if_it_were_done(
    sizes, poison, judged, tmp_path
):
    file = tmp_path / "halves.py"
    file.write_text(HALVES.replace("SIZES", sizes))
    application = load(str(file))
    names = ["halves.noted_as_ordered", "halves.nothing_is_noted"]
    kinds = [Fault("poison", selector=Selector("Texts"), probability=0.05)]
    scenario = replace(
        hopeless(heal=60.0, faults=kinds if poison else []),
        app=str(file),
        check=[Check(name, invariant=name) for name in names],
    )
    outcome = judge(run(scenario, application), application)
    assert outcome.metrics.set_aside
    found = verdicts(outcome)
    assert [found[name].status for name in names] == judged, found
    details = [found[name].detail for name in names]
    assert all("set aside, half done" in detail for detail in details), details


ASKS = """
from compiler import Persistent, outside, service


@outside
def charge(card: str) -> str:
    return card


@service
class Till:
    def __init__(self) -> None:
        self.paid: Persistent[dict[str, str]] = {}

    def pay(self, card: str) -> None:
        self.paid[card] = charge(card)

    def refund(self, card: str) -> None:
        self.paid[card] = ""
"""


def test_the_outside_is_not_asked_for_the_sake_of_an_oracle(tmp_path):
    file = tmp_path / "asks.py"
    file.write_text(ASKS)
    program = load(str(file)).program.keyed(b"secret")
    health = Health(program, Platform(), True)
    outcomes = {}
    for number, method in enumerate(("pay", "refund")):
        request = root_request(program, uuid7(NOW_MS, number), "Till", method, "ada")
        outcomes[method] = health.outcome({}, request)
    assert outcomes["pay"] is None
    assert isinstance(outcomes["refund"], Returned)


SUMS = """
from compiler import Persistent, call, service


@service
class Note:
    def __init__(self) -> None:
        self.seen: Persistent[dict[int, int]] = {}

    def add(self, key: int) -> None:
        self.seen[key] = 1


@service
class Sum:
    def __init__(self) -> None:
        self.values: Persistent[dict[int, int]] = {}

    def run(self, key: int) -> None:
        call(Note.add, key)
        self.look(key)

    def look(self, key: int) -> None:
        self.values[key] = sum([self.values.get(key + number, 0) for number in range(8)])


MIX = {"Sum.run": 1.0, "Sum.look": 1.0}
ARGUMENTS = {name: lambda rng: (rng.randrange(1_000_000),) for name in MIX}
"""


@pytest.fixture(scope="module")
def sums(tmp_path_factory):
    path = tmp_path_factory.mktemp("sums") / "sums.py"
    path.write_text(SUMS)
    return load(str(path))


def slow_reads(sums, read_seconds):
    scenario = hopeless(
        platform=Platform(store=StoreModel(read=read_seconds)),
        retry=Retry(timeout=30.0),
        heal=400.0,
    )
    loads = [replace(each, rate=2.0) for each in scenario.load]
    return judge(run(replace(scenario, load=loads), sums), sums)


def test_too_slow_is_a_verdict_where_the_platform_is_slow(sums):
    outcome = slow_reads(sums, 0.9)
    assert outcome.metrics.told.keys() <= {"SetAside", "TooSlow"}
    assert verdicts(outcome)["liveness"].status == "holds", outcome.checks


def gives_up(self, error, region):
    """Whatever the store refuses is taken for slowness."""
    self._times = 5
    yield from ()


def test_too_slow_is_no_verdict_where_it_is_well(sums, monkeypatch):
    monkeypatch.setattr(Slowness, "failed", gives_up)
    original = Attempt.end_region
    refused = set()

    def once(self, end, outcome=None):
        """Every attempt is refused one commit, as by a store that has just been away."""
        if self.name not in refused:
            refused.add(self.name)
            raise TooOld
        return (yield from original(self, end, outcome))

    monkeypatch.setattr(Attempt, "end_region", once)
    outcome = slow_reads(sums, 0.001)
    monkeypatch.undo()
    evidence = " ".join(verdicts(outcome)["liveness"].evidence)
    assert "but tried again in good health it returned None" in evidence
