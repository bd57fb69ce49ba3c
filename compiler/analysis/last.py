"""Call sites: which call is the last that matters, and before which a commit is due.

A call is *last* when no way from it leads to anything that the caller would
have to commit: a state access, a clock reading, be it inside a library, another call, a
transaction, a future still to be waited for; and when no spawned call may be outstanding before it.
It stands outside of transactions, and in a method that is only ever called as a
request of its own, not as a helper.

A commit is *due* before an effectful call when the region that ends there may
hold something: a read, a write, a clock reading, the answer of a travelling call.
In a helper that may always be, for the sake of what its caller did before.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from compiler.analysis.depth import Depths
from compiler.analysis.flow import EdgeKind, Flow, Point
from compiler.analysis.outstanding import outstanding_at
from compiler.analysis.readings import own_parts
from compiler.model import Effect, EffectKind, Function

__all__ = ["mark_calls"]

_MATTERS = frozenset(
    {
        *(EffectKind.READ, EffectKind.WRITE, EffectKind.TIME, EffectKind.CALL, EffectKind.SPAWN),
        *(EffectKind.BEGIN, EffectKind.JOIN, EffectKind.START, EffectKind.SLEEP),
        *(EffectKind.RESULT, EffectKind.CANCEL, EffectKind.TIMEOUT, EffectKind.OUTSIDE),
        *(EffectKind.EVENT, EffectKind.SIGNAL),
    }
)
_INPUTS = frozenset(
    {
        *(EffectKind.READ, EffectKind.WRITE, EffectKind.TIME, EffectKind.START),
        *(EffectKind.SLEEP, EffectKind.RESULT, EffectKind.CANCEL, EffectKind.TIMEOUT),
        EffectKind.OUTSIDE,
        *(EffectKind.EVENT, EffectKind.SIGNAL),
    }
)


def mark_calls(
    function: Function,
    flow: Flow,
    depths: Depths,
    read_only: Mapping[str, bool],
    leaves: Callable[[Function], frozenset[EdgeKind]],
    may_read: Callable[[Function, ast.AST], bool],
) -> None:
    """Set ``last`` and ``commit_due`` of the calls in a function, and emit ``last``.

    :param leaves: the ways in which a helper may end and leave a spawned call outstanding.
    :param may_read: whether a statement may read the clock inside a library.
    """
    containing = _containing(function)
    dirty = _dirty(flow, depths, read_only)

    def after(point: Point, effect: Effect) -> list[ast.stmt]:
        """The statements of which some part may be executed after an effect."""
        own = containing.get(id(effect.node_emitted))
        found = [own, *(each.statement for each in flow.reachable([point]))]
        return [each for each in found if each is not None]

    for point, effect in flow.effects():
        if effect.kind not in (EffectKind.CALL, EffectKind.SPAWN):
            continue
        effectful = not read_only.get(effect.target, False)
        here = depths.at(point)
        due = function.is_helper or (0 in here and point in dirty)
        effect.commit_due = effectful and due
        if effect.kind is EffectKind.CALL and effectful and here == {0}:
            effect.last = (
                not function.is_helper
                and function.queue is None  # its end is a commit
                and not any(_matters(each.effect) for each in flow.reachable([point]))
                and not any(may_read(function, each) for each in after(point, effect))
                and not outstanding_at(function, flow, point, leaves)
            )
        if effect.last and effect.call is not None:
            assert isinstance(effect.call.func, ast.Attribute)
            effect.call.func.attr = "call_last"


def _containing(function: Function) -> dict[int, ast.stmt]:
    """The innermost statement around each emitted ``await``."""
    assert function.compiled is not None
    return {
        id(part): statement
        for statement in ast.walk(function.compiled)
        if isinstance(statement, ast.stmt) and statement is not function.compiled
        for part in own_parts(statement)
        if isinstance(part, ast.Await)
    }


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
        ends = _ends_region(point, depths, read_only)
        for edge in point.edges:
            if edge.target not in dirty and not (ends and edge.kind == "next"):
                dirty.add(edge.target)
                waiting.append(edge.target)
    return dirty


def _adds_input(effect: Effect) -> bool:
    if effect.kind in (EffectKind.CALL, EffectKind.SPAWN):
        return True  # a travelling call is an input; an effectful one in a transaction as well
    if effect.kind is EffectKind.HELPER:
        return effect.helper is None or effect.helper.effectful
    return effect.kind in _INPUTS or effect.target == "uuid.uuid1"


def _ends_region(point: Point, depths: Depths, read_only: Mapping[str, bool]) -> bool:
    """Whether a region certainly ends at the point and none begins with an input: a wait is one."""
    effect = point.effect
    if effect is None or depths.at(point) != {0}:
        return False
    calls = effect.kind in (EffectKind.CALL, EffectKind.SPAWN)
    return calls and not read_only.get(effect.target, False)
