"""Draws the control-flow graph of a compiled function."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.analysis.evaluation import Evaluation, Frontier
from compiler.analysis.exceptions import Caught, Raises, caught, may_raise
from compiler.analysis.flow import Edge, Flow, Point
from compiler.model import EffectKind, Function
from compiler.names import bindings

__all__ = ["build_flow"]


@dataclass(slots=True)
class _Frame:
    """A block that leaving passes through: ``finally``, a transaction, a loop, the function.

    :ivar passes: where ``return``, ``break`` and ``continue`` go first; None if straight on.
    :ivar ways: where those that came through go on to.
    """

    error: Point
    transaction: Point
    passes: Point | None = None
    ways: list[Point] = field(default_factory=list)
    on_break: Point | None = None
    on_continue: Point | None = None


def build_flow(function: Function, raises: Raises) -> Flow:
    """The control-flow graph of a function.

    :param raises: knows whether plain code may raise TransactionException.
    """
    return _Builder(function, raises).build()


class _Builder(Evaluation):
    """Walks statements; a frontier is the list of open ends that lead to what comes next."""

    def __init__(self, function: Function, raises: Raises) -> None:
        super().__init__()
        assert function.compiled is not None
        self.function = function
        self.raises = raises
        self.flags = _flags(function.compiled)
        self.frames: list[_Frame] = []

    def build(self) -> Flow:
        """The whole graph."""
        assert self.function.compiled is not None
        entry, end = self.point(), self.point()
        raised, raised_transaction = self.point(), self.point()
        self.frames.append(_Frame(raised, raised_transaction))
        self.returns = end
        last = self.block(self.function.compiled.body, [(entry, None)])
        self.connect(last, end)
        return Flow(entry, end, raised, raised_transaction, self.points)

    # --- points and exceptions

    def effect_raises(self, point: Point) -> None:
        """Draw the exception edges of an effect."""
        assert point.effect is not None
        kind = point.effect.kind
        frame = self.frames[-1]
        if kind in _MAY_FAIL_TRANSACTION:
            point.edges.append(Edge(frame.transaction, "transaction"))
        if kind is not EffectKind.ABORT:
            point.edges.append(Edge(frame.error, "error"))

    def after_effect(self, point: Point) -> Frontier:
        """What goes on after an effect: nothing after an abort, and plain code after others."""
        assert point.effect is not None
        return [] if point.effect.kind is EffectKind.ABORT else self.plain([(point, None)])

    def plain(self, frontier: Frontier) -> Frontier:
        """Plain code, which may raise: where a statement begins, and after each effect."""
        return [(self._plain_point(frontier), None)]

    def _plain_point(self, frontier: Frontier, statement: ast.stmt | None = None) -> Point:
        point = self.point(statement=statement)
        self.connect(frontier, point)
        frame = self.frames[-1]
        point.edges.append(Edge(frame.error, "error"))
        if self.raises.transaction:
            point.edges.append(Edge(frame.transaction, "transaction"))
        return point

    # --- statements

    def block(self, statements: Sequence[ast.stmt], frontier: Frontier) -> Frontier:
        """A list of statements."""
        for statement in statements:
            frontier = self.statement(statement, frontier)
        return frontier

    def statement(self, node: ast.stmt, frontier: Frontier) -> Frontier:
        """One statement."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is not None:
            result: Frontier = method(node, frontier)
            return result
        return self._simple(node, frontier)

    def _simple(self, node: ast.stmt, frontier: Frontier) -> Frontier:
        point = self._plain_point(frontier, node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return [(point, None)]
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in self.flags
            and isinstance(node.value, ast.Constant)
        ):
            point.sets = (node.targets[0].id, bool(node.value.value))
        return self.expressions(self._in_order(node), [(point, None)])

    def _in_order(self, node: ast.stmt) -> list[ast.AST]:
        if isinstance(node, ast.Assign):
            return [node.value, *node.targets]
        if isinstance(node, ast.AnnAssign):
            return [*([node.value] if node.value else []), node.target]
        return list(ast.iter_child_nodes(node))

    def _assert(self, node: ast.Assert, frontier: Frontier) -> Frontier:
        """The message is made only by a test that fails."""
        tested = self.expression(node.test, self._begin(node, frontier))
        if node.msg is not None:
            failed = self.point()
            self.connect(self.expression(node.msg, tested), failed)
            failed.edges.append(Edge(self.frames[-1].error, "error"))
        return tested

    def _if(self, node: ast.If, frontier: Frontier) -> Frontier:
        yes, no = self._test(node.test, self._begin(node, frontier))
        return self.block(node.body, yes) + self.block(node.orelse, no)

    def _begin(self, node: ast.stmt, frontier: Frontier) -> Frontier:
        return [(self._plain_point(frontier, node), None)]

    def _test(self, test: ast.expr, frontier: Frontier) -> tuple[Frontier, Frontier]:
        """The ends for a test that holds and one that does not."""
        point = self.point()
        self.connect(self.expression(test, frontier), point)
        if isinstance(test, ast.Constant):
            return ([(point, None)], []) if test.value else ([], [(point, None)])
        wanted = True
        while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, wanted = test.operand, not wanted
        if isinstance(test, ast.Name) and test.id in self.flags:
            return [(point, (test.id, wanted))], [(point, (test.id, not wanted))]
        return [(point, None)], [(point, None)]

    def _while(self, node: ast.While, frontier: Frontier) -> Frontier:
        head, after = self._plain_point(frontier, node), self.point()
        yes, no = self._test(node.test, [(head, None)])
        self._loop(node.body, yes, head, after)
        self.connect(self.block(node.orelse, no), after)
        return [(after, None)]

    def _for(self, node: ast.For, frontier: Frontier) -> Frontier:
        frontier = self.expression(node.iter, self._begin(node, frontier))
        head, after = self._plain_point(frontier), self.point()
        self._loop(node.body, self.expression(node.target, [(head, None)]), head, after)
        self.connect(self.block(node.orelse, [(head, None)]), after)
        return [(after, None)]

    def _loop(
        self, body: Sequence[ast.stmt], frontier: Frontier, head: Point, after: Point
    ) -> None:
        outer = self.frames[-1]
        frame = _Frame(outer.error, outer.transaction, on_break=after, on_continue=head)
        self.frames.append(frame)
        self.connect(self.block(body, frontier), head)
        self.frames.pop()

    def _match(self, node: ast.Match, frontier: Frontier) -> Frontier:
        rest = self.expression(node.subject, self._begin(node, frontier))
        ends: Frontier = []
        for case in node.cases:
            guarded = self.expression(case.guard, rest) if case.guard else rest
            ends += self.block(case.body, guarded)
            if case.guard:
                rest = rest + guarded
        return ends + rest

    # --- leaving

    def _return(self, node: ast.Return, frontier: Frontier) -> Frontier:
        frontier = self._begin(node, frontier)
        if node.value is not None:
            frontier = self.expression(node.value, frontier)
        self._leave(frontier, self.returns, 0)
        return []

    def _break(self, node: ast.Break, frontier: Frontier) -> Frontier:
        for depth in range(len(self.frames) - 1, -1, -1):
            target = self.frames[depth].on_break
            if target is not None:
                self._leave(self._begin(node, frontier), target, depth + 1)
                break
        return []

    def _continue(self, node: ast.Continue, frontier: Frontier) -> Frontier:
        for depth in range(len(self.frames) - 1, -1, -1):
            target = self.frames[depth].on_continue
            if target is not None:
                self._leave(self._begin(node, frontier), target, depth + 1)
                break
        return []

    def _leave(self, frontier: Frontier, target: Point, depth: int) -> None:
        """Go to ``target`` through every frame above ``depth`` that is in the way."""
        through = [frame for frame in reversed(self.frames[depth:]) if frame.passes is not None]
        for frame in through:
            assert frame.passes is not None
            self.connect(frontier, frame.passes)
            frontier = []
        steps: list[Point] = [frame.passes for frame in through[1:] if frame.passes is not None]
        for frame, way in zip(through, [*steps, target], strict=False):
            frame.ways.append(way)
        self.connect(frontier, target)

    def _raise(self, node: ast.Raise, frontier: Frontier) -> Frontier:
        frontier = self._begin(node, frontier)
        frontier = self.expressions(list(ast.iter_child_nodes(node)), frontier)
        point = self.point()
        self.connect(frontier, point)
        frame = self.frames[-1]
        error, transaction = may_raise(node, self.function.scope)
        if error:
            point.edges.append(Edge(frame.error, "error"))
        if transaction:
            point.edges.append(Edge(frame.transaction, "transaction"))
        return []

    # --- try and with

    def _try(self, node: ast.Try, frontier: Frontier) -> Frontier:
        final = self._final_frame(node)
        if final is not None:
            self.frames.append(final)
        ends = self._handled(node, frontier)
        if final is None:
            return ends
        self.frames.pop()
        return self._finally(node, final, ends)

    _trystar = _try
    """The same, but for the handlers."""

    def _final_frame(self, node: ast.Try) -> _Frame | None:
        if not node.finalbody:
            return None
        start = self.point()
        return _Frame(start, start, passes=start)

    def _finally(self, node: ast.Try, final: _Frame, ends: Frontier) -> Frontier:
        assert final.passes is not None
        self.connect(ends, final.passes)
        ends = self.block(node.finalbody, [(final.passes, None)])
        outer = self.frames[-1]
        for point, _flag in ends:
            point.edges.append(Edge(outer.error, "error"))
            point.edges.append(Edge(outer.transaction, "transaction"))
            point.edges += [Edge(way) for way in final.ways]
        return ends

    def _handled(self, node: ast.Try, frontier: Frontier) -> Frontier:
        """The body, its handlers, and ``else``."""
        if not node.handlers:
            return self.block(node.orelse, self.block(node.body, frontier))
        error, transaction = self.point(), self.point()
        self.frames.append(_Frame(error, transaction))
        ends = self.block(node.body, frontier)
        self.frames.pop()
        ends = self.block(node.orelse, ends)
        if isinstance(node, ast.TryStar):
            return ends + self._group_handlers(node, [(error, None), (transaction, None)])
        return ends + self._handlers(node, error, transaction)

    def _handlers(self, node: ast.Try, error: Point, transaction: Point) -> Frontier:
        """``except``: the first that fits."""
        ends: Frontier = []
        outer = self.frames[-1]
        rest = {"error": True, "transaction": True}
        sources = {"error": error, "transaction": transaction}
        for handler in node.handlers:
            start: Frontier = []
            for stream, how in caught(handler, self.function.scope).items():
                if rest[stream] and how is not Caught.NO:
                    start.append((sources[stream], None))
                    rest[stream] = how is not Caught.ALL
            ends += self.block(handler.body, start)
        if rest["error"]:
            error.edges.append(Edge(outer.error, "error"))
        if rest["transaction"]:
            transaction.edges.append(Edge(outer.transaction, "transaction"))
        return ends

    def _group_handlers(self, node: ast.TryStar, ends: Frontier) -> Frontier:
        """``except*``: any of them, one after the other, even if one raises."""
        for handler in node.handlers:
            raised = self.point()
            self.frames.append(_Frame(raised, raised))
            ends = [*ends, *self.block(handler.body, ends), (raised, None)]
            self.frames.pop()
        outer, last = self.frames[-1], self.point()
        self.connect(ends, last)
        last.edges.append(Edge(outer.error, "error"))
        last.edges.append(Edge(outer.transaction, "transaction"))
        return [(last, None)]

    def _with(self, node: ast.With | ast.AsyncWith, frontier: Frontier) -> Frontier:
        """A context manager may also swallow exceptions, and raise at its end."""
        frontier = self._begin(node, frontier)
        for item in node.items:
            frontier = self.expression(item.context_expr, frontier)
        begun = self._plain_point(frontier)
        outer, swallowed = self.frames[-1], self.point()
        self.frames.append(_Frame(swallowed, swallowed))
        ends = self.block(node.body, [(begun, None)])
        self.frames.pop()
        swallowed.edges.append(Edge(outer.error, "error"))
        swallowed.edges.append(Edge(outer.transaction, "transaction"))
        return self.plain([*ends, (swallowed, None)])

    def _asyncwith(self, node: ast.AsyncWith, frontier: Frontier) -> Frontier:
        """A transaction block: begin, and commit or roll back at its end; or a timeout."""
        if not hasattr(node, "effect"):
            return self._with(node, frontier)
        begin_effect, end_effect = node.effect
        begin = self.point(begin_effect)
        self.connect(frontier, begin)
        outer = self.frames[-1]
        commit = self.point(end_effect, opens=begin)
        error, transaction = self.point(opens=begin), self.point(opens=begin)
        frame = _Frame(error, transaction, passes=commit)
        self.frames.append(frame)
        self.connect(self.block(node.body, [(begin, None)]), commit)
        self.frames.pop()
        error.edges.append(Edge(outer.error, "error"))
        transaction.edges.append(Edge(outer.transaction, "transaction"))
        commit.edges += [Edge(way) for way in frame.ways]
        return [(commit, None)]


_MAY_FAIL_TRANSACTION = frozenset(
    {
        EffectKind.CALL,
        EffectKind.JOIN,
        EffectKind.RESULT,
        EffectKind.EVENT,
        EffectKind.ABORT,
        EffectKind.HELPER,
        EffectKind.COMMIT,
    }
)


def _flags(function: ast.AST) -> frozenset[str]:
    """Local variables that are only ever set to True or False."""
    constants = {
        node.targets[0]
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, bool)
    }
    flags: set[str] = set()
    others: set[str] = set()
    for name, node in bindings(function):
        (flags if node in constants else others).add(name)
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            others.update(node.names)
    return frozenset(flags - others)
