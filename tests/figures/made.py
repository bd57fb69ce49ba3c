"""Made-up result files, in the format that runs write."""

import json

from figures.results import FORMAT, VERSION

BUCKETS = [[1000, 1001, 50], [4096, 4100, 40], [20480, 20496, 9], [100352, 100416, 1]]
"""A hundred latencies: half of 1 ms, 40 of 4.1 ms, nine of 20.5 ms, the slowest of 100 ms."""


def result(**changes):
    """A result as a dictionary; ``measurements`` and ``scenario`` take partial changes."""
    measurements = {
        "sent": 100,
        "succeeded": 90,
        "raised": 8,
        "failed": 0,
        "unknown": 2,
        "told": {"TransactionException": 8},
        "in_time": 96,
        "goodput": 9.6,
        "load_seconds": 10.0,
        "seconds": 13.0,
        "latency": {
            "count": 100,
            "total": 1.0,
            "mean": 0.01,
            "lowest": 0.001,
            "highest": 0.1004,
            "percentiles": {"p50": 0.001, "p90": 0.0041, "p99": 0.0205, "p99.9": 0.1004},
            "buckets": BUCKETS,
        },
        "commits": 150,
        "upkeep_commits": 1,
        "refused_commits": {"Conflict": 7, "Unknown": 2},
        "commits_per_request": 1.5,
        "trips_per_request": 6.0,
    }
    load = [{"name": "steady", "executor": "constant-arrival-rate", "rate": 10.0, "duration": 10.0}]
    made = {
        "format": FORMAT,
        "version": VERSION,
        "backend": "simulator",
        "protocol": "mu2sls",
        "store": "model",
        "durability": "",
        "status": "holds",
        "scenario": {"name": "crash", "app": "apps/hotel", "load": load, "heal": 15.0},
        "seeds": [7],
        "measurements": measurements | changes.pop("measurements", {}),
        "faults": [
            {"kind": "crash", "description": "crash at any, 2%", "strikes": 14},
            {"kind": "crash", "description": "crash at start, 2%", "strikes": 1},
            {"kind": "drop", "description": "drop, 1%", "strikes": 0},
        ],
        "points": {"Hotel.reserve@start": 5, "Hotel.reserve@after_commit": 2},
        "points_total": 12,
        "verdicts": [
            {"name": "exactly_once", "status": "holds", "detail": "", "evidence": []},
            {"name": "reference", "status": "inconclusive", "detail": "", "evidence": []},
        ],
        "thresholds": [{"name": "latency p(99)<500ms", "status": "holds", "detail": ""}],
        "failing": [],
        "command": "python -m sim scenarios/crash.yaml --seed 7",
        "environment": {"python": "3.11.7", "system": "Linux x86_64", "cores": 2},
    }
    made["scenario"] = made["scenario"] | changes.pop("scenario", {})
    return made | changes


def write(folder, name="a", **changes):
    """Write a result file into a folder of its own; its path."""
    path = folder / name / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result(**changes)))
    return path


def other(**changes):
    """What is different about the other run: half the latency, twice the commits, a failure."""
    measurements = {
        "goodput": 4.8,
        "commits_per_request": 3.0,
        "refused_commits": {},
        "latency": result()["measurements"]["latency"]
        | {"percentiles": {"p50": 0.0005, "p90": 0.002, "p99": 0.01}},
    }
    verdicts = [
        {"name": "exactly_once", "status": "fails", "detail": "", "evidence": ["twice"]},
        {"name": "hotel.no_overselling", "status": "not applicable", "detail": ""},
    ]
    made = {
        "backend": "local",
        "protocol": "unsafe",
        "store": "sqlite",
        "durability": "synchronous=FULL",
        "status": "fails",
        "faults": [{"kind": "kill", "description": "kill one", "strikes": 3}],
        "points": {},
        "points_total": 0,
        "verdicts": verdicts,
    }
    return made | {"measurements": measurements} | changes
