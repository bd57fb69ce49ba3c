"""Figure 12: goodput and aborts under contention, of four ways to keep transactions apart.

So many clients at once increment two counters in two services, in one transaction. The counters'
keys are drawn by Zipf's law, ever more unevenly: evenly at 0, where two seldom meet; at 1.5 two
of five requests want the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from figures.evaluation.benchmarks import LABELS, Line
from figures.evaluation.made import Made, Picture, as_text, result_of
from figures.evaluation.published import Published
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import Way
from figures.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PICTURE", "skewed"]

_BENCHMARK: Final = "tree"
_PROTOCOLS: Final = ("mu2sls", "mu2sls-no-turns", "popl23", "popl23-wait-die")
_LABELS: Final = LABELS | {"popl23": "no-wait locking (POPL 2023)"}
_EXPONENTS: Final = (0.0, 0.5, 0.9, 0.999, 1.5)
_CLIENTS, _KEYS = 32, 1000
_COLUMNS: Final = (
    "benchmark", "protocol", "source", "zipf", "clients", "goodput_rps", "aborted_share",
    "aborts_per_request", "not_answered", "command",
)  # fmt: skip
Numbers = dict[tuple[str, float], tuple[float, float]]
"""Goodput and the share of tries that were aborted, by protocol and exponent."""


def skewed(exponent: float) -> Way:
    """Clients whose keys are drawn by Zipf's law: the mix has each key with its weight."""
    kinds = ",\n  ".join(
        f"{{call: Root.increment, weight: {rank**-exponent:.6g}, args: [key-{rank - 1:03}]}}"
        for rank in range(1, _KEYS + 1)
    )
    load = f"executor: constant-vus, vus: {_CLIENTS}, duration: {{seconds:g}}s"
    return Way(f"zipf-{exponent:g}", load, f"[{kinds}]")


def _demands() -> list[Demand]:
    ways = tuple(map(skewed, _EXPONENTS))
    return [Demand(Line(_BENCHMARK, each), ways) for each in _PROTOCOLS]


def _made(folders: Sequence[Path], _: Published) -> Made:
    rows: list[tuple[object, ...]] = []
    numbers: Numbers = {}
    for protocol in _PROTOCOLS:
        line = Line(_BENCHMARK, protocol)
        for exponent in _EXPONENTS:
            result = result_of(folders[0], line, skewed(exponent))
            if result is None:
                continue
            found = result.measurements
            numbers[protocol, exponent] = (found.goodput, _aborted(result))
            rows.append((
                line.benchmark, protocol, result.backend, exponent, _CLIENTS, found.goodput,
                _aborted(result), found.aborted / max(found.sent, 1),
                1 - (found.succeeded + found.raised) / max(found.sent, 1), result.command,
            ))  # fmt: skip
    return Made(_picture(numbers), as_text(_COLUMNS, rows))


def _aborted(result: Result) -> float:
    """Of all tries, those that were aborted and made again."""
    found = result.measurements
    tries = found.aborted + found.succeeded + found.raised
    return found.aborted / tries if tries else 0.0


def _picture(numbers: Numbers) -> Figure:
    import matplotlib as mpl

    from figures.evaluation import looks

    with mpl.rc_context(looks.FONT):
        figure, places = looks.panels(2, len(_PROTOCOLS), per_row=2)
        for which, axes in enumerate(places):
            looks.plain(axes, ("Goodput", "Aborted tries")[which])
            _lines(axes, numbers, which)
            axes.set_xlabel("Skew of the keys (Zipf exponent)", labelpad=2)
            axes.set_ylim(bottom=0)
        places[0].set_ylabel("requests/s", labelpad=2)
        places[1].set_ylabel("% of all tries", labelpad=2)
        looks.legend(figure, looks.lines(_PROTOCOLS, _LABELS), 2)
    return figure


def _lines(axes: Axes, numbers: Numbers, which: int) -> None:
    from figures.evaluation import looks

    for protocol in _PROTOCOLS:
        known = [each for each in _EXPONENTS if (protocol, each) in numbers]
        values = [numbers[protocol, each][which] * (1, 100)[which] for each in known]
        axes.plot(known, values, **looks.line(protocol))


PICTURE: Final = Picture(12, "Goodput and aborts under contention", _demands, _made)
