"""Lines in which requests would wait for each other for ever, or in which they do not stand.

Who is under way and calls what stands in line waits for those who are under way there. If these
wait for the first ones in turn, and all places are taken, nobody ever goes on. So no way may lead
from a method with a limit back into its own line: neither by calls, nor by waiting for what was
started. A rate alone keeps nobody out for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.model import Declared, Effect, EffectKind, Function

__all__ = ["refuse_circles", "see_in_line"]

_CALLS = (EffectKind.CALL, EffectKind.SPAWN)
_Direct = Callable[[Function], list[Effect]]


def see_in_line(declared: Declared, function: Function) -> None:
    """Record an error where a method with a queue is called past it."""
    for effect in function.effects:
        callee = effect.helper
        if callee is None or callee.queue is None or effect.kind is not EffectKind.HELPER:
            continue
        whose = function.service.name if function.service is not None else ""
        if callee.queue.name == whose:
            continue  # who is in the service has stood in its line
        if function.queue is not None and callee.queue.name == function.queue.name:
            continue
        what = (
            f"{callee.full_name} has a queue, in which who calls it like a function does not stand"
        )
        remedy = f"call({callee.full_name}, ...), or a method of its own for what both do"
        source = function.plain.source
        declared.problems.add(source.path, source.text, effect.node, what, remedy)


def refuse_circles(declared: Declared, methods: Sequence[Function], direct: _Direct) -> None:
    """Record an error for methods with a limit that may wait for their own line."""
    limited = {each.full_name: each for each in methods if each.queue and each.queue.limit}
    if not limited:
        return
    waits_for = _waits_for(methods, direct)
    told: set[str] = set()
    for method in limited.values():
        assert method.queue is not None
        name = method.queue.name
        way = _way_back(method.full_name, name, limited, waits_for)
        if way is None or name in told:
            continue
        told.update(_queue(limited, each) for each in way)
        chain = ", which waits for ".join(way[1:])
        what = (
            f"{method.full_name} has a place in the queue of {name} and waits for {chain}: when "
            "all places are taken, they wait for each other for ever"
        )
        remedy = (
            "a queue for what does the work and calls nothing that stands in line; or start(...)"
        )
        source = method.plain.source
        declared.problems.add(source.path, source.text, method.node, what, remedy)


def _waits_for(methods: Sequence[Function], direct: _Direct) -> dict[str, list[str]]:
    """For which methods each one may wait: what it calls, and what was started, if it uses result.

    What a method is given to wait for can be any request that was started anywhere.
    """
    effects = {each.full_name: direct(each) for each in methods}
    every = [each for found in effects.values() for each in found]
    started = sorted({each.target for each in every if each.kind is EffectKind.START})
    found: dict[str, list[str]] = {}
    for name, own in effects.items():
        targets = [each.target for each in own if each.kind in _CALLS]
        if any(each.kind is EffectKind.RESULT for each in own):
            targets += started
        found[name] = sorted(set(targets))
    return found


def _queue(limited: dict[str, Function], name: str) -> str:
    method = limited.get(name)
    return method.queue.name if method is not None and method.queue is not None else ""


def _way_back(
    begin: str, queue: str, limited: dict[str, Function], waits_for: dict[str, list[str]]
) -> list[str] | None:
    """The shortest way from a method into a queue; None: there is none.

    Who comes into another queue on the way waits for all who are in that one.
    """
    members: dict[str, list[str]] = {}
    for name in limited:
        members.setdefault(_queue(limited, name), []).append(name)
    ways, known = [[begin]], {begin}
    while ways:
        way = ways.pop(0)
        for name in waits_for.get(way[-1], []):
            if _queue(limited, name) == queue:
                return [*way, name]
            if name in known:
                continue
            reached = [name, *members.get(_queue(limited, name), [])]
            known.update(reached)
            ways += [[*way, name]] + [[*way, name, other] for other in reached if other != name]
    return None
