"""One object, or all of a kind: read, applied, deleted.

Applying is Kubernetes' server-side apply: the manifest names the fields that are ours, the
server merges, and a field that is ours no longer goes away. The same manifest again changes
nothing, not even the resource version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backends.knative.cluster.api import Api
from backends.knative.cluster.errors import Gone, Modified, NotThere
from backends.knative.cluster.explain import Asked
from backends.knative.cluster.kinds import NAMESPACE, POD, Kind, kind_of
from backends.knative.names import MANAGER

__all__ = ["Listing", "Objects"]

_PAGE = 500
_LIST_AGAIN = 3
"""How often a list whose pages expire while they are read is begun anew."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a kind at one moment.

    :ivar version: the resource version from which to watch what changes later.
    """

    items: list[dict[str, Any]]
    version: str


class Objects:
    """The objects of one namespace."""

    def __init__(self, api: Api, namespace: str = "") -> None:
        self.api = api
        self.namespace = namespace or api.access.namespace

    def asked(self, verb: str, kind: Kind, name: str = "", subresource: str = "") -> Asked:
        """A request as messages name it."""
        return Asked(verb, kind, self.namespace, name, subresource, self.api.access.who)

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """The object, or None if there is none.

        :raises ClusterError: any other failure.
        """
        try:
            return self.api.ask(self.asked("get", kind, name), "GET")
        except NotThere:
            return None

    def list(self, kind: Kind, selector: str = "", fields: str = "") -> Listing:
        """All objects that the label and field selectors choose.

        :raises ClusterError: it cannot be listed.
        """
        query = {"labelSelector": selector, "fieldSelector": fields, "limit": str(_PAGE)}
        query = {name: value for name, value in query.items() if value}
        items: list[dict[str, Any]] = []
        again = _LIST_AGAIN
        while True:
            try:
                answer = self.api.ask(self.asked("list", kind), "GET", query)
            except Gone:  # the pages still to come: the first one is there anew
                if not query.get("continue") or not again:
                    raise
                again -= 1
                items.clear()
                del query["continue"]
                continue
            items += answer.get("items") or []
            metadata = answer.get("metadata") or {}
            query["continue"] = metadata.get("continue") or ""
            if not query["continue"]:
                return Listing(items, str(metadata.get("resourceVersion", "")))

    def apply(
        self, manifest: Mapping[str, Any], force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        """The object as it is once the manifest is applied.

        :param force: take over fields that other managers own.
        :param dry_run: have the server do everything but store it.
        :raises FieldConflict: other managers own fields, and ``force`` is not given.
        :raises ClusterError: the server refuses the object.
        """
        query = {"fieldManager": MANAGER, "force": "true" if force else "false"}
        asked = self.asked("patch", kind_of(manifest), manifest["metadata"]["name"])
        return self.api.ask(asked, "PATCH", query | _dry(dry_run), manifest)

    def delete(
        self,
        kind: Kind,
        item: Mapping[str, Any],
        dry_run: bool = False,
        grace: int | None = None,
    ) -> bool:
        """Delete exactly this object, not one that has taken its name since.

        :param grace: seconds that a pod is given to end; None: its own.
        :returns: whether it was there, and still the same.
        :raises ClusterError: the server refuses.
        """
        metadata = item["metadata"]
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": metadata["uid"]},
        }
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        asked = self.asked("delete", kind, metadata["name"])
        try:
            self.api.ask(asked, "DELETE", _dry(dry_run), body)
        except (NotThere, Modified):
            return False
        return True

    def create_namespace(self) -> None:
        """Make the namespace, unless it is there.

        :raises ClusterError: it cannot be made.
        """
        body = {
            "apiVersion": NAMESPACE.api_version,
            "kind": NAMESPACE.kind,
            "metadata": {"name": self.namespace},
        }
        asked = self.asked("patch", NAMESPACE, self.namespace)
        self.api.ask(asked, "PATCH", {"fieldManager": MANAGER, "force": "false"}, body)

    def pod_log(
        self, pod: str, container: str, query: Mapping[str, str], quiet: float | None = None
    ) -> Iterator[str]:
        """The lines of a container's log.

        :param query: of the API's log endpoint: tailLines, sinceSeconds, previous, follow.
        :raises Broken: the connection broke in mid-log.
        :raises ClusterError: there is no log.
        """
        asked = self.asked("get", POD, pod, "log")
        for line in self.api.lines(asked, {"container": container, **query}, quiet):
            yield line.decode(errors="replace")


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
