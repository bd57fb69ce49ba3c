"""Whole fields as operands: read here, used a moment later.

In plain Python ``self.l`` in ``self.l == self._grow()`` is the live list until the
comparison is made, and ``_grow`` may change it before. Compiled, it is a copy taken
where it stands. So a whole field may be an operand only if nothing that is
evaluated between it and its use can change it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from compiler.model import Declared, Effect, EffectKind, Function
from compiler.rewrite.base import Rewriting

__all__ = ["HeldFields", "OverlappedUse", "refuse_overlaps"]

_CALLS = (EffectKind.CALL, EffectKind.SPAWN, EffectKind.HELPER)


@dataclass(frozen=True, slots=True)
class OverlappedUse:
    """A field that was read whole, and the effects between the reading and its use."""

    rewriting: HeldFields
    read: Effect
    between: list[Effect]


class HeldFields(Rewriting):
    """Keeps track of the whole fields that are read and not yet used.

    :ivar overlaps: uses with effects in between; judged when all effects are known.
    """

    def __init__(self, declared: Declared, function: Function) -> None:
        super().__init__(declared, function)
        self.overlaps: list[OverlappedUse] = []
        self._held: list[Effect] = []

    def hold(self, access: ast.Await) -> ast.Await:
        """Note that ``access`` reads a whole field, which is used later."""
        self._held.append(access.effect)  # type: ignore[attr-defined]
        return access

    @property
    def held(self) -> int:
        """How many fields are held: a mark for :meth:`settle`."""
        return len(self._held)

    def settle(self, mark: int = 0) -> None:
        """Note that the fields held since ``mark`` are used up here."""
        for read in self._held[mark:]:
            between = self.function.effects[self.function.effects.index(read) + 1 :]
            if between:
                self.overlaps.append(OverlappedUse(self, read, between))
        del self._held[mark:]


def refuse_overlaps(declared: Declared, overlaps: Iterable[OverlappedUse]) -> None:
    """Record an error for every field that may change between its reading and its use."""
    for overlap in overlaps:
        field = overlap.read.target
        for effect in overlap.between:
            if _may_change(declared, effect, field, set()):
                name = field.split(".")[1]
                shown = ast.unparse(effect.node)
                overlap.rewriting.error(
                    overlap.read.node,
                    f"self.{name} is used here only after {shown}, which may change it",
                    f"a variable: x = {shown} in a statement before, or after",
                )
                break


def _may_change(declared: Declared, effect: Effect, field: str, seen: set[str]) -> bool:
    if effect.kind is EffectKind.WRITE:
        return effect.target == field
    if effect.kind is EffectKind.JOIN:
        spawns = (e for f in declared.all_functions() for e in f.effects)
        return any(
            e.kind is EffectKind.SPAWN and _may_change(declared, e, field, seen) for e in spawns
        )
    if effect.kind not in _CALLS or effect.target in seen:
        return False
    seen.add(effect.target)
    called = effect.helper or _method(declared, effect.target)
    return called is not None and any(
        _may_change(declared, each, field, seen) for each in called.effects
    )


def _method(declared: Declared, full_name: str) -> Function | None:
    service, name = full_name.split(".", 1)
    return declared.services[service].methods.get(name)
