"""``calibrate``: the platform that is written is the one that was measured."""

import math

import pytest
from msgspec.structs import astuple, replace

from backends.local.cli import main
from backends.local.measuring import calibrate
from backends.local.measuring.bench import Machine
from backends.local.measuring.calibrate import (
    METHODS,
    PROBE,
    Calibration,
    Probed,
    Waits,
    fit,
    platform_of,
)
from backends.local.measuring.calibrate import _simulated as simulated
from backends.local.measuring.generator import GENERATOR
from backends.local.measuring.profile import profile_text
from backends.stores import Sqlite
from compiler.application import load
from experiment.scenario.model import Platform, ServicePlatform, StoreModel
from experiment.scenario.platform import read_profile
from sim import cli
from tests.backends.local.running import ROOT
from tests.patience import LONGER_AND_LONGER

pytestmark = pytest.mark.real

WAITS = Waits(
    read_version=30e-6, read=30e-6, commit=4e-3, store_spread=0.2, hop_spread=0.4,
    commits_per_second=9_000.0, cold_start=0.4, restart=0.02,
)  # fmt: skip
LEAF = {
    "Leaf.nothing": 200e-6,
    "Leaf.read": 235e-6,
    "Leaf.read_five": 275e-6,
    "Leaf.write": 435e-6,
    "Middle.write": 435e-6,
}


def probed(leaf=LEAF, middle=450e-6, latency=1e-3):
    return [
        Probed(
            method, 200.0, latency,
            {
                "Leaf": leaf[method], "Middle": middle if method == "Middle.write" else 0.0,
                "gateway": 400e-6 + number * 1e-6, "upkeep": 0.0, GENERATOR: 300e-6,
            },
        )
        for number, method in enumerate(METHODS)
    ]  # fmt: skip


def test_what_a_method_costs_more_is_what_the_difference_costs():
    found = platform_of(probed(), WAITS, 2)
    store = StoreModel(
        read_version=5e-6, read=20e-6, commit=3.8e-3, read_version_cpu=25e-6, read_cpu=10e-6,
        commit_cpu=200e-6, spread=0.2, commits_per_second=9_000.0,
    )  # fmt: skip
    assert astuple(found.store) == pytest.approx(astuple(store))
    costs = (found.cpu, found.call_cpu, found.client_cpu, found.ingress_cpu)
    assert costs == pytest.approx((200e-6, 250e-6, 300e-6, 402e-6))
    assert (found.hop, found.cpu_after, found.cores) == (0.0, 0.0, 2)
    assert (found.spread, found.cold_start, found.restart) == (0.4, 0.4, 0.02)
    assert found.defaults == ServicePlatform(replicas=1, concurrency=1024, workers=1)


def test_where_noise_is_larger_than_a_difference_it_costs_nothing():
    backwards = dict(zip(LEAF, reversed(LEAF.values()), strict=True))
    found = platform_of(probed(backwards, middle=100e-6), WAITS, 2)
    store = found.store
    assert (store.read_version_cpu, store.read_cpu, store.commit_cpu) == (0.0, 0.0, 0.0)
    assert found.call_cpu == 0.0
    assert store.commit == WAITS.commit


@pytest.mark.parametrize(
    "truth", [{"hop": 150e-6}, {"cpu_after": 0.25}, {"hop": 40e-6}, {"cpu_after": 0.1}], ids=str
)
def test_the_one_number_that_is_fitted_is_found_again(truth):
    """Latencies that the model itself makes lead back to what made them."""
    application, model = load(PROBE), platform_of(probed(), WAITS, 2)
    seen = simulated(application, replace(model, **truth), probed())
    measured = [Probed(each.method, each.rate, each.simulated, each.cpu) for each in seen]
    found, again = fit(application, model, measured)
    ((name, value),) = truth.items()
    assert getattr(found, name) == pytest.approx(value, rel=0.15, abs=1e-5)
    other = {"hop": "cpu_after", "cpu_after": "hop"}[name]
    assert getattr(found, other) == 0.0
    ratios = [each.simulated / each.latency for each in again]
    assert ratios == pytest.approx([1.0] * len(METHODS), abs=0.04)


def test_one_number_does_not_hide_what_does_not_fit():
    """A method that behaves unlike the model stays wrong, and the profile says so."""
    application, model = load(PROBE), platform_of(probed(), WAITS, 2)
    seen = simulated(application, replace(model, hop=100e-6), probed())
    odd = [
        Probed(
            each.method, each.rate,
            each.simulated * (3.0 if each.method == "Leaf.read" else 1.0), each.cpu,
        )
        for each in seen
    ]  # fmt: skip
    _, again = fit(application, model, odd)
    ratios = {each.method: each.simulated / each.latency for each in again}
    assert ratios["Leaf.read"] < 0.7
    assert math.prod(ratios.values()) == pytest.approx(1.0, abs=0.15)


def test_a_profile_is_read_as_it_was_written(tmp_path):
    model = replace(platform_of(probed(), WAITS, 2), hop=31e-6, cpu_after=0.125)
    machine = Machine(2, "Linux 6.1 x86_64", "3.11.7", "2026-01-01 00:00 UTC", 0.1)
    store = Sqlite("/tmp/x", "full")
    path = tmp_path / "profile.yaml"
    path.write_text(profile_text(Calibration(model, probed(), machine, store, 0.04)))
    found = read_profile(str(path))
    assert found.profile == str(path)
    for part in ("store", "defaults"):
        assert astuple(getattr(found, part)) == pytest.approx(astuple(getattr(model, part)))
    plain = {"profile": "", "store": StoreModel(), "defaults": ServicePlatform()}
    numbers = [astuple(replace(each, **plain))[1:-3] for each in (found, model)]
    assert numbers[0] == pytest.approx(numbers[1])
    text = path.read_text()
    for said in ("2026-01-01 00:00 UTC", "2 cores", "synchronous=full", "0.04 cores"):
        assert said in text
    assert all(method in text for method in METHODS)


def test_this_machine_is_measured(tmp_path, capsys, monkeypatch):
    """The command, in a hurry; and the simulator runs a scenario on what it found."""
    monkeypatch.setattr(calibrate, "_ROUNDS", 2)
    profile = tmp_path / "profile.yaml"
    words = ["calibrate", "-o", str(profile), "--seconds"]
    assert any(main([*words, str(seconds)]) == 0 for seconds in LONGER_AND_LONGER)
    assert "Written: " in capsys.readouterr().out
    found = read_profile(str(profile))
    assert 10e-6 < found.cpu < 20e-3
    assert 10e-6 < found.client_cpu < 20e-3
    assert 10e-6 < found.ingress_cpu < 20e-3
    assert found.cores >= 1
    assert found.restart > 0.0
    assert found.store.commits_per_second > 0.0
    assert found.hop == 0.0 or found.cpu_after == 0.0
    case = tmp_path / "case.yaml"
    case.write_text(
        f"app: {ROOT / 'apps' / 'counter'}\nplatform: {{profile: ./profile.yaml}}\n"
        "load: [{executor: constant-arrival-rate, rate: 20/s, duration: 2s}]\n"
    )
    assert cli.main([str(case), "--quiet"]) == 0


def test_the_profile_must_have_a_place(capsys):
    assert main(["calibrate", "-o", "/no/such/folder/profile.yaml"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_default_platform_has_none_of_it():
    """What is measured here is nothing that scenarios without a profile have to reckon with."""
    plain = Platform()
    assert (plain.cores, plain.ingress_cpu, plain.client_cpu, plain.call_cpu) == (0, 0, 0, 0)
    assert plain.cpu_after == 0.0
