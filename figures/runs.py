"""Results side by side: each run has a letter, and a label that says what is different about it.

What all runs share goes into the title (:func:`shared`), what they do not into the
labels: two runs of one scenario on two backends are called after their backends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from figures.errors import NotComparable
from figures.quantities import show_rate
from figures.results import Load, Result, read

__all__ = ["MOST", "Run", "load", "shared", "side_by_side"]

MOST = 6
"""So many runs can still be told apart in one picture."""

_LETTERS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class Run:
    """One of the runs that are compared.

    :ivar letter: ``A`` for the first, to which the others are compared.
    :ivar label: what is different about it, in a few words.
    """

    letter: str
    label: str
    path: Path
    result: Result

    @property
    def title(self) -> str:
        """Letter and label."""
        return f"{self.letter}  {self.label}"

    @property
    def offered(self) -> float:
        """Requests sent per second of load."""
        measured = self.result.measurements
        return measured.sent / measured.load_seconds if measured.load_seconds else 0.0

    @property
    def throughput(self) -> float:
        """Answers per second of load, those that came after it included."""
        measured = self.result.measurements
        answered = measured.succeeded + measured.raised
        return answered / measured.load_seconds if measured.load_seconds else 0.0

    @property
    def strikes(self) -> dict[str, int]:
        """How often faults of each declared kind struck."""
        kinds: Counter[str] = Counter()
        for fault in self.result.faults:
            kinds[fault.kind] += fault.strikes
        return dict(kinds)


def load(paths: Sequence[Path]) -> list[Run]:
    """Read result files and put them side by side.

    :raises BadResult: a file is not there or is no result.
    :raises NotComparable: there are too many, or some are sweeps and some are not.
    """
    if len(paths) > MOST:
        raise NotComparable(
            f"{len(paths)} results are too many for one picture; give at most {MOST}"
        )
    return side_by_side([(path, read(path)) for path in paths])


def side_by_side(found: Sequence[tuple[Path, Result]]) -> list[Run]:
    """Give each result its letter and its label.

    :raises NotComparable: some are sweeps over many seeds, and some are single runs.
    """
    sweeps = [path for path, result in found if len(result.seeds) > 1]
    if sweeps and len(sweeps) < len(found):
        single = next(path for path, result in found if len(result.seeds) <= 1)
        raise NotComparable(
            f"{sweeps[0]}: this is a sweep over many seeds, but {single} is a single run; compare "
            "sweeps with sweeps, or run one seed with --seed and --out"
        )
    labels = _labels(found)
    return [
        Run(letter, label, path, result)
        for letter, label, (path, result) in zip(_LETTERS, labels, found, strict=False)
    ]


def _protocol(result: Result) -> str:
    return f"{result.protocol} with {result.planted}" if result.planted else result.protocol


def _load(result: Result) -> str:
    return " + ".join(map(_stream, result.scenario.load))


def _stream(load: Load) -> str:
    """One stream of requests, in a word or two."""
    if load.executor.startswith("ramping"):
        return "ramping load"
    if load.rate:
        return show_rate(load.rate)
    return f"{load.vus} clients" if load.vus != 1 else "1 client"


def _seeds(result: Result) -> str:
    if len(result.seeds) == 1:
        return f"seed {result.seeds[0]}"
    return f"{len(result.seeds)} seeds from {min(result.seeds)}" if result.seeds else "no seed"


_FACTS: dict[str, Callable[[Result], str]] = {
    "application": lambda result: result.scenario.app.rpartition("/")[2],
    "scenario": lambda result: result.scenario.name,
    "backend": lambda result: result.backend,
    "protocol": _protocol,
    "store": lambda result: result.store,
    "durability": lambda result: result.durability,
    "load": _load,
    "seeds": _seeds,
}
"""What names a run, the most telling first."""

_ENOUGH = 4
"""A label says at most so many things."""


def _labels(found: Sequence[tuple[Path, Result]]) -> list[str]:
    columns = [[fact(result) for _, result in found] for fact in _FACTS.values()]
    telling = [column for column in columns if len(set(column)) > 1][:_ENOUGH]
    labels = [", ".join(filter(None, words)) for words in zip(*telling, strict=True)]
    if not labels:
        labels = [result.backend for _, result in found]
    if len(set(labels)) == len(labels):
        return labels
    folders = [_folder(path) for path, _ in found]
    return [
        f"{label}, {folder}" if labels.count(label) > 1 else label
        for label, folder in zip(labels, folders, strict=True)
    ]


def _folder(path: Path) -> str:
    """Names a run by where its result lies, as people name folders after runs."""
    folder = path if path.is_dir() else path.parent
    return folder.name or folder.resolve().name


def shared(runs: Sequence[Run]) -> dict[str, str]:
    """What is the same for all runs, by name; empty words are left out."""
    found = {}
    for name, fact in _FACTS.items():
        values = {fact(run.result) for run in runs}
        if len(values) == 1 and (value := values.pop()):
            found[name] = value
    return found
