"""Result files as figures read them.

The format is that of ``sim/result.py``, of which only what is shown is declared
here; what is not known is passed over, so newer files of the same version can be
read. Durations are in seconds, rates per second, histogram buckets in microseconds.
"""

from __future__ import annotations

from pathlib import Path

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

FORMAT = "mu2sls-result"
VERSION = 1


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """``count`` latencies from ``low`` (included) to ``high`` (excluded), in microseconds."""

    low: int
    high: int
    count: int


class Latency(msgspec.Struct, frozen=True):
    """From the intended start of a request to its first answer, retries included."""

    count: int
    highest: float
    percentiles: dict[str, float]
    buckets: list[Bucket]


class Measurements(msgspec.Struct, frozen=True):
    """Counts of requests and of what they cost at the store.

    :ivar in_time: answered while there was load; ``goodput`` is that per second of load.
    :ivar seconds: how long the run took in all, with the time to settle; 0 if nobody said.
    """

    sent: int
    succeeded: int
    raised: int
    failed: int
    unknown: int
    in_time: int
    goodput: float
    load_seconds: float
    latency: Latency
    commits_per_request: float
    trips_per_request: float
    refused_commits: dict[str, int] = {}
    seconds: float = 0.0


class Fault(msgspec.Struct, frozen=True):
    """A declared fault and how often it struck."""

    kind: str
    strikes: int


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
        raise BadResult(f"{path}: cannot be read: {error.strerror}") from None
    try:
        head = msgspec.json.decode(data, type=_Head)
    except msgspec.MsgspecError:
        head = _Head()
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
