"""A plan, carried out, object by object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.knative.cluster.objects import Objects
from backends.knative.cluster.plan import Change

__all__ = ["carry_out", "prune"]


def carry_out(objects: Objects, changes: Iterable[Change], force: bool = False) -> Iterator[Change]:
    """Apply in order; yields each change as it turned out.

    Applying is done for what is expected to stay as it is as well: somebody may have changed
    it since, and its fields become ours.

    :param force: take over fields that other managers own.
    :raises ClusterError: the cluster refuses one; those before it are applied.
    """
    for change in changes:
        yield change.done(objects.apply(change.content, force))


def prune(objects: Objects, changes: Iterable[Change]) -> Iterator[Change]:
    """Delete; yields each change whose object was there.

    :raises ClusterError: the cluster refuses one; those before it are deleted.
    """
    for change in changes:
        if objects.delete(change.kind, change.content):
            yield change
