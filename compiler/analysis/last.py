"""Call sites: which call is the last that matters, and before which a commit is due.

A call is *last* when no way from it leads to anything that the caller would
have to commit: a state access, a clock reading, another call, a transaction, a
future still to be waited for. It stands outside of transactions, and in a method
that is only ever called as a request of its own, not as a helper.

A commit is *due* before an effectful call when the region that ends there may
hold something: a read, a write, a clock reading, the answer of a travelling call.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from compiler.analysis.depth import Depths
from compiler.analysis.flow import Flow, Point
from compiler.analysis.outstanding import outstanding_at
from compiler.model import Effect, EffectKind, Function

__all__ = ["mark_last"]

_MATTERS = frozenset(
    {
        *(EffectKind.READ, EffectKind.WRITE, EffectKind.TIME, EffectKind.CALL, EffectKind.SPAWN),
        *(EffectKind.BEGIN, EffectKind.JOIN),
    }
)
_INPUTS = frozenset({EffectKind.READ, EffectKind.WRITE, EffectKind.TIME})


def mark_last(method: Function, flow: Flow, depths: Depths, read_only: Mapping[str, bool]) -> None:
    """Set ``last`` and ``commit_due`` of the method's calls, and emit ``last``."""
    dirty = _dirty(flow, depths, read_only)
    for point, effect in flow.effects():
        if effect.kind not in (EffectKind.CALL, EffectKind.SPAWN):
            continue
        effectful = not read_only.get(effect.target, False)
        here = depths.at(point)
        effect.commit_due = effectful and 0 in here and point in dirty
        if effect.kind is EffectKind.CALL and effectful and here == {0}:
            effect.last = (
                not method.is_helper
                and not any(_matters(each.effect) for each in flow.reachable([point]))
                and not outstanding_at(method, flow, point)
            )
        if effect.last and effect.call is not None:
            assert isinstance(effect.call.func, ast.Attribute)
            effect.call.func.attr = "call_last"


def _matters(effect: Effect | None) -> bool:
    if effect is None:
        return False
    if effect.kind is EffectKind.HELPER:
        return effect.helper is None or effect.helper.effectful
    # A uuid of the first version reads the clock.
    return effect.kind in _MATTERS or effect.target == "uuid.uuid1"


def _dirty(flow: Flow, depths: Depths, read_only: Mapping[str, bool]) -> set[Point]:
    """The points before which the current region may hold something to commit."""
    dirty: set[Point] = set()
    waiting = [
        point
        for point, effect in flow.effects()
        if _adds_input(effect) and not _ends_region(point, depths, read_only)
    ]
    while waiting:
        point = waiting.pop()
        for edge in point.edges:
            if edge.target not in dirty:
                dirty.add(edge.target)
                if not _ends_region(edge.target, depths, read_only):
                    waiting.append(edge.target)
    return dirty


def _adds_input(effect: Effect) -> bool:
    if effect.kind in (EffectKind.CALL, EffectKind.SPAWN):
        return True  # a travelling call is an input; an effectful one in a transaction as well
    if effect.kind is EffectKind.HELPER:
        return effect.helper is None or effect.helper.effectful
    return effect.kind in _INPUTS or effect.target == "uuid.uuid1"


def _ends_region(point: Point, depths: Depths, read_only: Mapping[str, bool]) -> bool:
    """Whether a region certainly ends at the point: at an effectful call outside."""
    effect = point.effect
    return (
        effect is not None
        and effect.kind in (EffectKind.CALL, EffectKind.SPAWN)
        and not read_only.get(effect.target, False)
        and depths.at(point) == {0}
    )
