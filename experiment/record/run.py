"""What one run of a scenario was seen to do, wherever it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.journal import Aside, decode_aside
from core.layout import SET_ASIDE, root_of
from core.program import Program
from core.protocol import OURS
from experiment.record.history import History
from experiment.record.requests import Result
from experiment.scenario.model import Scenario

__all__ = ["Run", "points_total", "set_aside"]


@dataclass(slots=True)
class Run:
    """What one run was seen to do.

    :ivar final: the store's content after healing; ``retained``: after a closing retention
        for which everything has expired.
    :ivar settled_after: seconds from the end of the faults until nothing was in flight and no
        intent left; None if that did not come about while healing.
    :ivar points_total: the crash points that exist in the methods that the load can reach.
    :ivar fault_strikes: for each declared fault, how often it struck.
    :ivar seconds: virtual seconds from the start to the end of the healing.
    :ivar events: simulated events processed.
    :ivar set_aside: the notes of the requests that were set aside, by root id.
    :ivar protocol: the name of the protocol that decided.
    :ivar modelled: whether the platform was a model, in virtual time.
    :ivar secret: what chance was keyed with; it is not written down.
    """

    scenario: Scenario
    history: History
    final: dict[bytes, bytes] = field(default_factory=dict)
    retained: dict[bytes, bytes] = field(default_factory=dict)
    settled_after: float | None = None
    results: list[Result] = field(default_factory=list)
    points_total: int = 0
    fault_strikes: list[int] = field(default_factory=list)
    seconds: float = 0.0
    events: int = 0
    set_aside: dict[bytes, Aside] = field(default_factory=dict)
    protocol: str = OURS
    modelled: bool = False
    secret: bytes = field(default=b"", repr=False)


def set_aside(content: Mapping[bytes, bytes]) -> dict[bytes, Aside]:
    """The notes that a store holds of requests that nobody has taken up again."""
    begin, end = SET_ASIDE
    data: dict[bytes, bytes] = {}
    for key in sorted(key for key in content if begin <= key < end):
        data[root_of(key)] = data.get(root_of(key), b"") + content[key]
    notes = {root: decode_aside(each) for root, each in data.items()}
    return {root: note for root, note in notes.items() if not note.resumed}


def points_total(program: Program, points: Mapping[str, int], calls: Sequence[str]) -> int:
    """How many crash points exist in the methods that the load can reach.

    A method has the points of calls if the graph says that it calls (those of outside calls
    likewise), and those of reads and
    commits if some execution came to one.

    :param points: how often each ``Service.method@point`` was passed.
    :param calls: the methods that the load calls.
    """
    ran = [name.partition("@")[0] for name, count in points.items() if count]
    total = 0
    for name in _reached(program, [*ran, *calls]):
        service, _, method = name.partition(".")
        found = program.method(service, method)

        def passed(point: str, name: str = name) -> bool:
            return points.get(f"{name}@{point}", 0) > 0

        total += 3  # start, before_reply, after_reply
        total += 2 * passed("before_read") + 2 * passed("before_commit")
        total += 3 * bool(passed("before_outside") or (found and found.facts.asks))
        total += 3 * bool(passed("before_call") or (found and found.facts.callees))
    return total


def _reached(program: Program, waiting: list[str]) -> list[str]:
    """The methods given, and what these may call."""
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        service, _, method = name.partition(".")
        known = program.method(service, method)
        if known is not None and name not in found:
            found[name] = None
            waiting += sorted(known.facts.callees)
    return list(found)
