"""The facts the executor relies on, interprocedurally and to a fixpoint.

What cannot be proved gets the careful value: a method is effectful, may commit
more than once, and something may follow every call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from compiler.analysis.build import build_flow
from compiler.analysis.depth import Depths, HelperDepths, measure
from compiler.analysis.exceptions import Raises
from compiler.analysis.flow import ANY_WAY, EdgeKind, Flow, Point
from compiler.analysis.last import mark_calls
from compiler.analysis.lines import refuse_circles, see_in_line
from compiler.analysis.outstanding import outstanding_at
from compiler.analysis.readings import Readings
from compiler.analysis.waits import refuse_waits
from compiler.model import Declared, Effect, EffectKind, Function
from core.program import Facts

__all__ = ["Analysis", "analyse"]

_CALLS = frozenset({EffectKind.CALL, EffectKind.SPAWN})
_WAITS = frozenset({EffectKind.SLEEP, EffectKind.RESULT, EffectKind.EVENT})
_LASTING = frozenset(
    {
        *(EffectKind.WRITE, EffectKind.START, EffectKind.CANCEL, EffectKind.SIGNAL),
        *(EffectKind.OUTSIDE, *_WAITS),
    }
)
"""Effects of which something is left."""
_PAUSING = frozenset({EffectKind.OUTSIDE, *_WAITS})
"""Effects that end a region and are no calls."""


@dataclass(frozen=True, slots=True)
class _Summary:
    """What running a function, entered at some depth, may do outside of transactions.

    :ivar outside: an effectful call.
    :ivar begins: how many transactions it begins there: 0, 1, or 2 for more.
    """

    depths: HelperDepths = field(default_factory=HelperDepths)
    outside: bool = True
    begins: int = 2


@dataclass(slots=True)
class Analysis:
    """The analysis of one application."""

    declared: Declared
    flows: dict[Function, Flow] = field(default_factory=dict)
    read_only: dict[str, bool] = field(default_factory=dict)
    _summaries: dict[tuple[Function, int], _Summary] = field(default_factory=dict)
    _running: set[tuple[Function, int]] = field(default_factory=set)
    _leaves: dict[Function, frozenset[EdgeKind]] = field(default_factory=dict)
    _raises: Raises | None = None

    # --- who calls whom

    def direct(self, function: Function) -> list[Effect]:
        """The effects of a function and of the helpers it calls, all the way down."""
        found: list[Effect] = []
        seen: set[Function] = set()
        waiting = [function]
        while waiting:
            each = waiting.pop()
            if each in seen:
                continue
            seen.add(each)
            found += each.effects
            waiting += [effect.helper for effect in each.effects if effect.helper is not None]
        return found

    def methods(self) -> Iterator[Function]:
        """Every method that can be called."""
        for service in self.declared.services.values():
            for method in service.methods.values():
                if method.compiled is not None and not method.is_static:
                    yield method

    def is_effectful_call(self, effect: Effect) -> bool:
        """Whether an effect is a call of a method that may write."""
        return effect.kind in _CALLS and not self.read_only.get(effect.target, False)

    # --- interprocedural facts

    def infer(self) -> None:
        """Set the facts of every method."""
        methods = {method.full_name: method for method in self.methods()}
        effects = {name: self.direct(method) for name, method in methods.items()}
        callees = {
            name: frozenset(each.target for each in found if each.kind in _CALLS)
            for name, found in effects.items()
        }
        self.read_only = _greatest(
            {
                name: methods[name].queue is None
                and not any(each.kind in _LASTING for each in found)
                for name, found in effects.items()
            },
            callees,
        )
        restless = _greatest(
            {
                name: methods[name].queue is None and not any(each.kind in _WAITS for each in found)
                for name, found in effects.items()
            },
            callees,
        )
        inward = _greatest(
            {
                name: not any(each.kind is EffectKind.OUTSIDE for each in found)
                for name, found in effects.items()
            },
            callees,
        )
        reach = {name: _reachable(name, callees) for name in methods}
        own = {
            name: {e.target for e in found if e.kind in (EffectKind.READ, EffectKind.WRITE)}
            for name, found in effects.items()
        }
        for name, method in methods.items():
            summary = self.summary(method, 0)
            touched = own[name].union(*(own[other] for other in reach[name]))
            method.facts = Facts(
                read_only=self.read_only[name],
                single_region=not summary.outside and summary.begins <= 1,
                footprint=frozenset(touched),
                callees=callees[name],
                recursive=name in reach[name],
                starts=frozenset(e.target for e in effects[name] if e.kind is EffectKind.START),
                waits=not restless[name],
                signals=frozenset(e.target for e in effects[name] if e.kind is EffectKind.SIGNAL),
                goes_out=not inward[name],
                asks=frozenset(e.target for e in effects[name] if e.kind is EffectKind.OUTSIDE),
            )

    def flow(self, function: Function) -> Flow:
        """The control-flow graph of a function."""
        if self._raises is None:
            self._raises = Raises(self.declared)
        if function not in self.flows:
            self.flows[function] = build_flow(function, self._raises)
        return self.flows[function]

    def depths(self, function: Function, entry: int = 0) -> Depths:
        """The open transactions at each point, entered at depth ``entry``."""
        return measure(self.flow(function), entry, self._helper_depths)

    def _helper_depths(self, helper: Function, depth: int) -> HelperDepths:
        return self.summary(helper, depth).depths

    def leaves_outstanding(self, function: Function) -> frozenset[EdgeKind]:
        """The ways in which ``function`` may end while a call it spawned is outstanding."""
        if function not in self._leaves:
            self._leaves[function] = ANY_WAY  # recursion among helpers: anything
            flow = self.flow(function)
            ends = {
                "next": flow.exit,
                "error": flow.raised,
                "transaction": flow.raised_transaction,
            }
            self._leaves[function] = frozenset(
                way
                for way, end in ends.items()
                if outstanding_at(function, flow, end, self.leaves_outstanding)
            )
        return self._leaves[function]

    def summary(self, function: Function, entry: int) -> _Summary:
        """What running ``function`` may do outside of transactions, entered at a depth."""
        key = (function, entry)
        if key in self._running:
            return _Summary()  # recursion among helpers: anything
        if key not in self._summaries:
            self._running.add(key)
            self._summaries[key] = self._summarise(function, entry)
            self._running.discard(key)
        return self._summaries[key]

    def _summarise(self, function: Function, entry: int) -> _Summary:
        if function.compiled is None or not function.is_coroutine:
            same = frozenset({entry})
            return _Summary(HelperDepths(same, same, same), outside=False, begins=0)
        flow, depths = self.flow(function), self.depths(function, entry)
        outside = False
        beginning: dict[Point, int] = {}
        for point, effect in flow.effects():
            here = depths.at(point)
            if effect.helper is not None:
                for depth in here:
                    inner = self.summary(effect.helper, depth)
                    outside = outside or inner.outside
                    beginning[point] = max(beginning.get(point, 0), inner.begins)
            elif 0 in here and (self.is_effectful_call(effect) or effect.kind in _PAUSING):
                outside = True
            elif 0 in here and effect.kind is EffectKind.BEGIN:
                beginning[point] = 1
        return _Summary(
            HelperDepths(
                depths.at(flow.exit), depths.at(flow.raised), depths.at(flow.raised_transaction)
            ),
            outside,
            _most_begins(flow, beginning),
        )


def _most_begins(flow: Flow, beginning: dict[Point, int]) -> int:
    """The most transactions on one way through a function: 0, 1, or 2 for more."""
    weighted = {point for point, count in beginning.items() if count}
    if any(count > 1 for count in beginning.values()):
        return 2
    if any(weighted & flow.reachable([point]) for point in sorted(weighted, key=_number)):
        return 2
    return 1 if weighted else 0


def _number(point: Point) -> int:
    return point.number


def _greatest(own: dict[str, bool], callees: dict[str, frozenset[str]]) -> dict[str, bool]:
    """True where it holds of a method itself and of everything it calls."""
    result = dict(own)
    changed = True
    while changed:
        changed = False
        for name, others in callees.items():
            if result[name] and not all(result.get(other, False) for other in others):
                result[name], changed = False, True
    return result


def _reachable(name: str, callees: dict[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(callees[name])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting.extend(callees.get(other, ()))
    return found


def analyse(declared: Declared) -> Analysis:
    """Set the facts of every method, and mark the calls that are last."""
    analysis = Analysis(declared)
    analysis.infer()
    readings = Readings(declared)
    refuse_circles(declared, list(analysis.methods()), analysis.direct)
    for function in declared.all_functions():
        if function.compiled is not None and function.is_coroutine:
            flow, depths = analysis.flow(function), analysis.depths(function)
            refuse_waits(declared, function, flow, depths, analysis.direct)
            see_in_line(declared, function)
            mark_calls(
                function,
                flow,
                depths,
                analysis.read_only,
                analysis.leaves_outstanding,
                readings.may_read,
            )
    return analysis
