"""The control-flow graph of one compiled function: points, and edges between them.

There is a point for each effect, in Python's order of evaluation, and one for
each statement. Edges say when they are taken: normally, when a flag that the
function only ever sets to True or False has one of these values, or when an
exception is raised. ``TransactionException`` has edges of its own, because it
also ends the transaction it comes out of (:mod:`compiler.analysis.depth`).

Where the graph cannot be exact it has more edges than the program, never fewer:
``finally`` blocks are drawn once for all the ways that lead through them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compiler.model import Effect

__all__ = ["ANY_WAY", "Edge", "EdgeKind", "Flow", "Point"]

EdgeKind = str
"""``next``, ``error`` or ``transaction`` (an exception)."""

ANY_WAY: frozenset[EdgeKind] = frozenset({"next", "error", "transaction"})


@dataclass(slots=True, eq=False)
class Point:
    """A place in a function.

    :ivar effect: the effect that happens here, if any.
    :ivar statement: the statement that begins here, if any.
    :ivar sets: a flag and the value it is given here.
    :ivar opens: for the end of a transaction block, its beginning.
    """

    number: int
    effect: Effect | None = None
    statement: ast.stmt | None = None
    sets: tuple[str, bool] | None = None
    opens: Point | None = None
    edges: list[Edge] = field(default_factory=list)

    def __repr__(self) -> str:
        what = self.effect.kind if self.effect else type(self.statement).__name__
        return f"<{self.number} {what}>"


@dataclass(slots=True, frozen=True, eq=False)
class Edge:
    """A step from one point to another.

    :ivar flag: the edge is taken only if this flag has this value.
    """

    target: Point
    kind: EdgeKind = "next"
    flag: tuple[str, bool] | None = None


@dataclass(slots=True, eq=False)
class Flow:
    """The control-flow graph of a function."""

    entry: Point
    exit: Point
    raised: Point
    raised_transaction: Point
    points: list[Point]

    def effects(self) -> Iterator[tuple[Point, Effect]]:
        """The points with effects."""
        return ((point, point.effect) for point in self.points if point.effect is not None)

    def reachable(self, starts: Iterable[Point]) -> set[Point]:
        """Every point that can be reached from ``starts`` in one step or more."""
        found: set[Point] = set()
        waiting = [edge.target for start in starts for edge in start.edges]
        while waiting:
            point = waiting.pop()
            if point not in found:
                found.add(point)
                waiting.extend(edge.target for edge in point.edges)
        return found
