"""What a deployment would change, found out by the server itself, before anything is changed.

Every manifest is applied as a dry run first: admission, validation, defaults, quota, webhooks
and field ownership are all looked at, and nothing is stored. So a manifest that the cluster
refuses stops the deployment before its first half is done.

To be pruned is what carries the labels of this deployment, is of a kind that is managed here,
is not among the manifests, and is not made by a controller: Knative copies the labels of a
service to the routes, revisions and deployments it makes.

An object of somebody else's that has the name of one of ours is not taken over unasked: with our
labels on it, a later deployment would prune it, and ``delete`` would delete it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from backends.knative.cluster.errors import (
    ClusterError,
    FieldConflict,
    Forbidden,
    InputError,
    Invalid,
    NotInstalled,
    QuotaExceeded,
    Taken,
    Terminating,
    WebhookRefused,
)
from backends.knative.cluster.kinds import (
    KNATIVE_SERVICE,
    MANAGED,
    NAMESPACE,
    Kind,
    describe,
    kind_of,
)
from backends.knative.cluster.objects import Objects
from backends.knative.names import INSTANCE, MANAGED_BY, MANAGER, selector

__all__ = [
    "Action",
    "Change",
    "check_cluster",
    "check_namespace",
    "difference",
    "owned",
    "rehearse",
    "to_prune",
]

Action = Literal["created", "configured", "unchanged", "pruned"]
_COLLECTED = (FieldConflict, Forbidden, Invalid, QuotaExceeded, Taken, WebhookRefused)
_NO_DRY_RUN = "does not support dry run"
_REHEARSED_POD = "dry run failed with"
"""Knative's webhook makes a pod, too, as a dry run (its flag ``kubernetes.podspec-dryrun``)."""
_NOT_THERE = re.compile(
    r'\b(?P<kind>serviceaccounts?|secrets?|configmaps?) "(?P<name>[^"]+)" not found'
)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one object.

    :ivar content: the manifest to apply, or the object to delete.
    :ivar before: the object as it was, or None.
    """

    kind: Kind
    name: str
    action: Action
    content: Mapping[str, Any]
    before: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return describe(self.kind, self.name)

    def done(self, after: Mapping[str, Any]) -> Change:
        """The change as it turned out."""
        return replace(self, action=difference(self.before, after))


def check_cluster(objects: Objects) -> None:
    """See that the namespace is there and that the cluster knows Knative.

    :raises NamespaceMissing: there is no such namespace.
    :raises NotInstalled: Knative Serving is not there.
    :raises ClusterError: the cluster cannot be asked.
    """
    check_namespace(objects)
    objects.list(KNATIVE_SERVICE, selector=f"{MANAGED_BY}={MANAGER},{INSTANCE}=none")


def check_namespace(objects: Objects) -> None:
    """See that the namespace is there, which Kubernetes does not say where nothing is in it.

    :raises NamespaceMissing: there is no such namespace.
    :raises ClusterError: the cluster cannot be asked.
    """
    with suppress(Forbidden):  # whoever may work in a namespace may not be let look at it
        objects.get(NAMESPACE, objects.namespace)


def rehearse(
    objects: Objects, manifests: Sequence[Mapping[str, Any]], force: bool = False
) -> list[Change]:
    """What applying the manifests would do.

    :param force: take over fields that other managers own, and objects that others made.
    :raises ClusterError: the cluster would refuse, or something is not ours; all of it together.
    """
    changes: list[Change] = []
    refused = []
    for manifest in manifests:
        try:
            changes.append(_rehearse_one(objects, manifest, force, changes))
        except _COLLECTED as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise ClusterError("\n".join(map(str, refused)))
    return changes


def _rehearse_one(
    objects: Objects, manifest: Mapping[str, Any], force: bool, earlier: Sequence[Change]
) -> Change:
    kind, metadata = kind_of(manifest), manifest["metadata"]
    name = metadata["name"]
    if metadata.get("namespace", objects.namespace) != objects.namespace:
        raise InputError(
            f"{describe(kind, name)} is rendered for namespace {metadata['namespace']}, not for "
            f"{objects.namespace}: give the same --namespace to both"
        )
    before = objects.get(kind, name)
    if before is not None and before["metadata"].get("deletionTimestamp"):
        raise Terminating(f"{describe(kind, name)} is being deleted: deploy again when it is gone")
    if before is not None and not force:
        _check_ours(kind, manifest, before)
    try:
        after = objects.apply(manifest, force, dry_run=True)
    except (Invalid, WebhookRefused) as error:
        if not _is_of_rehearsal(str(error), earlier):
            raise
        return Change(kind, name, "configured" if before else "created", manifest, before)
    return Change(kind, name, difference(before, after), manifest, before)


def _is_of_rehearsal(said: str, earlier: Sequence[Change]) -> bool:
    """Whether it is refused only because this is a dry run, and nothing before was really made."""
    if _NO_DRY_RUN in said:
        return True
    missing = _NOT_THERE.search(said) if _REHEARSED_POD in said else None
    return missing is not None and any(
        change.before is None
        and change.name == missing["name"]
        and missing["kind"] in (change.kind.kind.lower(), change.kind.plural)
        for change in earlier
    )


def _check_ours(kind: Kind, manifest: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """:raises Taken: the object was made by something else than deployments of this name."""
    wanted = manifest["metadata"].get("labels") or {}
    found = before["metadata"].get("labels") or {}
    if all(found.get(label) == wanted.get(label) for label in (MANAGED_BY, INSTANCE)):
        return
    whose = f"{found.get(MANAGED_BY, 'nobody known')} (instance {found.get(INSTANCE, 'none')})"
    raise Taken(
        f"{describe(kind, manifest['metadata']['name'])} is there already, and belongs to {whose}: "
        "choose another name for this deployment (--name), delete it, or take it over with "
        "--force-conflicts"
    )


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Action:
    """What happened to an object, whatever its controllers wrote into its status meanwhile."""
    if before is None:
        return "created"
    return "unchanged" if _content(before) == _content(after) else "configured"


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in item.items() if key not in ("status", "metadata")}
    metadata = item["metadata"]
    return content | {key: metadata.get(key) or {} for key in ("uid", "labels", "annotations")}


def to_prune(
    objects: Objects, instance: str, manifests: Sequence[Mapping[str, Any]]
) -> list[Change]:
    """What an earlier deployment of this name made and this one does not.

    :raises ClusterError: the objects cannot be listed.
    """
    kept = {(kind_of(each), each["metadata"]["name"]) for each in manifests}
    return [
        Change(kind, item["metadata"]["name"], "pruned", item, item)
        for kind, item in owned(objects, instance)
        if (kind, item["metadata"]["name"]) not in kept
    ]


def owned(objects: Objects, instance: str) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Everything that deployments of this name made, as it is.

    :raises ClusterError: the objects cannot be listed.
    """
    labels = {MANAGED_BY: MANAGER, INSTANCE: instance}
    for kind in MANAGED:
        try:
            items = objects.list(kind, selector(instance)).items
        except NotInstalled:
            if kind == KNATIVE_SERVICE:
                raise
            continue  # a kind that the cluster does not know has no objects
        for item in items:
            metadata = item["metadata"]
            if any(owner.get("controller") for owner in metadata.get("ownerReferences") or []):
                continue
            if labels.items() <= (metadata.get("labels") or {}).items():
                yield kind, item
