"""No waiting in a transaction: the read version it takes is kept for seconds only.

Nor does anything in it leave for the outside, where nobody could undo it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from compiler.analysis.depth import Depths
from compiler.analysis.flow import Flow
from compiler.model import Declared, Effect, EffectKind, Function

__all__ = ["refuse_waits"]

_REMEDY = "before the transaction, or after it"
_REMEDY_QUEUE = f"{_REMEDY}; or start(...) of it, which begins if it commits"
_REMEDY_OUTSIDE = f"{_REMEDY}; or start(...) of a method that does it, which begins if it commits"


def refuse_waits(
    declared: Declared,
    function: Function,
    flow: Flow,
    depths: Depths,
    direct: Callable[[Function], list[Effect]],
) -> None:
    """Record an error for everything in ``function`` that cannot be while a transaction is open.

    :param direct: the effects of a function and of the helpers it calls, all the way down.
    """
    source = function.plain.source
    for point, effect in flow.effects():
        if depths.at(point) <= {0}:
            continue
        found = next(_reasons(declared, effect, direct), None)
        if found is not None:
            why, remedy = found
            what = f"{ast.unparse(effect.node)} cannot stand in a transaction{why}"
            declared.problems.add(source.path, source.text, effect.node, what, remedy)


def _reasons(
    declared: Declared, effect: Effect, direct: Callable[[Function], list[Effect]]
) -> Iterator[tuple[str, str]]:
    """Why an effect cannot be in a transaction, and the remedies."""
    if effect.kind in _WAITS or effect.kind is EffectKind.TIMEOUT:
        yield ", which is over within seconds", _REMEDY
    elif effect.kind is EffectKind.OUTSIDE:
        yield ", which may come to nothing: what is done outside is not undone", _REMEDY_OUTSIDE
    elif effect.kind in (EffectKind.CALL, EffectKind.SPAWN):
        method = _method(declared, effect.target)
        if method is not None and method.queue is not None:
            yield f": {effect.target} has a queue, in which it may have to wait", _REMEDY_QUEUE
        if method is not None and method.facts.waits:
            yield f": {effect.target} sleeps or waits", _REMEDY
        if method is not None and method.facts.goes_out:
            yield f": {effect.target} asks the outside", _REMEDY_OUTSIDE
    elif effect.helper is not None:
        for inner in direct(effect.helper):
            method = _method(declared, inner.target) if inner.kind in _CALLS else None
            if inner.kind in _WAITS or (method is not None and method.facts.waits):
                does = "sleeps" if inner.kind is EffectKind.SLEEP else "sleeps or waits"
                yield f": it {does} (line {inner.line})", _REMEDY
            if inner.kind is EffectKind.OUTSIDE or (method is not None and method.facts.goes_out):
                yield f": it asks the outside (line {inner.line})", _REMEDY_OUTSIDE


_CALLS = (EffectKind.CALL, EffectKind.SPAWN)
_WAITS = (EffectKind.SLEEP, EffectKind.RESULT, EffectKind.EVENT)


def _method(declared: Declared, target: str) -> Function | None:
    service, name = target.split(".", 1)
    return declared.services[service].methods.get(name)
