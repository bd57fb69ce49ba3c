"""One contender from start to end: installed, started, asked, checked, ended."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.peers.check import differences
from benchmarks.peers.contenders.contender import ROOT, Contender, InProcess
from benchmarks.peers.install import Absent
from benchmarks.peers.observation import Observation, Plan
from benchmarks.peers.processes import Failed, output

__all__ = ["Figures", "Row", "figures", "measure", "percentile"]


class Figures(msgspec.Struct, frozen=True):
    """One stage in numbers: answers per second, and latencies in milliseconds."""

    clients: int
    answers: int
    per_second: float
    p50: float | None
    p99: float | None


class Row(msgspec.Struct):
    """What came of one contender.

    :ivar status: ``measured``; ``skipped``, it is not to be had here; ``failed``, it broke.
    :ivar reason: why it was skipped or failed.
    :ivar startup: seconds until the server answered.
    :ivar differences: what contradicts that every increment happened exactly once.
    """

    system: str
    setting: str
    survives: str
    status: str = "measured"
    reason: str = ""
    versions: dict[str, str] = {}
    durability: str = ""
    startup: float | None = None
    figures: list[Figures] = []
    acknowledged: int = 0
    counted: int = 0
    unknown: int = 0
    repeated: int = 0
    failures: dict[str, int] = {}
    differences: list[str] = []


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest of the values that at least ``share`` of all do not exceed (nearest rank)."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def figures(seen: Observation) -> list[Figures]:
    """The stages in numbers; only what was acknowledged within a stage's seconds counts."""
    found = []
    for number, stage in enumerate(seen.stages):
        times = sorted(
            each.seconds * 1e3
            for each in seen.increments
            if each.stage == number and each.answer is not None
        )
        found.append(
            Figures(
                stage.clients,
                len(times),
                len(times) / stage.seconds,
                percentile(times, 0.5),
                percentile(times, 0.99),
            )
        )
    return found


def measure(contender: Contender, plan: Plan, cache: Path, say: Callable[[str], None]) -> Row:
    """Measure one contender; whatever goes wrong with it is in the row."""
    row = Row(contender.system, contender.setting, contender.survives)
    name = f"{contender.system}, {contender.setting}"
    try:
        say(f"{name}: install")
        prepared = contender.prepare(cache)
        row.versions = prepared.versions
        with tempfile.TemporaryDirectory(prefix="data-", dir=cache) as folder:
            data, log = Path(folder, "data"), Path(folder, "log.txt")
            data.mkdir()
            say(f"{name}: start")
            with prepared.start(data, log) as running:
                say(f"{name}: measure")
                if isinstance(running, InProcess):
                    seen = _observe(running.command, plan, log)
                    row.durability = seen.durability
                else:
                    command = [sys.executable, "-m", "benchmarks.peers.load"]
                    asked = msgspec.structs.replace(plan, target=running.target)
                    seen = _observe(command, asked, Path(folder, "load.txt"))
                    row.durability, row.startup = running.durability, running.startup
        _judge(row, seen)
    except Absent as absence:
        row.status, row.reason = "skipped", str(absence)
    except Failed as failure:
        row.status, row.reason = "failed", str(failure)
    except (OSError, LookupError, ValueError) as error:  # it said something else than expected
        row.status, row.reason = "failed", f"{type(error).__name__}: {error}"
    return row


def _observe(command: list[str], plan: Plan, log: Path) -> Observation:
    given = msgspec.json.encode(plan)
    patience = len(plan.clients) * (plan.warm_up + plan.seconds + plan.timeout) + 300.0
    written = output(command, log, given, folder=ROOT, timeout=patience)
    return msgspec.json.decode(written, type=Observation)


def _judge(row: Row, seen: Observation) -> None:
    row.figures = figures(seen)
    row.acknowledged = sum(each.answer is not None for each in seen.increments)
    row.unknown = len(seen.increments) - row.acknowledged
    row.counted = sum(seen.counts.values())
    row.repeated = len(seen.repeats)
    row.failures = seen.failures
    row.differences = differences(seen)
