"""What is compared, as rows of cells: the one source of every table.

A row has a cell for each run. Where it makes sense, a cell holds the ratio of its
run's value to the first run's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from figures.quantities import NONE, show_count, show_latency, show_number, show_rate, show_seconds
from figures.results import Result, Verdict
from figures.runs import Run

__all__ = ["Cell", "Mood", "Row", "Section", "compare", "verdict_cell", "verdicts_by_name"]

Mood = Literal["plain", "quiet", "good", "bad", "unclear"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one row says of one run.

    :ivar ratio: the value over the first run's; None if there is none to speak of.
    """

    text: str
    ratio: float | None = None
    mood: Mood = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a name, and a cell for each run."""

    name: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together."""

    title: str
    rows: list[Row]


_Fact = Callable[[Run], str]
_Measure = Callable[[Run], float]


def compare(runs: Sequence[Run]) -> list[Section]:
    """Everything there is to say of the runs, section by section; empty ones are left out."""
    sections = [
        Section("Run", [_told(runs, name, fact) for name, fact in _FACTS.items()]),
        Section("Load", _load(runs)),
        Section("Answers", _answers(runs)),
        Section("Latency", _latency(runs)),
        Section("Store", _store(runs)),
        Section("Faults that struck", _faults(runs)),
        Section("Checks", _verdicts(runs, lambda result: result.verdicts)),
        Section("Thresholds", _verdicts(runs, lambda result: result.thresholds)),
        Section("In all", [Row("verdict", [verdict_cell(run.result.status) for run in runs])]),
    ]
    kept = [Section(s.title, [row for row in s.rows if not _is_empty(row)]) for s in sections]
    return [section for section in kept if section.rows]


def _is_empty(row: Row) -> bool:
    return all(cell.text == NONE for cell in row.cells)


# --- rows


def _told(runs: Sequence[Run], name: str, fact: _Fact) -> Row:
    return Row(name, [Cell(fact(run) or NONE) for run in runs])


def _measured(
    runs: Sequence[Run], name: str, measure: _Measure, show: Callable[[float], str]
) -> Row:
    """A row of values with their ratios to the first."""
    values = [measure(run) for run in runs]
    first = values[0]
    return Row(
        name,
        [Cell(show(value), value / first if first and index else None)
         for index, value in enumerate(values)],
    )  # fmt: skip


def _counted(runs: Sequence[Run], name: str, count: Callable[[Run], int], alarming: bool) -> Row:
    """A row of counts, which stand out if they are ``alarming`` and not 0."""
    numbers = [count(run) for run in runs]
    return Row(
        name,
        [Cell(show_count(n), None, "unclear" if alarming and n else "plain") for n in numbers],
    )


# --- sections


def _seeds(run: Run) -> str:
    seeds = run.result.seeds
    if len(seeds) <= 1:
        return ", ".join(map(str, seeds))
    failing = sum(each.status == "fails" for each in run.result.failing)
    return f"{len(seeds)} from {min(seeds)}, {failing} failed"


def _machine(run: Run) -> str:
    environment = run.result.environment
    cores = environment.get("cores")
    words = [str(environment.get("system", ""))]
    words += [f"{cores:g} cores"] if isinstance(cores, float | int) else []
    return ", ".join(filter(None, words))


_FACTS: dict[str, _Fact] = {
    "backend": lambda run: run.result.backend,
    "application": lambda run: run.result.scenario.app,
    "scenario": lambda run: run.result.scenario.name,
    "protocol": lambda run: run.result.protocol,
    "planted bug": lambda run: run.result.planted,
    "store": lambda run: run.result.store,
    "durability": lambda run: run.result.durability,
    "seed": _seeds,
    "machine": _machine,
    "python": lambda run: str(run.result.environment.get("python", "")),
}


def _load(runs: Sequence[Run]) -> list[Row]:
    return [
        _told(runs, "duration", lambda run: show_seconds(run.result.measurements.load_seconds)),
        _told(runs, "with settling", lambda run: _seconds(run.result.measurements.seconds)),
        _measured(runs, "sent per second", lambda run: run.offered, show_rate),
        _counted(runs, "sent", lambda run: run.result.measurements.sent, False),
    ]


def _seconds(seconds: float) -> str:
    return show_seconds(seconds) if seconds else NONE


def _answers(runs: Sequence[Run]) -> list[Row]:
    def count(name: str, field: str, alarming: bool = False) -> Row:
        return _counted(
            runs, name, lambda run: int(getattr(run.result.measurements, field)), alarming
        )

    return [
        _measured(runs, "throughput", lambda run: run.throughput, show_rate),
        _measured(
            runs, "goodput (in time)", lambda run: run.result.measurements.goodput, show_rate
        ),
        count("succeeded", "succeeded"),
        count("raised", "raised"),
        count("failed definitely", "failed", alarming=True),
        count("failed indefinitely", "unknown", alarming=True),
    ]


def _latency(runs: Sequence[Run]) -> list[Row]:
    def percentile(name: str) -> Row:
        return _measured(
            runs,
            name,
            lambda run: run.result.measurements.latency.percentiles.get(name, 0.0),
            show_latency,
        )

    rows = [percentile(name) for name in ("p50", "p90", "p99")]
    highest = _measured(
        runs, "max", lambda run: run.result.measurements.latency.highest, show_latency
    )
    unanswered = [not run.result.measurements.latency.count for run in runs]
    return [
        Row(row.name, [Cell(NONE) if none else cell
                       for none, cell in zip(unanswered, row.cells, strict=True)])
        for row in (*rows, highest)
    ]  # fmt: skip


def _store(runs: Sequence[Run]) -> list[Row]:
    def refused(name: str) -> Row:
        def count(run: Run) -> int:
            return run.result.measurements.refused_commits.get(name, 0)

        title = "aborts (conflicts)" if name == "Conflict" else f"refused: {name}"
        return _counted(runs, title, count, False)

    names = {name for run in runs for name in run.result.measurements.refused_commits}
    others = sorted(names - {"Conflict"})
    return [
        _measured(
            runs,
            "commits per request",
            lambda run: run.result.measurements.commits_per_request,
            show_number,
        ),
        _measured(
            runs,
            "round trips per request",
            lambda run: run.result.measurements.trips_per_request,
            show_number,
        ),
        *(refused(name) for name in ["Conflict", *others]),
    ]


def _faults(runs: Sequence[Run]) -> list[Row]:
    kinds = dict.fromkeys(kind for run in runs for kind in run.strikes)
    rows = [Row(kind, [strikes_cell(run, kind) for run in runs]) for kind in kinds]
    points = [
        Cell(f"{sum(map(bool, run.result.points.values()))} of {run.result.points_total}")
        if run.result.points_total
        else Cell(NONE)
        for run in runs
    ]
    return [*rows, Row("crash points passed", points)]


def strikes_cell(run: Run, kind: str) -> Cell:
    """How often faults of a kind struck; that they never did stands out."""
    struck = run.strikes.get(kind)
    if struck is None:
        return Cell(NONE, None, "quiet")
    return Cell(show_count(struck), None, "plain" if struck else "unclear")


def _verdicts(runs: Sequence[Run], of: Callable[[Result], list[Verdict]]) -> list[Row]:
    return [
        Row(name, [verdict_cell(status) for status in statuses])
        for name, statuses in verdicts_by_name([of(run.result) for run in runs]).items()
    ]


def verdicts_by_name(each: Sequence[Iterable[Verdict]]) -> dict[str, list[str]]:
    """For each check, in the order of the first run that made it, what each run came to."""
    tables = [{verdict.name: verdict.status for verdict in verdicts} for verdicts in each]
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: [table.get(name, "") for table in tables] for name in names}


_MOODS: dict[str, Mood] = {"holds": "good", "fails": "bad", "inconclusive": "unclear"}


def verdict_cell(status: str) -> Cell:
    """A verdict, which is told by its word alone, too."""
    text = "FAILS" if status == "fails" else status or NONE
    return Cell(text, None, _MOODS.get(status, "quiet"))
