"""No waiting in a transaction: the read version it takes is kept for seconds only."""

from __future__ import annotations

import ast
from collections.abc import Callable

from compiler.analysis.depth import Depths
from compiler.analysis.flow import Flow
from compiler.model import Declared, Effect, EffectKind, Function

__all__ = ["refuse_waits"]

_REMEDY = "before the transaction, or after it"


def refuse_waits(
    declared: Declared,
    function: Function,
    flow: Flow,
    depths: Depths,
    direct: Callable[[Function], list[Effect]],
) -> None:
    """Record an error for everything in ``function`` that may wait while a transaction is open.

    :param direct: the effects of a function and of the helpers it calls, all the way down.
    """
    for point, effect in flow.effects():
        if depths.at(point) <= {0}:
            continue
        why = _waits(declared, effect, direct)
        if why:
            source = function.plain.source
            declared.problems.add(source.path, source.text, effect.node, why, _REMEDY)


def _waits(declared: Declared, effect: Effect, direct: Callable[[Function], list[Effect]]) -> str:
    """Why an effect may wait, and cannot in a transaction; empty if it does not."""
    shown = ast.unparse(effect.node)
    if effect.kind is EffectKind.SLEEP:
        return f"{shown} cannot stand in a transaction, which is over within seconds"
    if effect.kind in (EffectKind.CALL, EffectKind.SPAWN):
        found = _sleeper(declared, effect.target)
        return f"{shown} cannot stand in a transaction: {effect.target} sleeps" if found else ""
    if effect.helper is not None:
        inside = direct(effect.helper)
        waiting = (e for e in inside if e.kind is EffectKind.SLEEP or _calls_sleeper(declared, e))
        first = next(waiting, None)
        if first is not None:
            where = f"line {first.line}"
            return f"{shown} cannot stand in a transaction: it sleeps ({where})"
    return ""


def _calls_sleeper(declared: Declared, effect: Effect) -> bool:
    calls = effect.kind in (EffectKind.CALL, EffectKind.SPAWN)
    return calls and _sleeper(declared, effect.target)


def _sleeper(declared: Declared, target: str) -> bool:
    service, name = target.split(".", 1)
    method = declared.services[service].methods.get(name)
    return method is not None and method.facts.waits
