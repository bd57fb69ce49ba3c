"""From what a run was seen to do to an outcome: checked, measured, written down."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import own_files
from compiler.application import Application
from core.protocol import PROTOCOLS
from experiment import checks, elsewhere, result
from experiment.outcome import Outcome
from experiment.preparation import Prepared
from experiment.record import trace
from experiment.record.metrics import measure, verdict
from experiment.record.run import Run
from experiment.unprinted import unprinted
from experiment.verdict import Verdict
from own_files import writing

__all__ = ["judge", "measured_only", "see_writable", "write_run"]

_UNCHECKED = Verdict("correctness", "inconclusive", "no check was made: --unchecked")


@unprinted()
def judge(done: Run, application: Application, only: Container[str] | None = None) -> Outcome:
    """Check and measure what a run was seen to do.

    :param only: the names of the checks to make, if not all.
    """
    scenario = done.scenario
    metrics = measure(done)
    return Outcome(
        seed=scenario.seed,
        metrics=metrics,
        checks=_checked(done, application, only),
        thresholds=[
            verdict(threshold, metrics, modelled=done.modelled) for threshold in scenario.thresholds
        ],
        strikes=[(strike.fault, strike.nth) for strike in done.history.faults],
    )


def measured_only(done: Run) -> Outcome:
    """Measure what a run was seen to do, and say that nothing of it was checked."""
    scenario = done.scenario
    return Outcome(seed=scenario.seed, metrics=measure(done), checks=[_UNCHECKED])


def _checked(done: Run, application: Application, only: Container[str] | None) -> list[Verdict]:
    """What the checks say; the one of determinism is made in another process, too."""
    other = None
    journaled = PROTOCOLS[done.protocol]().regions
    if application.origin and journaled and (only is None or "determinism" in only):
        other = elsewhere.begin(done, application)
    verdicts = checks.check(done, application, done.scenario, only)
    if other is None:
        return verdicts
    return [
        elsewhere.finish(other, each) if each.name == "determinism" else each for each in verdicts
    ]


def see_writable(out: Path) -> None:
    """See that results can be written into the folder ``out``, which is made.

    :raises OSError: they cannot be, or there are other files of their names.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in ("result.json", "history.jsonl"):
        own_files.see_writable(out / name)


def write_run(
    out: Path,
    prepared: Prepared,
    done: Run,
    outcome: Outcome,
    place: result.Place = result.SIMULATOR,
) -> str:
    """Write ``result.json`` into the folder ``out``, and ``history.jsonl``, if it was judged.

    :param place: where the run took place.
    :returns: what was written, in words.
    :raises OSError: they cannot be written, or there are other files.
    """
    see_writable(out)
    files = [out / "result.json"]
    result.write(files[0], result.of_run(prepared.task, done.scenario, outcome, place))
    if not prepared.task.unchecked:
        files.append(out / "history.jsonl")
        with writing(files[1]) as file:
            trace.write(file, done, prepared.application.program.codec, place.backend)
    return f"Written: {', '.join(map(str, files))}"
