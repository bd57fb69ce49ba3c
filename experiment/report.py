"""The short report on a run or a sweep, for a terminal of 80 columns.

It says what was seen, not more: a check that holds held on this run, and what
was never exercised is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from core.protocol import OURS
from experiment.outcome import Outcome, Sweep, Task, first_reason, unstruck
from experiment.record.metrics import Metrics
from experiment.scenario.model import Fault, Scenario
from experiment.scenario.quantities import show_duration, show_latency, show_rate
from experiment.verdict import Status, Verdict, count

__all__ = ["WIDTH", "command_line", "print_report", "print_sweep", "run_report", "sweep_report"]

WIDTH = 80
"""The widest a report gets, in columns."""

_LABEL = 14
_SHORT_NAME, _NAME = 20, 28
_SHOWN_SEEDS = 10
_SHOWN_REASONS = 5
_STYLE: dict[Status, str] = {
    "holds": "green",
    "fails": "bold red",
    "inconclusive": "yellow",
    "not applicable": "dim",
}
_PERCENTILES = (50.0, 90.0, 99.0)


def print_report(console: Console, task: Task, scenario: Scenario, outcome: Outcome) -> None:
    """Print the report on one run."""
    console.print(run_report(task, scenario, outcome), width=min(WIDTH, console.width), crop=False)


def print_sweep(console: Console, sweep: Sweep) -> None:
    """Print the report on a sweep."""
    console.print(sweep_report(sweep), width=min(WIDTH, console.width), crop=False)


def run_report(task: Task, scenario: Scenario, outcome: Outcome) -> Group:
    """The report on one run."""
    metrics = outcome.metrics
    virtual = "virtual " if task.module == "sim" else ""
    took = f"{metrics.virtual_seconds:,.1f} {virtual}seconds in {outcome.wall_seconds:,.1f} s"
    return Group(
        _title(task, scenario, f"seed {outcome.seed}"),
        Text(took, style="dim"),
        Text(),
        _facts(metrics, scenario.faults, outcome.not_injected),
        Text(),
        _verdicts(outcome.checks, "Checks"),
        *([Text(), _verdicts(outcome.thresholds, "Thresholds")] if outcome.thresholds else []),
        Text(),
        _conclusion(scenario, outcome),
        command_line("Run again", task.command(outcome.seed)),
    )


def sweep_report(sweep: Sweep) -> Group:
    """The report on a sweep."""
    seeds = count(len(sweep.outcomes), "seed")
    if len(sweep.outcomes) != sweep.asked:
        seeds += f" of {sweep.asked:,}"
    return Group(
        _title(sweep.task, sweep.scenario, seeds),
        Text(
            f"{sweep.metrics.virtual_seconds:,.0f} virtual seconds in {sweep.wall_seconds:,.1f} s",
            style="dim",
        ),
        Text(),
        _facts(sweep.metrics, sweep.scenario.faults),
        Text(),
        _verdicts(_summed(outcome.checks for outcome in sweep.outcomes), "Checks"),
        *_thresholds(sweep),
        Text(),
        *_unsettled(sweep),
        _sweep_conclusion(sweep),
    )


def _title(task: Task, scenario: Scenario, seeds: str) -> Text:
    title = Text(scenario.name, style="bold")
    title.append(f"  {scenario.app}, {seeds}", style="not bold")
    if task.faultless:
        title.append(", without faults", style="not bold")
    if task.protocol != OURS:
        title.append(f", with the protocol {task.protocol}", style="bold magenta")
    if task.planted:
        title.append(f", with the planted bug {task.planted}", style="bold magenta")
    return title


class _Trimmed:
    """What is shown, without the blanks that fill it up at the end of each line."""

    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self._shown, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                text, style, control = line.pop()
                line.append(Segment(text.rstrip(), style, control))
            yield from line
            yield Segment.line()


def _grid(*widths: int) -> Table:
    grid = Table.grid(padding=(0, 2))
    for width in widths:
        grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _facts(
    metrics: Metrics, faults: Sequence[Fault], not_injected: Sequence[str] = ()
) -> RenderableType:
    grid = _grid(_LABEL)
    grid.add_row("Requests", _requests(metrics))
    if metrics.set_aside:
        grid.add_row("Set aside", _set_aside(metrics))
    grid.add_row("Latency", _latency(metrics))
    grid.add_row("Goodput", _goodput(metrics))
    grid.add_row("Store", _store(metrics))
    grid.add_row("Faults", _struck(metrics, faults))
    if not_injected:
        grid.add_row("Not injected", Text("\n".join(not_injected), style="yellow"))
    grid.add_row("Crash points", _points(metrics))
    return _Trimmed(grid)


def _requests(metrics: Metrics) -> Text:
    text = Text(
        f"{metrics.sent:,} sent: {metrics.succeeded:,} succeeded, {metrics.raised:,} raised"
    )
    text.append(f"\n{metrics.failed:,} failed definitely", style="bold" if metrics.failed else "")
    text.append(
        f", {metrics.unknown:,} failed indefinitely", style="bold" if metrics.unknown else ""
    )
    if metrics.told:
        told = sorted(metrics.told.items(), key=lambda each: (-each[1], each[0]))
        text.append("\nnot a result: " + ", ".join(f"{name} {number:,}" for name, number in told))
    return text


def _set_aside(metrics: Metrics) -> Text:
    found = sorted(metrics.set_aside.items(), key=lambda each: (-each[1], each[0]))
    lines = [f"{count(sum(metrics.set_aside.values()), 'request')}, left half-done for a person"]
    lines += [f"{number:,}: {what}" for what, number in found[:_SHOWN_REASONS]]
    if len(found) > _SHOWN_REASONS:
        lines.append(f"and {len(found) - _SHOWN_REASONS:,} other reasons")
    return Text("\n".join(lines), style="bold yellow")


def _latency(metrics: Metrics) -> str:
    latency = metrics.latency
    if not latency.count:
        return "no request was answered"
    parts = [
        f"p{percent:g} {show_latency(latency.percentile(percent))}" for percent in _PERCENTILES
    ]
    return "  ".join((*parts, f"max {show_latency(latency.highest)}"))


def _goodput(metrics: Metrics) -> str:
    return (
        f"{show_rate(metrics.goodput)} answered over {show_duration(metrics.load_seconds)} of load"
    )


def _store(metrics: Metrics) -> str:
    if not metrics.sent:
        return f"{count(metrics.commits, 'commit')}"
    commits, trips = metrics.commits / metrics.sent, metrics.trips / metrics.sent
    text = f"{commits:.2f} commits per request, {trips:.1f} round trips"
    text += f"\n{metrics.commits:,} commits in all, {metrics.upkeep:,} of them upkeep"
    if metrics.refused:
        refused = ", ".join(
            f"{name} {number:,}" for name, number in sorted(metrics.refused.items())
        )
        text += f"\nrefused: {refused}"
    return text


def _struck(metrics: Metrics, faults: Sequence[Fault]) -> str:
    if not faults:
        return "none declared"
    kinds: Counter[str] = Counter()
    for fault, strikes in zip(faults, metrics.strikes, strict=False):
        kinds[fault.kind] += strikes
    return ", ".join(f"{kind} {strikes:,}" for kind, strikes in kinds.items()) + " struck"


def _points(metrics: Metrics) -> str:
    passed = f"{len(metrics.passed):,} of {metrics.points:,} passed"
    return f"{passed}, {len(metrics.struck):,} of them struck"


def _verdicts(verdicts: Sequence[Verdict], title: str) -> RenderableType:
    name_width = min(_NAME, max((len(verdict.name) for verdict in verdicts), default=0))
    grid = _grid(_LABEL, max(name_width, _SHORT_NAME))
    for verdict in verdicts:
        status = Text(verdict.status.upper() if verdict.status == "fails" else verdict.status)
        status.stylize(_STYLE[verdict.status])
        name = Text(verdict.name, overflow="fold", no_wrap=False)
        grid.add_row(status, name, Text(verdict.detail))
    lines: list[RenderableType] = [Text(title, style="bold"), _Trimmed(grid)]
    lines += [_evidence(verdict) for verdict in verdicts if verdict.evidence]
    return Group(*lines)


def _evidence(verdict: Verdict) -> RenderableType:
    lines = [_Trimmed(Padding(_witness(line), (0, 0, 0, 4))) for line in verdict.evidence]
    return Group(Text(f"  {verdict.name}:", style=_STYLE[verdict.status]), *lines)


def _witness(line: str) -> Text:
    """A line of evidence; those of source code, which are indented, are cut, not folded."""
    return Text(line, no_wrap=line.startswith(" "), overflow="ellipsis")


def _summed(each: Iterable[Sequence[Verdict]]) -> list[Verdict]:
    """One verdict for each name: the worst of them, and how many seeds came to it."""
    by_name: dict[str, Counter[Status]] = {}
    for verdicts in each:
        for verdict in verdicts:
            by_name.setdefault(verdict.name, Counter())[verdict.status] += 1
    return [_sum(name, statuses) for name, statuses in by_name.items()]


def _sum(name: str, statuses: Counter[Status]) -> Verdict:
    for status in ("fails", "inconclusive", "holds", "not applicable"):
        if statuses[status]:
            break
    return Verdict(name, status, f"in {statuses[status]:,} of {count(statuses.total(), 'seed')}")


def _thresholds(sweep: Sweep) -> list[RenderableType]:
    summed = _summed(outcome.thresholds for outcome in sweep.outcomes)
    return [Text(), _verdicts(summed, "Thresholds")] if summed else []


def _unsettled(sweep: Sweep) -> list[RenderableType]:
    """The seeds that do not hold: why, and the command that shows it again."""
    lines: list[RenderableType] = []
    for status in ("fails", "inconclusive"):
        found = sweep.with_status(status)
        for outcome in found[:_SHOWN_SEEDS]:
            line = Text(f"seed {outcome.seed}  ", style=_STYLE[status])
            line.append(first_reason(outcome), style="not bold default")
            lines += [line, command_line("  ", sweep.task.command(outcome.seed))]
        if len(found) > _SHOWN_SEEDS:
            lines.append(Text(f"and {len(found) - _SHOWN_SEEDS:,} more seeds", style="dim"))
    return [*lines, Text()] if lines else []


def _conclusion(scenario: Scenario, outcome: Outcome) -> Text:
    verdicts = [*outcome.checks, *outcome.thresholds]
    status = outcome.status(scenario.faults)
    if status == "holds":
        held = count(_held(outcome.checks), "check")
        if outcome.thresholds:
            held += f" and {count(_held(outcome.thresholds), 'threshold')}"
        return Text(f"Held on this run: {held}.", style=_STYLE[status])
    if status == "fails":
        failed = [verdict.name for verdict in verdicts if verdict.status == "fails"]
        return Text(f"FAILED: {', '.join(failed)}", style=_STYLE[status])
    reasons = [verdict.name for verdict in verdicts if verdict.status == "inconclusive"]
    reasons = [f"{name} could not be checked" for name in reasons]
    return _inconclusive(reasons, scenario.faults, outcome.metrics)


def _held(verdicts: Sequence[Verdict]) -> int:
    return sum(verdict.status == "holds" for verdict in verdicts)


def _inconclusive(reasons: list[str], faults: Sequence[Fault], metrics: Metrics) -> Text:
    reasons = reasons + [f"{fault} never struck" for fault in unstruck(faults, metrics)]
    return Text(f"INCONCLUSIVE: {'; '.join(reasons)}", style=_STYLE["inconclusive"])


def _sweep_conclusion(sweep: Sweep) -> Text:
    status, failed = sweep.status, len(sweep.with_status("fails"))
    seeds = count(len(sweep.outcomes), "seed")
    if status == "holds":
        return Text(f"All checks held on all of {seeds}.", style=_STYLE[status])
    if status == "fails":
        return Text(f"FAILED on {failed:,} of {seeds}.", style=_STYLE[status])
    reasons = []
    if missing := sweep.asked - len(sweep.outcomes):
        reasons.append(f"{missing:,} of {count(sweep.asked, 'seed')} were not run")
    if unclear := len(sweep.with_status("inconclusive")):
        reasons.append(f"{count(unclear, 'seed')} could not be judged")
    return _inconclusive(reasons, sweep.scenario.faults, sweep.metrics)


def command_line(label: str, command: str) -> Text:
    """A command in one line, however long, so that it can be copied."""
    text = Text(f"{label}: " if label.strip() else label, no_wrap=True, overflow="ignore")
    return text.append(command, style="cyan")
