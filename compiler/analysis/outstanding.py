"""Whether spawned calls may be outstanding, answered by nobody yet, at a point.

A spawn is settled by a join of the very future: ``await gather(spawn(...))``, or
``f = spawn(...)`` and then ``await f``, where every value ``f`` ever has is a
spawned call. Anything else (a list of futures, a future that is passed on)
counts as outstanding from the spawn on. So does a spawn whose variable is given
another before it was joined, and what a helper may leave outstanding when it
returns or raises.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator

from compiler.analysis.flow import ANY_WAY, EdgeKind, Flow, Point
from compiler.model import Effect, EffectKind, Function
from compiler.names import bindings

__all__ = ["outstanding_at"]


def outstanding_at(
    function: Function, flow: Flow, at: Point, leaves: Callable[[Function], frozenset[EdgeKind]]
) -> bool:
    """Whether a spawned call may be outstanding when ``at`` is reached.

    :param leaves: the ways in which a helper may end and leave one outstanding.
    """
    if any(_reaches(point, at, leaves(helper)) for point, helper in _helpers(flow)):
        return True
    spawns = {id(effect): point for point, effect in flow.effects() if _spawns(effect)}
    names = _future_names(function)
    settles = {
        point: _settled(effect.node_emitted, names)
        for point, effect in flow.effects()
        if effect.kind is EffectKind.JOIN
    }
    for identity, start in spawns.items():
        joins = {point for point, done in settles.items() if identity in done}
        same_name = {each for group in names.values() if identity in group for each in group}
        overwritten_by = {start, *(spawns[each] for each in same_name)}
        if _reaches(start, at, ANY_WAY, joins, overwritten_by):
            return True
    return False


def _spawns(effect: Effect) -> bool:
    """Whether an effect gives a future: of a call, or of what the outside is asked."""
    return effect.kind is EffectKind.SPAWN or effect.operation == "spawn"


def _helpers(flow: Flow) -> Iterator[tuple[Point, Function]]:
    for point, effect in flow.effects():
        if effect.helper is not None:
            yield point, effect.helper


def _reaches(
    start: Point,
    at: Point,
    ways: frozenset[EdgeKind],
    joins: Collection[Point] = (),
    overwritten_by: Collection[Point] = (),
) -> bool:
    """Whether one of these ways leads from the spawn to ``at`` without joining its future."""
    seen: set[Point] = set()
    waiting = [start]
    lost = False
    while waiting:
        point = waiting.pop()
        for edge in point.edges:
            if point is start and edge.kind not in ways:
                continue
            if point in joins and edge.kind != "error":
                continue  # what a future raises is raised when all that it gathers have answers
            target = edge.target
            if target in overwritten_by:
                lost = True  # another takes its name, or its place: nothing joins it any more
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return at in seen or (lost and _reaches(start, at, ways))


def _settled(join: ast.AST | None, names: dict[str, set[int]]) -> set[int]:
    """The spawns whose futures a join certainly waits for."""
    if join is None:
        return set()
    found: set[int] = set()
    waiting: list[ast.AST] = [join]
    while waiting:
        node = waiting.pop()
        effect = getattr(node, "effect", None)
        if effect is not None and _spawns(effect):
            found.add(id(effect))
        elif isinstance(node, ast.Name):
            found |= names.get(node.id, set())
        elif isinstance(node, ast.Call) and _is_gather(node):
            waiting += [each for each in node.args if not isinstance(each, ast.Starred)]
        elif isinstance(node, ast.Await) and effect is not None and node is join:
            assert isinstance(node.value, ast.Call)
            waiting += node.value.args
    return found


def _is_gather(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "gather"


def _future_names(function: Function) -> dict[str, set[int]]:
    """Variables that only ever hold spawned calls, and which."""
    assert function.compiled is not None
    names: dict[str, set[int]] = {}
    good: set[ast.AST] = set()
    for node in ast.walk(function.compiled):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, effect = node.targets[0], getattr(node.value, "effect", None)
            is_spawn = effect is not None and _spawns(effect)
            if isinstance(target, ast.Name) and is_spawn:
                names.setdefault(target.id, set()).add(id(effect))
                good.add(target)
    for name, node in bindings(function.compiled):
        if node not in good:
            names.pop(name, None)
    return names
