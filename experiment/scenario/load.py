"""The load of a scenario file, in k6's words: executors, rates, stages, virtual users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruamel.yaml.nodes import ScalarNode

from experiment.scenario.model import Call, Load, Stage, Step
from experiment.scenario.names import Names
from experiment.scenario.quantities import (
    QuantityError,
    at_most,
    count,
    duration,
    number,
    positive,
    rate,
    ratio,
    show_value,
)
from experiment.scenario.source import Node, Source, Table, one_of, word

__all__ = ["CLOSED", "EXECUTORS", "KEYS", "REUSE", "SCRIPT", "read_loads"]

_COMMON = ("name", "executor", "mix", "start", "keys", "reuse")
KEYS, REUSE = 0.05, 0.03
"""What clients do if a scenario does not say: shares of their requests."""

_OWN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "constant-arrival-rate": (
        ("rate", "duration"),
        ("iterations", "connections", "threads"),
    ),
    "poisson-arrival-rate": (("rate", "duration"), ("iterations", "connections")),
    "ramping-arrival-rate": (("stages",), ("rate", "iterations", "connections")),
    "constant-vus": (("vus", "duration"), ("iterations",)),
    "ramping-vus": (("stages",), ("vus", "iterations")),
    "shared-iterations": (("vus", "iterations"), ("duration",)),
    "script": (("calls",), ("iterations",)),
}
"""For each executor, the keys it needs and those it may have."""

EXECUTORS = tuple(_OWN)
"""The executors, in k6's words; ``poisson-arrival-rate`` and ``script`` are ours."""
SCRIPT = "script"

CLOSED = ("constant-vus", "ramping-vus", "shared-iterations")
"""The executors of users who ask when they have their last answer."""

_EXAMPLES = {
    "rate": "rate: 50/s",
    "duration": "duration: 30s",
    "vus": "vus: 10",
    "iterations": "iterations: 1000",
    "stages": "stages: [{duration: 10s, target: 50/s}]",
    "connections": "connections: 16",
    "threads": "threads: 2",
    "calls": "calls: [{call: Service.method, args: [1], gives: 2}]",
}
_USERS = "stages: [{duration: 10s, target: 50}]"
_VUS = at_most(count, 100_000)
_KEYS = (*_COMMON, *_EXAMPLES)


def read_loads(source: Source, nodes: list[Node], names: Names) -> list[Load]:
    """The loads, each under a name of its own."""
    loads: list[Load] = []
    for index, node in enumerate(nodes):
        table = Table(source, node, "a load", _KEYS)
        load = _load(table, f"load-{index + 1}", names)
        if any(other.name == load.name for other in loads):
            what = f"there are two loads '{load.name}'"
            source.mistake(table.node_of("name") or node, what, "give each a name of its own")
        loads.append(load)
    return loads


def _load(table: Table, name: str, names: Names) -> Load:
    name = table.take("name", word, name)
    executor = ""
    example = f"write 'executor: {EXECUTORS[0]}'"
    if table.need("executor", f"the load '{name}' has no executor", example):
        executor = table.take("executor", one_of(EXECUTORS, "executor"), "")
    if executor:
        _check_keys(table, name, executor)
    if executor == SCRIPT:
        return _script(table, name, names)
    mix = [_call(table.source, node, names) for node in table.items("mix", "mix: [{call: A.b}]")]
    if not mix:
        names.mixless(name, table.node)
    return Load(
        name=name,
        executor=executor,
        mix=mix,
        rate=table.take("rate", positive(rate), 0.0),
        duration=table.take("duration", positive(duration), 0.0),
        start=table.take("start", duration, 0.0),
        vus=table.take("vus", positive(_VUS), 0),
        iterations=table.take("iterations", positive(count), 0),
        stages=_stages(table, executor),
        connections=table.take("connections", positive(_VUS), 0),
        threads=_threads(table),
        keys=table.take("keys", ratio, KEYS),
        reuse=table.take("reuse", ratio, REUSE),
    )


def _threads(table: Table) -> int:
    found = table.take("threads", positive(_VUS), 0)
    connections = table.take("connections", positive(_VUS), 0)
    if found > connections and not table.source.mistakes:
        what = f"{found} threads share out {connections or 'no'} connections"
        table.source.mistake(
            table.node_of("threads"), what, f"write 'connections: {found}' or more"
        )
    return found


def _script(table: Table, name: str, names: Names) -> Load:
    """One client and what it asks, each once."""
    mix = table.node_of("mix")
    if mix is not None:
        what = "a script draws nothing from a mix"
        table.source.mistake(mix, what, f"remove it, and write '{_EXAMPLES['calls']}'")
    calls = [_step(table.source, node, names) for node in table.items("calls", _EXAMPLES["calls"])]
    most = table.take("iterations", positive(count), len(calls))
    return Load(
        name=name,
        executor=SCRIPT,
        start=table.take("start", duration, 0.0),
        vus=1,
        iterations=min(most, len(calls)),
        calls=calls,
    )


def _step(source: Source, node: Node, names: Names) -> Step:
    table = Table(source, node, "a call", ("call", "args", "as", "gives", "raises", "refused"))
    table.need("call", "this step names no method", "write {call: Service.method}")
    name = table.take("call", _method, "")
    nothing: list[Any] = []
    args = table.take("args", _arguments, nothing)
    refused = table.take("refused", _true, False)
    if refused:
        service, _, method = name.partition(".")
        names.method(service, method, table.node_of("call"))
    else:
        names.call(name, table.node_of("call"), args, table.node_of("args"))
    ends = [each for each in ("gives", "raises", "refused") if each in table]
    if len(ends) > 1:
        what = "a call gives something, raises something or is refused, and only one of these"
        source.mistake(table.node_of(ends[-1]), what, "leave out the others")
    gives = [table.take("gives", _any, None)] if "gives" in table else []
    caller, raises = table.take("as", word, ""), table.take("raises", word, "")
    names.caller(caller, table.node_of("as"))
    return Step(name, args, gives, raises, caller, refused)


def _true(value: object) -> bool:
    if value is True:
        return True
    raise QuantityError(f"'refused' is {show_value(value)}", "write refused: true, or nothing")


def _any(value: object) -> object:
    return value


def _check_keys(table: Table, name: str, executor: str) -> None:
    needed, allowed = _OWN[executor]
    for key in needed:
        example = f"{executor} needs '{_example(key, executor)}'"
        table.need(key, f"the load '{name}' has no {key}", example)
    others = [key for key in _EXAMPLES if key not in (*needed, *allowed)]
    meant = ", ".join((*needed, *allowed))
    table.refuse(others, f"means nothing to {executor}", f"remove it: {executor} takes {meant}")


def _example(key: str, executor: str) -> str:
    return _USERS if (key, executor) == ("stages", "ramping-vus") else _EXAMPLES[key]


def _call(source: Source, node: Node, names: Names) -> Call:
    if isinstance(node, ScalarNode):
        name = source.read(node, _method, "")
        names.call(name, node)
        return Call(name)
    table = Table(source, node, "a call", ("call", "weight", "args", "as"))
    table.need("call", "this part of the mix names no method", "write {call: Service.method}")
    name = table.take("call", _method, "")
    weight = table.take("weight", positive(number), 1.0)
    given: list[Any] | None = [] if "args" in table else None
    args = table.take("args", _arguments, given)
    names.call(name, table.node_of("call"), args, table.node_of("args"))
    caller = table.take("as", word, "")
    names.caller(caller, table.node_of("as"))
    return Call(name, weight, args, caller)


def _method(value: object) -> str:
    if isinstance(value, str) and value.count(".") == 1 and not value.startswith("."):
        return value
    raise QuantityError(f"{show_value(value)} is not a method", "write Service.method")


def _arguments(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise QuantityError("'args' must be a list", "write args: [first, second]")


def _stages(table: Table, executor: str) -> list[Stage]:
    target: Callable[[object], float] = _VUS if executor == "ramping-vus" else rate
    example = _example("stages", executor)
    found = []
    for node in table.items("stages", example):
        stage = Table(table.source, node, "a stage", ("duration", "target"))
        stage.need("duration", "this stage has no duration", "write {duration: 10s, target: ...}")
        stage.need("target", "this stage has no target", "write what to reach: a rate, or users")
        found.append(
            Stage(stage.take("duration", duration, 0.0), stage.take("target", target, 0.0))
        )
    if "stages" in table and not table.source.mistakes and not sum(one.duration for one in found):
        what = "these stages last no time at all"
        table.source.mistake(table.node_of("stages"), what, f"write '{example}'")
    return found
