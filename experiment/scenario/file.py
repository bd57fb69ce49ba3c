"""Scenario files: YAML in, a :class:`~experiment.scenario.model.Scenario` out, or every mistake.

The words are those of k6 (executors, rates, stages, thresholds) and Chaos Mesh (selectors,
modes, schedules). Reading happens in two steps, because the names of services and methods
mean nothing before the application is compiled: :func:`read` checks the file on its own,
:meth:`ScenarioFile.fit` checks its names against the application.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ruamel.yaml.nodes import MappingNode, ScalarNode

from experiment.scenario.faults import read_faults
from experiment.scenario.load import read_loads
from experiment.scenario.model import CHECKS, Check, Fault, Load, Scenario, Threshold
from experiment.scenario.names import Known, Names
from experiment.scenario.platform import read_platform, read_recovery, read_retention, read_retry
from experiment.scenario.quantities import count, duration
from experiment.scenario.source import Mistake, Node, ScenarioError, Source, Table, one_of, word
from experiment.scenario.thresholds import METRICS, parse

__all__ = ["ScenarioError", "ScenarioFile", "read"]

_KEYS = (
    "name",
    "app",
    "seed",
    "duration",
    "heal",
    "platform",
    "retry",
    "recovery",
    "retention",
    "load",
    "faults",
    "check",
    "thresholds",
)


class ScenarioFile:
    """A scenario and where its names stand in the file.

    :ivar scenario: what the file says, with defaults.
    """

    def __init__(self, scenario: Scenario, source: Source, names: Names, app: Node | None) -> None:
        self.scenario = scenario
        self._source = source
        self._names = names
        self._app = app

    @property
    def app_place(self) -> str:
        """What names the application: ``file:line:column``, or the option that took its place."""
        if self._app is None:
            return "--app"
        mark = self._app.start_mark
        return f"{self._source.file}:{mark.line + 1}:{mark.column + 1}"

    def without_app(self, what: str, remedy: str) -> ScenarioError:
        """The error that there is no such application."""
        if self._app is None:
            return ScenarioError([Mistake("--app", 0, 0, "", what, remedy)])
        self._source.mistake(self._app, f"app: {what}", remedy)
        return ScenarioError(self._source.mistakes)

    def fit(self, known: Known) -> None:
        """Check every service, method and invariant that the file names.

        :raises ScenarioError: the application does not have one of them, or the scenario
            leaves the mix to an application that has none.
        """
        self._names.fit(self._source, known)
        self._source.finish()


def read(file: str, app: str | None = None, profile: str | None = None) -> ScenarioFile:
    """Read a scenario file.

    :param app: takes the place of the file's own application.
    :param profile: takes the place of its platform's profile: a name, or a file's path.
    :raises ScenarioError: with every mistake of the file.
    """
    source = Source(file)
    if source.root is None:
        source.mistake(None, "the file is empty", "write at least name, app and load")
        source.finish()
    assert source.root is not None
    table = Table(source, source.root, "a scenario", _KEYS)
    names = Names()
    scenario = _scenario(table, names, app, profile)
    source.finish()
    return ScenarioFile(scenario, source, names, None if app else table.node_of("app"))


def _scenario(table: Table, names: Names, app: str | None, profile: str | None) -> Scenario:
    file = table.source.file
    if app is None:
        example = "write 'app: apps/hotel', or give --app on the command line"
        table.need("app", "the scenario names no application", example)
    load = _load(table, names)
    end = table.take("duration", duration, 0.0)
    _check_ends(table, load, end)
    return Scenario(
        name=table.take("name", word, Path(file).stem),
        app=app or table.take("app", word, ""),
        seed=table.take("seed", count, 0),
        duration=end,
        heal=table.take("heal", duration, 15.0),
        platform=read_platform(table, names, profile),
        retry=read_retry(table),
        recovery=read_recovery(table),
        retention=read_retention(table),
        load=load,
        faults=_faults(table, names, end or _load_end(load)),
        check=_checks(table, Names() if app else names),
        thresholds=_thresholds(table),
        file=file,
    )


def _load(table: Table, names: Names) -> list[Load]:
    example = "load: [{executor: constant-arrival-rate, rate: 50/s, duration: 10s}]"
    if not table.need("load", "the scenario has no load", f"write '{example}'"):
        return []
    items = table.items("load", example)
    if not items and not table.source.mistakes:
        table.source.mistake(table.node_of("load"), "the load is empty", f"write '{example}'")
    return read_loads(table.source, items, names)


def _faults(table: Table, names: Names, end: float) -> list[Fault]:
    example = "faults: [{kind: crash, at: after_commit, probability: 2%}]"
    return read_faults(table.source, table.items("faults", example), names, end)


def _load_end(load: list[Load]) -> float:
    return max((one.start + _lasts(one) for one in load), default=0.0)


def _lasts(load: Load) -> float:
    return load.duration or sum(stage.duration for stage in load.stages)


def _check_ends(table: Table, load: list[Load], end: float) -> None:
    for index, one in enumerate(load):
        if end and one.start >= end:
            node = table.items("load", "")[index]
            what = f"the load '{one.name}' starts when the scenario is over"
            table.source.mistake(node, what, "start it earlier, or raise 'duration'")


def _checks(table: Table, names: Names) -> list[Check]:
    found = []
    for node in table.items("check", "check: [exactly_once, {invariant: hotel.no_overselling}]"):
        check = _check(table.source, node, names)
        if check is not None:
            found.append(check)
    return found


def _check(source: Source, node: Node, names: Names) -> Check | None:
    if not isinstance(node, MappingNode):
        name = source.read(node, one_of(CHECKS, "check"), "")
        return Check(name) if name else None
    table = Table(source, node, "a check", ("invariant",))
    if not table.need("invariant", "this check names no invariant", "write {invariant: app.name}"):
        return None
    invariant = table.take("invariant", word, "")
    names.invariant(invariant, table.node_of("invariant"))
    return Check("invariant", invariant) if invariant else None


def _thresholds(table: Table) -> list[Threshold]:
    node = table.node_of("thresholds")
    if node is None:
        return []
    metrics = Table(table.source, node, "thresholds", (*METRICS, "modelled"))
    found = _bounds(metrics, modelled=False)
    only = metrics.node_of("modelled")
    if only is not None:
        inner = Table(table.source, only, "thresholds of the modelled platform", tuple(METRICS))
        found += _bounds(inner, modelled=True)
    return found


def _bounds(metrics: Table, modelled: bool) -> list[Threshold]:
    found: list[Threshold] = []
    for metric in METRICS:
        value = metrics.node_of(metric)
        if value is None:
            continue
        single = isinstance(value, ScalarNode)
        items = [value] if single else metrics.items(metric, f'{metric}: ["p(99)<500ms"]')
        for item in items:
            threshold = metrics.source.read(item, partial(parse, metric, modelled=modelled), None)
            if threshold is not None:
                found.append(threshold)
    return found
