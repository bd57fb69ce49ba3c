"""How many transactions may be open at each point of a function.

A forward data-flow analysis over sets of states. A state is a depth (0, 1, or 2
for two and more) and what is known about the function's flags: with them the
loop of the paper's programs, which retries until a flag says that it succeeded,
ends with exactly one open transaction.

A transaction block ends at the depth it began with, or at a lower one if code in it
ended more than it began. ``TransactionException`` out of a call or a join has ended
the innermost transaction already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from compiler.analysis.flow import Edge, Flow, Point
from compiler.model import EffectKind, Function

__all__ = ["ANY_DEPTH", "Depths", "HelperDepths", "measure"]

ANY_DEPTH = frozenset({0, 1, 2})

_Flags = tuple[tuple[str, bool], ...]
_State = tuple[int, _Flags]


@dataclass(frozen=True, slots=True)
class HelperDepths:
    """The depths with which a helper returns and raises, for one depth it is called at."""

    returns: frozenset[int] = ANY_DEPTH
    error: frozenset[int] = ANY_DEPTH
    transaction: frozenset[int] = ANY_DEPTH


@dataclass(slots=True)
class Depths:
    """The result: the states in which each point is reached."""

    states: dict[Point, set[_State]] = field(default_factory=dict)

    def at(self, point: Point) -> frozenset[int]:
        """The depths with which ``point`` may be reached; empty if it cannot be."""
        return frozenset(depth for depth, _ in self.states.get(point, ()))


def deeper(depth: int) -> int:
    """The depth after a begin."""
    return min(depth + 1, 2)


def shallower(depth: int) -> frozenset[int]:
    """The depths after an end."""
    return frozenset({1, 2}) if depth == 2 else frozenset({max(depth - 1, 0)})


def measure(flow: Flow, entry: int, helper: Callable[[Function, int], HelperDepths]) -> Depths:
    """The depths in ``flow`` when it is entered at depth ``entry``.

    :param helper: what a helper does, called at a depth.
    """
    result = Depths()
    waiting: list[tuple[Point, _State]] = []
    closers: dict[Point, list[Point]] = {}
    for point in flow.points:
        if point.opens is not None:
            closers.setdefault(point.opens, []).append(point)

    def reach(point: Point, state: _State) -> None:
        known = result.states.setdefault(point, set())
        if state not in known:
            known.add(state)
            waiting.append((point, state))
            for closer in closers.get(point, ()):
                waiting.extend((closer, each) for each in result.states.get(closer, ()))

    reach(flow.entry, (entry, ()))
    while waiting:
        point, (depth, flags) = waiting.pop()
        for edge in point.edges:
            after = _with_flags(flags, point, edge)
            if after is not None:
                for each in _depths(point, edge, depth, result, helper):
                    reach(edge.target, (each, after))
    return result


def _with_flags(flags: _Flags, point: Point, edge: Edge) -> _Flags | None:
    """The flags after the edge; None if they forbid it."""
    if edge.flag is None and point.sets is None:
        return flags
    known = dict(flags)
    if point.sets is not None and edge.kind == "next":
        known[point.sets[0]] = point.sets[1]
    if edge.flag is not None:
        name, value = edge.flag
        if known.setdefault(name, value) is not value:
            return None
    return tuple(sorted(known.items()))


def _depths(
    point: Point,
    edge: Edge,
    depth: int,
    result: Depths,
    helper: Callable[[Function, int], HelperDepths],
) -> Iterable[int]:
    if point.opens is not None:
        return {min(depth, before) for before in result.at(point.opens)}
    effect = point.effect
    if effect is None:
        return (depth,)
    if effect.kind is EffectKind.HELPER:
        assert effect.helper is not None
        depths = helper(effect.helper, depth)
        return {"next": depths.returns, "error": depths.error}.get(edge.kind, depths.transaction)
    if edge.kind == "next":
        return _after(effect.kind, depth)
    if edge.kind == "transaction":
        if effect.kind is EffectKind.COMMIT:
            return (0,) if depth == 0 else ()
        return shallower(depth)
    return (depth,)


def _after(kind: EffectKind, depth: int) -> Iterable[int]:
    if kind is EffectKind.BEGIN:
        return (deeper(depth),)
    if kind is EffectKind.COMMIT:
        return shallower(depth) if depth else ()
    if kind is EffectKind.ROLLBACK:
        return shallower(depth)
    return (depth,)
