"""Figure 15: throughput and latency over time while pods are killed, and what becomes of requests.

From the histories of runs that were judged (``history.jsonl``). A request was interrupted if a pod
was killed while it was under way; it need not have been the pod that held it. Clients ask again for
what got no answer where the protocol allows that: with ours, and not with the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from figures.errors import BadResult
from figures.evaluation.benchmarks import Line
from figures.evaluation.made import Made, Picture, as_text, result_of
from figures.evaluation.points import folder_of
from figures.evaluation.published import Published
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import Way

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KILLS", "PICTURE", "Seen", "seen"]

_RATE, _SECONDS, _EVERY = 10, 30, 2
KILLS: Final = Way(
    "kills",
    f"executor: constant-arrival-rate, rate: {_RATE}/s, duration: {_SECONDS}s",
    rest=f'faults: [{{kind: kill, mode: one, schedule: "@every {_EVERY}s"}}]\n',
    retry="{attempts: 10, timeout: 1s}",
    rate=float(_RATE),
    judged=True,
)
"""A pod of some service dies every so many seconds."""

_BENCHMARK: Final = "hotel"
_PROTOCOLS: Final = ("mu2sls", "popl23")
_COLUMNS: Final = (
    "benchmark", "protocol", "source", "sent_s", "answered_s", "latency_ms", "interrupted",
)  # fmt: skip


class _Event(msgspec.Struct):
    """A line of a history, as far as it is needed."""

    event: str = ""
    time: float = 0.0
    request: str | None = None
    kind: str = ""
    outcome: str = ""


@dataclass(slots=True)
class Seen:
    """What a history tells.

    :ivar sent: when each request was first sent, by its id.
    :ivar answered: when each was first answered by the application.
    :ivar kills: when pods were killed.
    """

    sent: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    kills: list[float] = field(default_factory=list)

    def latency(self, request: str) -> float:
        """Seconds; infinitely many without an answer."""
        return self.answered.get(request, inf) - self.sent[request]

    def is_interrupted(self, request: str) -> bool:
        """Whether a pod was killed while it was under way."""
        begin, end = self.sent[request], self.answered.get(request, inf)
        return any(begin <= each <= end for each in self.kills)


def seen(path: Path) -> Seen:
    """Read a history.

    :raises BadResult: it is not there, or damaged.
    """
    found = Seen()
    decode = msgspec.json.Decoder(_Event).decode
    try:
        for line in path.read_bytes().splitlines():
            each = decode(line)
            if each.event == "sent" and each.request:
                found.sent.setdefault(each.request, each.time)
            elif each.event == "answered" and each.request:
                if not each.outcome.startswith("failed "):
                    found.answered.setdefault(each.request, each.time)
            elif each.event == "fault" and each.kind == "kill":
                found.kills.append(each.time)
    except OSError as error:
        raise BadResult(
            f"{path}: cannot be read: {error.strerror}; remove its folder and measure again"
        ) from None
    except msgspec.MsgspecError as error:
        raise BadResult(
            f"{path}: the file is damaged ({error}); remove its folder and measure again"
        ) from None
    return found


def _demands() -> list[Demand]:
    return [Demand(Line(_BENCHMARK, each), (KILLS,)) for each in _PROTOCOLS]


def _made(folders: Sequence[Path], _: Published) -> Made:
    rows: list[tuple[object, ...]] = []
    known: dict[str, Seen] = {}
    for line, *_rest in _demands():
        result = result_of(folders[0], line, KILLS)
        if result is None:
            continue
        found = seen(folder_of(folders[0], line, KILLS) / "history.jsonl")
        known[line.protocol] = found
        for request in found.sent:
            ended = found.answered.get(request)
            rows.append((
                line.benchmark, line.protocol, result.backend, found.sent[request], ended,
                None if ended is None else found.latency(request) * 1e3,
                int(found.is_interrupted(request)),
            ))  # fmt: skip
    return Made(_picture(known), as_text(_COLUMNS, rows))


def _picture(known: dict[str, Seen]) -> Figure:
    import matplotlib as mpl

    from figures.evaluation import looks

    with mpl.rc_context(looks.FONT):
        figure, places = looks.panels(3, 3, per_row=3, width=1.9, gap=0.42)
        titles = ("Throughput", "Latency", "Interrupted requests")
        labels = ("answers/s", "ms", "% answered within")
        for axes, title, label in zip(places, titles, labels, strict=True):
            looks.plain(axes, title)
            axes.set_ylabel(label, labelpad=2)
        for protocol, found in known.items():
            _draw(places, found, looks.line(protocol))
        for axes in places[:2]:
            axes.set_xlim(0, _SECONDS)
            axes.set_xlabel("Time (s)", labelpad=2)
            for time in max((found.kills for found in known.values()), key=len, default=[]):
                axes.axvline(time, 0, 0.04, color=looks.QUIET, linewidth=1.0)
        places[0].set_ylim(bottom=0)
        if any(found.answered for found in known.values()):
            looks.logarithmic(places[1])
            looks.logarithmic(places[2], width=True)
        places[2].set_xlabel("Time since it was sent (ms)", labelpad=2)
        places[2].set_ylim(0, 104)
        looks.legend(figure, [*looks.lines(tuple(known)), looks.tick("a pod dies")], 3)
    return figure


def _draw(places: Sequence[Any], found: Seen, style: dict[str, Any]) -> None:
    """One protocol: answers each second, latencies by when a request was sent, and their shares."""
    seconds = range(_SECONDS)
    answers = [
        sum(second <= each < second + 1 for each in found.answered.values()) for second in seconds
    ]
    places[0].plot([second + 0.5 for second in seconds], answers, **{**style, "markersize": 2.2})
    known = [each for each in found.sent if each in found.answered]
    dots = {**style, "linestyle": "none", "markersize": 1.8, "markeredgewidth": 0.0}
    places[1].plot(
        [found.sent[each] for each in known], [found.latency(each) * 1e3 for each in known], **dots
    )
    hit = [found.latency(each) * 1e3 for each in found.sent if found.is_interrupted(each)]
    ended = sorted(each for each in hit if each < inf)
    if ended:
        shares = [100 * (number + 1) / len(hit) for number in range(len(ended))]
        line = {**style, "marker": ""}
        places[2].step([ended[0], *ended], [0.0, *shares], where="post", **line)
        places[2].plot(ended[-1:], shares[-1:], **{**style, "linestyle": "none"})


PICTURE: Final = Picture(15, "Throughput and latency while pods die", _demands, _made)
