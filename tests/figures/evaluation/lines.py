"""Points that seem to be measured: a platform that can do so many requests a second."""

import json

from tests.figures import made


def measure(point, most=100.0):
    """Write the scenario of a point, and a result as if at most ``most`` a second came out."""
    point.write()
    rate = min(point.way.rate, most) if point.way.rate else 10.0
    load = [{"name": "load", "executor": "constant-arrival-rate", "rate": point.way.rate}]
    latency = made.result()["measurements"]["latency"]
    latency["percentiles"]["p75"] = 0.002
    text = made.result(
        scenario={"load": load},
        measurements={
            "goodput": rate,
            "load_seconds": 10.0 if point.way.rate else 0.0,
            "latency": latency,
            "times": {"store": 0.5, "hops": 0.3},
        },
        command=point.command(),
    )
    (point.folder / "result.json").write_text(json.dumps(text))
    if point.way.judged:
        sent = {"event": "sent", "time": 0.5, "request": "a"}
        (point.folder / "history.jsonl").write_text(json.dumps(sent) + "\n")
