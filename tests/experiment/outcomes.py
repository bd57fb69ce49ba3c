"""Made-up runs and outcomes for the tests of metrics, reports and result files."""

from types import SimpleNamespace

import msgspec

from core.ids import RequestId
from core.messages import Returned
from core.store import Atomic, Clear, ClearRange, KeyRange, Set, point
from experiment.outcome import Outcome
from experiment.record.history import Answered, Committed, FaultStruck, History, Sent, Unit
from experiment.record.metrics import Metrics
from experiment.record.requests import Result
from experiment.record.run import Run
from experiment.result import ResultFile
from experiment.scenario.model import Fault, Load, Scenario, Selector, Threshold
from experiment.verdict import Verdict

SCENARIO = Scenario(
    name="crash",
    app="apps/hotel",
    seed=7,
    load=[Load("steady", "constant-arrival-rate", rate=1.0, duration=10.0)],
    faults=[
        Fault("crash", at="after_commit", selector=Selector("Hotel"), probability=0.02),
        Fault("partition", between=["Hotel", "store"], schedule=10.0, duration=0.5),
    ],
    thresholds=[Threshold("latency", "p(99)", "<", 0.5, "p(99)<500ms")],
    file="scenarios/crash.yaml",
)


def request(number):
    return RequestId(number.to_bytes(16, "big"))


def result(number, status, *, intended=0.0, finished=0.1):
    return Result(request(number), "Hotel.reserve", "steady", intended, finished, status, 1)


def sent(number, attempt=0):
    return Sent(float(number), request(number), "Hotel", "reserve", b"args", attempt)


def committed(time, owner=None, mutations=()):
    return Committed(
        time, round(time * 1000), 1, owner, 0, -1, ("u1",), [point(b"dA\x00b\x00")], list(mutations)
    )


def a_run(scenario=SCENARIO):
    """Six requests: two succeed, one too late, one raises, one fails, two are not known."""
    history = History(initial={b"dHotel\x00rooms\x00x": b"7"})
    history.sent = [sent(1), sent(1, 1), *(sent(number) for number in range(2, 7))]
    history.commits = [
        committed(1.0, request(1), [Set(b"dHotel\x00rooms\x00x", b"6"), Clear(b"i" + b"\0" * 16)]),
        committed(2.0, request(2), [Atomic("add", b"dA\x00n\x00", b"\x01\xff")]),
        committed(3.0, None, [ClearRange(b"j", b"k")]),
        committed(99.0),
    ]
    history.commits[1].reads.append(KeyRange(b"j", b"k"))
    history.answers = [Answered(1.1, request(1), Returned(b"true"), 0, 0, [])]
    history.faults = [FaultStruck(0.5, 0, "crash", "Hotel.reserve@after_commit", 3)]
    history.units = {
        "u1": Unit("u1", request(1), 5, [(b"dHotel\x00rooms\x00x", b"7")], [], [12]),
    }
    history.refused_commits = {"Conflict": 2}
    history.points = {"Hotel.reserve@start": 5, "Hotel.reserve@after_commit": 2, "A.b@start": 0}
    history.reads, history.read_versions = 10, 4
    return Run(
        scenario,
        history,
        results=[
            result(1, "succeeded"),
            result(2, "succeeded", finished=10.5),
            result(3, "raised", finished=0.3),
            result(4, "definite"),
            result(5, "indefinite"),
        ],
        points_total=12,
        fault_strikes=[1, 0],
        seconds=20.0,
    )


def metrics(**changes):
    made = Metrics(
        sent=500,
        succeeded=480,
        raised=20,
        in_time=500,
        quarters=[120, 130, 125, 125],
        load_seconds=10.0,
        virtual_seconds=25.0,
        commits=1020,
        upkeep=20,
        reads=1500,
        read_versions=400,
        strikes=[14, 3],
        passed={"Hotel.reserve@start": 5, "Hotel.reserve@after_commit": 2},
        struck={"Hotel.reserve@after_commit": 14},
        points=12,
    )
    for number in range(1, 501):
        made.latency.record(number / 10_000)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


HOLDS = [
    Verdict("exactly_once", "holds", "500 requests"),
    Verdict("liveness", "holds", "500 trees"),
]
FAILS = [
    Verdict("exactly_once", "fails", "500 requests", ["request 1 happened twice", "and again"]),
    Verdict("liveness", "holds", "500 trees"),
]
UNCLEAR = [Verdict("exactly_once", "inconclusive", "nothing to examine")]


def outcome(seed=7, checks=HOLDS, **changes):
    kept = Verdict("latency p(99)<500ms", "holds", "measured 49.5 ms")
    return Outcome(seed, metrics(**changes), list(checks), [kept], [(0, 3), (0, 9), (1, 0)], 1.5)


CODEC = SimpleNamespace(decode=lambda data: int(data) if data.isdigit() else {}["no"])


def read_result(path):
    """All of a result file, as it was written."""
    return msgspec.json.decode(path.read_bytes(), type=ResultFile)
