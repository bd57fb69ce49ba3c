"""The faults of a scenario file, in Chaos Mesh's words: kinds, selectors, modes, schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruamel.yaml.nodes import ScalarNode

from experiment.scenario.model import (
    FAULT_KINDS,
    OUTSIDE_ERRORS,
    PLATFORM,
    POINTS,
    STORE_ERRORS,
    Fault,
    Selector,
)
from experiment.scenario.names import PARTIES, Names
from experiment.scenario.quantities import (
    QuantityError,
    count,
    duration,
    positive,
    ratio,
    schedule,
    show_duration,
    show_value,
)
from experiment.scenario.source import Node, Source, Table, one_of, word

__all__ = ["read_faults"]

_ERRORS = tuple(dict.fromkeys(error for errors in STORE_ERRORS.values() for error in errors))
_WHEN = ("probability", "schedule", "nth")
_COMMON = ("kind", *_WHEN, "start", "limit")
_POISON = ("kind", "probability", "nth")
"""What a poison has of it: which requests are poison holds for as long as they are there."""
_OWN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "crash": ((), ("at", "selector")),
    "pause": (("duration",), ("at", "selector")),
    "drop": ((), ("selector",)),
    "duplicate": ((), ("selector", "duration")),
    "delay": (("duration",), ("selector",)),
    "partition": (("between", "duration"), ()),
    "store_error": (("error",), ("selector",)),
    "outside_error": ((), ("selector", "error")),
    "kill": ((), ("selector", "mode")),
    "poison": ((), ("selector",)),
}
"""For each kind, the keys it needs and those it may have."""

_SELECTOR = {
    "kill": ("service",),
    "drop": ("service", "method", "target"),
    "duplicate": ("service", "method", "target"),
    "delay": ("service", "method", "target"),
}
_EXAMPLES = {
    "duration": "duration: 500ms",
    "between": "between: [Service, store]",
    "error": "error: commit_unknown_result_applied",
}
_KEYS = (*_COMMON, "at", "selector", "duration", "between", "error", "mode")


def read_faults(source: Source, nodes: list[Node], names: Names, end: float) -> list[Fault]:
    """The faults; ``end`` is when they stop, 0 if the file does not say."""
    return [_fault(Table(source, node, "a fault", _KEYS), names, end) for node in nodes]


def _fault(table: Table, names: Names, end: float) -> Fault:
    kind = ""
    if table.need("kind", "this fault has no kind", f"write kind: {' | '.join(FAULT_KINDS)}"):
        kind = table.take("kind", one_of(FAULT_KINDS, "fault"), "")
    _check_keys(table, kind)
    nth = _nth(table)
    every = table.take("schedule", schedule, 0.0)
    fault = Fault(
        kind=kind,
        at=table.take("at", one_of((*POINTS, "any"), "point"), "any" if "at" in _may(kind) else ""),
        selector=_selector(table, kind, names),
        probability=table.take("probability", positive(ratio), 1.0 if nth or every else 0.0),
        schedule=every,
        start=table.take("start", duration, 0.0),
        duration=table.take("duration", positive(duration), 0.0),
        nth=nth,
        between=_between(table, names),
        error=table.take("error", _error_of(kind), ""),
        mode=table.take("mode", one_of(("one", "all"), "mode"), "one"),
        limit=table.take("limit", positive(count), 0),
    )
    _check_times(table, fault, end)
    return fault


def _error_of(kind: str) -> Callable[[object], str]:
    """What reads an ``error`` of this kind of fault."""
    if kind == "outside_error":
        return one_of(OUTSIDE_ERRORS, "outside error")
    return one_of(_ERRORS, "store error")


def _may(kind: str) -> tuple[str, ...]:
    needed, allowed = _OWN.get(kind, ((), ()))
    return (*needed, *allowed)


def _common(kind: str) -> tuple[str, ...]:
    return _POISON if kind == "poison" else _COMMON


def _check_keys(table: Table, kind: str) -> None:
    if kind:
        for key in _OWN[kind][0]:
            table.need(key, f"this {kind} has no {key}", f"write '{_EXAMPLES[key]}'")
        others = [key for key in _KEYS if key not in (*_common(kind), *_may(kind))]
        meant = ", ".join((*_may(kind), *_common(kind)[1:]))
        table.refuse(others, f"means nothing to a {kind}", f"remove it: a {kind} takes {meant}")
    if not any(key in table for key in _WHEN):
        every = 'schedule: "@every 10s"'
        ways = ("probability: 2%", *([every] if "schedule" in _common(kind) else []))
        remedy = f"write {', '.join(ways)} or nth: [0]"
        table.need("probability", f"nothing says when this {kind or 'fault'} strikes", remedy)
    if "nth" in table:
        why = "and 'nth' contradict each other"
        table.refuse(("probability", "schedule"), why, "keep one: nth says exactly when")


def _check_times(table: Table, fault: Fault, end: float) -> None:
    if fault.kind == "partition" and 0 < fault.schedule <= fault.duration:
        every, lasts = show_duration(fault.schedule), show_duration(fault.duration)
        what = f"this partition lasts {lasts} and comes every {every}: it never heals"
        table.source.mistake(table.node_of("duration"), what, "make it shorter than the interval")
    if end and fault.start >= end:
        what = f"this fault starts at {show_duration(fault.start)}, when faults have stopped"
        remedy = f"start it before {show_duration(end)}, when the load ends"
        table.source.mistake(table.node_of("start"), what, remedy)


def _nth(table: Table) -> list[int]:
    node = table.node_of("nth")
    if node is None:
        return []
    items = [node] if isinstance(node, ScalarNode) else table.items("nth", "nth: [0, 3]")
    found = [table.source.read(item, count, 0) for item in items]
    if not found:
        table.source.mistake(node, "'nth' names no opportunity", "write nth: [0], or remove it")
    return sorted(set(found))


def _selector(table: Table, kind: str, names: Names) -> Selector:
    node = table.node_of("selector")
    if node is None:
        return Selector()
    known = _SELECTOR.get(kind, ("service", "method"))
    selector = Table(table.source, node, f"the selector of a {kind or 'fault'}", known)
    service = selector.take("service", word, "")
    names.service(service, selector.node_of("service"), (PLATFORM,))
    method = selector.take("method", word, "")
    names.method(service, method, selector.node_of("method"))
    target = selector.take("target", one_of(("request", "response"), "target"), "")
    return Selector(service, method, target)


def _between(table: Table, names: Names) -> list[str]:
    node = table.node_of("between")
    if node is None:
        return []
    nobody: list[str] = []
    found = table.take("between", _parties, nobody)
    parts: list[Any] = node.value if found else []
    for name, part in zip(found, parts, strict=True):
        names.service(name, part, PARTIES)
    return found


def _parties(value: object) -> list[str]:
    remedy = "write two of: a service, store, client, platform, *"
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise QuantityError(f"{show_value(value)} is not a pair of parties", remedy)
    if len(value) != 2 or value[0] == value[1]:
        raise QuantityError(f"a partition stands between two, not {len(set(value))}", remedy)
    return value
