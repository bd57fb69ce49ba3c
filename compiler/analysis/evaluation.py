"""Expressions in the control-flow graph: their effects in Python's order of evaluation."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from compiler.analysis.flow import Edge, Point
from compiler.model import Effect

__all__ = ["Evaluation", "Frontier"]

Frontier = list[tuple[Point, tuple[str, bool] | None]]
"""Open ends: points whose next step is still to be drawn, and the flag it depends on."""


class Evaluation:
    """Draws the points of expressions."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.returns: Point

    def point(
        self,
        effect: Effect | None = None,
        statement: ast.stmt | None = None,
        opens: Point | None = None,
    ) -> Point:
        """A new point."""
        made = Point(len(self.points), effect, statement, None, opens)
        self.points.append(made)
        return made

    def connect(self, frontier: Frontier, target: Point) -> None:
        """Let every open end lead to ``target``."""
        for point, flag in frontier:
            point.edges.append(Edge(target, "next", flag))

    def plain(self, frontier: Frontier) -> Frontier:
        """Plain code, which may raise."""
        raise NotImplementedError

    def effect_raises(self, point: Point) -> None:
        """Draw the exception edges of an effect."""
        raise NotImplementedError

    def after_effect(self, point: Point) -> Frontier:
        """What goes on after an effect."""
        raise NotImplementedError

    def expressions(self, nodes: Sequence[ast.AST | None], frontier: Frontier) -> Frontier:
        """Several, one after the other."""
        for node in nodes:
            if node is not None:
                frontier = self.expression(node, frontier)
        return frontier

    def expression(self, node: ast.AST, frontier: Frontier) -> Frontier:
        """One expression."""
        match node:
            case ast.Lambda() | ast.Name() | ast.Constant():
                return frontier
            case ast.Await():
                return self._await(node, frontier)
            case ast.BoolOp():
                return self._optional(node.values, frontier)
            case ast.Compare():
                first = self.expressions([node.left, node.comparators[0]], frontier)
                return self._optional([None, *node.comparators[1:]], first)
            case ast.IfExp():
                tested = self.expression(node.test, frontier)
                return self.expression(node.body, tested) + self.expression(node.orelse, tested)
            case ast.Dict():
                pairs = zip(node.keys, node.values, strict=True)
                return self.expressions([part for pair in pairs for part in pair], frontier)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehension(node.generators, [node.elt], frontier)
            case ast.DictComp():
                return self._comprehension(node.generators, [node.key, node.value], frontier)
            case _:
                return self.expressions(list(ast.iter_child_nodes(node)), frontier)

    def _await(self, node: ast.Await, frontier: Frontier) -> Frontier:
        frontier = self.expression(node.value, frontier)
        effect = getattr(node, "effect", None)
        if effect is None:
            return frontier
        point = self.point(effect)
        self.connect(frontier, point)
        self.effect_raises(point)
        return self.after_effect(point)

    def _optional(self, nodes: Sequence[ast.expr | None], frontier: Frontier) -> Frontier:
        """The first, and then as many of the others as their values ask for."""
        ends: Frontier = []
        for node in nodes:
            if node is not None:
                frontier = self.expression(node, frontier)
            ends += frontier
        return ends

    def _comprehension(
        self, generators: list[ast.comprehension], elements: list[ast.expr], frontier: Frontier
    ) -> Frontier:
        first, rest = generators[0], generators[1:]
        frontier = self.expression(first.iter, frontier)
        head = self.point()
        self.connect(frontier, head)
        inner: Frontier = [(head, None)]
        for test in first.ifs:
            inner = self.expression(test, inner)
            self.connect(inner, head)
        if rest:
            inner = self._comprehension(rest, elements, inner)
        else:
            inner = self.expressions(elements, inner)
        self.connect([end for end in inner if end[0] is not head], head)
        return [(head, None)]
