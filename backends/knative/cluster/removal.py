"""Everything of an application deleted, and nothing else; the data stays where it is."""

from __future__ import annotations

from collections.abc import Sequence

from backends.knative.cluster.apply import prune
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.plan import Change, owned
from backends.knative.cluster.wait import Waiting, wait_until_ended, wait_until_gone
from backends.knative.names import selector

__all__ = ["deployed", "remove"]


def deployed(objects: Objects, instance: str) -> list[Change]:
    """What deleting would delete.

    :raises ClusterError: the objects cannot be listed.
    """
    return [
        Change(kind, item["metadata"]["name"], "pruned", item, item)
        for kind, item in owned(objects, instance)
    ]


def remove(
    objects: Objects, instance: str, changes: Sequence[Change], waiting: Waiting | None
) -> list[Change]:
    """Delete, and wait until all is gone, and what ran of it has ended.

    :param waiting: None: do not wait.
    :returns: what was there.
    :raises NotReady: something is not gone in time.
    :raises ClusterError: the cluster refuses.
    """
    done = list(prune(objects, changes))
    if waiting is not None:
        gone = [(change.kind, change.name) for change in done]
        wait_until_gone(objects, gone, selector(instance), waiting)
        wait_until_ended(objects, selector(instance), waiting)
    return done
