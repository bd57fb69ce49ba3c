"""Breaking rule 5: intents and recovery."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from core import recovery
from core.journal import METHOD_END
from core.layout import intent_key
from core.messages import Outcome
from core.ports import Commit, ReadVersion
from core.regions import Regions
from core.store import Clear, Mutation, Set
from sim.planted.bug import Steps, bug, ends_tree, everywhere, replace


def _only_clears(self: Regions, end: int) -> list[Mutation]:
    return [Clear(intent_key(self._request.id.root))] if ends_tree(self, end) else []


@bug("a tree that made something durable has an intent", "exactly_once", "crash", "hotel")
def no_intent() -> AbstractContextManager[Any]:
    """Never record the intent."""
    return replace(Regions, "_intent", _only_clears)


@bug("the intent is in the same commit as the effect", "exactly_once", "crash", "hotel")
def intent_after_the_effect() -> AbstractContextManager[Any]:
    """Record the intent in a commit of its own, after the region's."""
    intent, commit = Regions._intent, Regions._commit

    def late(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        mutations = intent(self, end)
        yield from commit(self, end, outcome)
        if any(isinstance(mutation, Set) for mutation in mutations):
            version = yield ReadVersion()
            yield Commit(None, 0, METHOD_END, (), version, [], mutations)

    return mock.patch.multiple(Regions, _intent=_only_clears, _commit=late)


@bug("only the tree's last commit clears the intent", "exactly_once", "crash", "auction")
def intent_cleared_too_early() -> AbstractContextManager[Any]:
    """Let every commit that ends a method clear it."""
    original = Regions._intent

    def intent(self: Regions, end: int) -> list[Mutation]:
        clears = [Clear(intent_key(self._request.id.root))] if end == METHOD_END else []
        return [*original(self, end), *clears]

    return replace(Regions, "_intent", intent)


@bug("recovery drives stale intents", "liveness", "crash", "hotel")
def recovery_gives_up() -> AbstractContextManager[Any]:
    """Look at the clock and do nothing."""

    def recover(*_: Any, **__: Any) -> Steps:
        yield ReadVersion()
        return 0

    return everywhere(recovery.recover, recover)
