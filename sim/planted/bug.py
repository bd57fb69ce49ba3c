"""What a planted bug is, and the ways to plant one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock

from core.layout import journal_key
from core.messages import Outcome
from core.ports import Commit
from core.regions import Regions

__all__ = ["BUGS", "Bug", "bug", "change_commits", "everywhere", "own_key", "replace", "with_"]

Steps = Generator[Any, Any, Any]
Patch = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Bug:
    """One broken variant.

    :ivar rule: the rule it breaks, in a sentence that is true without it.
    :ivar caught_by: the check, or the threshold of the scenario, that must fail; others may, too.
    :ivar scenario: name of a scenario, without ``.yaml``, in which it does harm.
    :ivar app: the application to run there.
    :ivar seconds: of load that it takes, at most.
    """

    name: str
    rule: str
    caught_by: str
    scenario: str
    app: str
    patch: Patch
    seconds: float = 4.0


BUGS: dict[str, Bug] = {}
"""Every planted bug by its name."""


def bug(
    rule: str, caught_by: str, scenario: str, app: str, seconds: float = 4.0
) -> Callable[[Patch], Patch]:
    """Register a function that plants a bug, under its own name."""

    def register(patch: Patch) -> Patch:
        name = patch.__name__
        path = app if "/" in app else f"apps/{app}"
        BUGS[name] = Bug(name, rule, caught_by, scenario, path, patch, seconds)
        return patch

    return register


def replace(owner: Any, name: str, new: Any) -> AbstractContextManager[Any]:
    """Replace an attribute."""
    return mock.patch.object(owner, name, new)


def everywhere(old: Any, new: Any) -> AbstractContextManager[Any]:
    """Replace a function in every module that imported it by name."""
    stack, name_of = ExitStack(), str(old.__name__)
    for name in sorted(sys.modules):
        module = sys.modules[name]
        if name.split(".")[0] in ("core", "sim") and vars(module).get(name_of) is old:
            stack.enter_context(mock.patch.object(module, name_of, new))
    return stack


def change_commits(
    change: Callable[[Regions, Commit], Commit | None],
) -> AbstractContextManager[Any]:
    """Let ``change`` edit the commits of regions, or with None leave one out."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        steps = original(self, end, outcome)
        effect = next(steps)
        assert isinstance(effect, Commit)
        changed = change(self, effect)
        if changed is not None:
            yield changed
        for _ in steps:
            raise AssertionError("a region commits once")

    return replace(Regions, "_commit", commit)


def with_(commit: Commit, **changes: Any) -> Commit:
    """A commit with some fields changed."""
    fields = {name: getattr(commit, name) for name in commit.__struct_fields__}
    return Commit(**{**fields, **changes})


def own_key(regions: Regions) -> bytes:
    """The journal key of the present region."""
    return journal_key(regions._request.id, regions.present.place)
