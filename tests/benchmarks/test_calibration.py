"""``python -m benchmarks.calibration``: the same scenario, real and simulated."""

import contextlib
import io
from pathlib import Path

import pytest
from rich.console import Console

from backends.local.measuring.bench import Machine
from backends.stores import Wish
from benchmarks.calibration import Compared, _notes, _print, _scenario, compare
from core.errors import MuError
from tests.patience import LONGER_AND_LONGER

ROOT = Path(__file__).parents[2]
MACHINE = Machine(2, "Linux 6.1 x86_64", "3.11.7", "2026-01-01 00:00 UTC", 0.1)
PROFILE = """\
hop: 100us
cpu: 30us
call_cpu: 30us
client_cpu: 30us
ingress_cpu: 40us
cores: 2
store: {commit_cpu: 20us}
defaults: {replicas: 1, workers: 1, concurrency: 1024}
"""


def compared(latency=(0.002, 0.0022), throughput=(500.0, 500.0)):
    watched = (0.003, 499.0, "holds")
    return Compared("hotel", 1000.0, 500.0, latency, throughput, watched, 0.02)


@pytest.mark.parametrize(
    ("found", "is_close"),
    [
        (compared(), True),
        (compared(latency=(0.002, 0.0026)), False),
        (compared(latency=(0.002, 0.0014)), False),
        (compared(throughput=(500.0, 300.0)), False),
    ],
)
def test_within_a_quarter_both_ways(found, is_close):
    assert found.is_close is is_close
    said = "all within 25%" if is_close else "not within 25%: hotel"
    assert said in _notes([found], MACHINE, 10.0)


def test_the_table_for_the_documents():
    out = io.StringIO()
    found = [compared()]
    _print(Console(file=out, width=60), found, _notes(found, MACHINE, 10.0), markdown=True)
    head, rule, row, *_ = out.getvalue().splitlines()
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "| hotel | 1,000/s | 500/s | 2.00 ms | 2.20 ms | 1.10 | 500 | 500 | 1.00 |" in row


def compared_for_long_enough(profile):
    for seconds in LONGER_AND_LONGER[:-1]:
        with contextlib.suppress(MuError):  # nothing was answered meanwhile
            return compare("counter", profile, seconds, Wish())
    return compare("counter", profile, LONGER_AND_LONGER[-1], Wish())


@pytest.mark.real
def test_real_and_simulated_are_asked_the_same(tmp_path, monkeypatch):
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    scenario = _scenario("hotel", profile, 123.4567, 2.0)
    (load,) = scenario.load
    assert (load.executor, load.rate, load.duration) == ("constant-arrival-rate", 123.457, 2.0)
    assert scenario.platform.cores == 2
    monkeypatch.chdir(ROOT)
    found = compared_for_long_enough(profile)
    assert found.rate == found.saturation / 2 > 0
    assert min(*found.latency, found.watched[0]) > 0.0003
    # the profile's machine is faster than any that the test may run on, so it keeps up
    assert found.throughput[1] == pytest.approx(found.rate, rel=0.1)
    assert found.throughput[0] > 0
    assert found.watched[2] == "holds"
