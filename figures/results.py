"""Result files as figures read them.

The format is that of ``experiment/result.py``, of which only what is shown is declared
here; what is not known is passed over, so newer files of the same version can be
read. Durations are in seconds, rates per second, histogram buckets in microseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from figures.errors import BadResult

__all__ = [
    "FORMAT",
    "VERSION",
    "Bucket",
    "Fault",
    "Latency",
    "Load",
    "Measurements",
    "Result",
    "Scenario",
    "Verdict",
    "read",
]

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
"""No run measures more, of what is measured in seconds or per second."""

FORMAT = "mu2sls-result"
VERSION = 1

_SHORTEST = 1e-9


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """``count`` latencies from ``low`` (included) to ``high`` (excluded), in microseconds."""

    low: _Count
    high: _Count
    count: _Count


class Latency(msgspec.Struct, frozen=True):
    """From the intended start of a request to its first answer, retries included."""

    count: _Count
    highest: _Amount
    percentiles: dict[str, _Amount]
    buckets: list[Bucket]


class Measurements(msgspec.Struct, frozen=True):
    """Counts of requests and of what they cost at the store.

    :ivar in_time: answered while there was load; ``goodput`` is that per second of load.
    :ivar seconds: how long the run took in all, with the time to settle; 0 if nobody said.
    :ivar times: seconds by what they were spent on, of all requests that were answered; empty if
        nobody looked.
    :ivar aborted: tries at transactions, and at regions, that came to nothing and were made again.
    """

    sent: _Count
    succeeded: _Count
    raised: _Count
    failed: _Count
    unknown: _Count
    in_time: _Count
    goodput: _Amount
    load_seconds: _Amount
    latency: Latency
    commits_per_request: _Amount
    trips_per_request: _Amount
    refused_commits: dict[str, _Count] = {}
    seconds: _Amount = 0.0
    aborted: _Count = 0
    times: dict[str, _Amount] = {}

    def __post_init__(self) -> None:
        if 0 < self.load_seconds < _SHORTEST:
            raise ValueError(f"a load of {self.load_seconds} seconds")


class Fault(msgspec.Struct, frozen=True):
    """A declared fault and how often it struck."""

    kind: str
    strikes: _Count


class Verdict(msgspec.Struct, frozen=True):
    """What a check or a threshold came to: holds, fails, inconclusive, not applicable."""

    name: str
    status: str


class Load(msgspec.Struct, frozen=True):
    """A stream of requests: so many a second, or so many clients."""

    name: str
    executor: str
    rate: float = 0.0
    vus: int = 0


class Scenario(msgspec.Struct, frozen=True):
    """The scenario that was run."""

    name: str
    app: str
    load: list[Load] = []


class _Failing(msgspec.Struct, frozen=True):
    seed: int
    status: str


class Result(msgspec.Struct, frozen=True):
    """One result file."""

    backend: str
    status: str
    scenario: Scenario
    seeds: list[int]
    measurements: Measurements
    faults: list[Fault]
    points: dict[str, int]
    points_total: int
    verdicts: list[Verdict]
    thresholds: list[Verdict]
    protocol: str = "mu2sls"
    store: str = ""
    durability: str = ""
    planted: str = ""
    command: str = ""
    failing: list[_Failing] = []
    environment: dict[str, str | float] = {}


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


def read(path: Path) -> Result:
    """Read a result file, or the ``result.json`` of a folder.

    :raises BadResult: there is none, it is not one, or it is of another version.
    """
    if path.is_dir():
        path = path / "result.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        remedy = "give the result.json that a run wrote with --out"
        raise BadResult(f"{path}: there is no such file; {remedy}") from None
    except OSError as error:
        remedy = "give a result.json that can be read"
        raise BadResult(f"{path}: cannot be read: {error.strerror}; {remedy}") from None
    try:
        head = msgspec.json.decode(data, type=_Head)
    except msgspec.ValidationError:
        head = _Head()
    except msgspec.DecodeError as error:
        remedy = "give one that --out wrote, or run the scenario again"
        raise BadResult(f"{path}: this is not a result file ({error}); {remedy}") from None
    if head.format != FORMAT:
        raise BadResult(f"{path}: this is not a result file; give one that --out wrote")
    if head.version != VERSION:
        raise BadResult(
            f"{path}: the file has version {head.version}, figures read version {VERSION}; use the "
            "figures of the version that wrote it, or run the scenario again"
        )
    try:
        return msgspec.json.decode(data, type=Result)
    except msgspec.MsgspecError as error:
        raise BadResult(f"{path}: the file is damaged ({error}); run the scenario again") from None
