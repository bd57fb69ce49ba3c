"""An answer of the API server's, as an error with a remedy.

Kubernetes answers a failure with a ``Status`` object (API conventions, "Response Status Kind"):
a reason for programs, a message for people, and details of the object. A path that it does not
serve at all it answers with plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backends.knative.cluster.errors import (
    ClusterError,
    FieldConflict,
    Forbidden,
    Gone,
    Invalid,
    Modified,
    NamespaceMissing,
    NotInstalled,
    NotThere,
    QuotaExceeded,
    ServerFailed,
    Terminating,
    TooBusy,
    Unauthenticated,
    WebhookFailed,
    WebhookRefused,
)
from backends.knative.cluster.kinds import FDB_CLUSTER, KNATIVE_SERVICE, Kind, describe

__all__ = ["Answer", "Asked", "explain"]

_WEBHOOK = re.compile(
    r'admission webhook "(?P<name>[^"]+)"|failed calling webhook "(?P<call>[^"]+)"'
)
_CONFLICT = re.compile(r'conflict with "(?P<manager>(?:[^"\\]|\\.)*)"')
_CANNOT = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as messages and RBAC rules name it.

    :ivar verb: RBAC's: get, list, watch, patch, create, delete.
    :ivar who: the user and context in whose name it was sent, for messages.
    """

    verb: str
    kind: Kind
    namespace: str
    name: str = ""
    subresource: str = ""
    who: str = ""

    def __str__(self) -> str:
        place = f" in namespace {self.namespace}" if self.kind.namespaced else ""
        return f"{describe(self.kind, self.name)}{place}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A failure that the API server reported.

    :ivar said: the message, or the whole body if it is no Status.
    :ivar known: whether it is a Status, so that the API serves the path at all.
    """

    status: int
    said: str
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    known: bool = True

    @classmethod
    def of(cls, status: int, body: str | bytes | None, phrase: str = "") -> Answer:
        """The answer in a body."""
        text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if isinstance(content, dict) and content.get("kind") == "Status":
            return cls.in_status({"code": status, **content})
        line = " ".join(text.split())[:300]
        return cls(status, line or phrase or "no text", known=False)

    @classmethod
    def in_status(cls, content: Mapping[str, Any]) -> Answer:
        """The answer in a Status object."""
        reason = str(content.get("reason") or "")
        said = str(content.get("message") or reason or "no message")
        details = content.get("details")
        code = content.get("code")
        return cls(
            code if isinstance(code, int) else 500,
            said,
            reason,
            details if isinstance(details, dict) else {},
        )


def explain(asked: Asked, answer: Answer) -> ClusterError:
    """The error that an answer means."""
    if found := _WEBHOOK.search(answer.said):
        return _webhook(asked, answer, found["name"] or found["call"])
    if answer.status >= 500:
        return ServerFailed(
            _message(asked, answer, "the API server fails; look at its health, then try again")
        )
    simple = _BY_STATUS.get(answer.status)
    if simple is not None:
        return simple(asked, answer)
    return Invalid(_message(asked, answer, _remedy(asked)))


def _remedy(asked: Asked) -> str:
    """What to do where the API server does not take what was asked (400 and others)."""
    if asked.subresource == "log":
        return "the container has no such log, not yet or not any more; see `kubectl describe pod`"
    if asked.verb in ("get", "list", "watch"):
        return "nothing was changed; see its message"
    return "the object is not what this API server takes; see its message"


def _message(asked: Asked, answer: Answer, remedy: str) -> str:
    return f"{asked}: cannot {asked.verb} ({answer.status}): {answer.said.rstrip('.')}: {remedy}"


def _webhook(asked: Asked, answer: Answer, name: str) -> ClusterError:
    if answer.status >= 500:
        remedy = (
            f"the admission webhook {name} could not be asked; see whether its pods run (Knative's "
            "are in knative-serving), then try again"
        )
        return WebhookFailed(_message(asked, answer, remedy))
    remedy = f"the admission webhook {name} decides that; change what it objects to"
    return WebhookRefused(_message(asked, answer, remedy))


def _unauthenticated(asked: Asked, answer: Answer) -> ClusterError:
    remedy = (
        f"the API server does not know the credentials of {asked.who or 'this user'}; they may "
        "have expired: log in again, or choose another context with --context"
    )
    return Unauthenticated(_message(asked, answer, remedy))


def _forbidden(asked: Asked, answer: Answer) -> ClusterError:
    causes = answer.details.get("causes") or []
    if any(each.get("reason") == "NamespaceTerminating" for each in causes):
        remedy = "the namespace is being deleted; wait until it is gone, or choose another"
        return Terminating(_message(asked, answer, remedy))
    if "exceeded quota" in answer.said:
        remedy = "ask for a larger ResourceQuota, or ask for less (resources, scale, replicas)"
        return QuotaExceeded(_message(asked, answer, remedy))
    if not (found := _CANNOT.search(answer.said)) and answer.known and "cannot" not in answer.said:
        remedy = "an admission rule of the cluster forbids it; see its message"
        return Forbidden(_message(asked, answer, remedy))
    resource = asked.kind.plural + (f"/{asked.subresource}" if asked.subresource else "")
    group, verb = asked.kind.group, asked.verb
    if found:
        resource, group, verb = found["resource"], found["group"], found["verb"]
    scope = f"a Role in namespace {asked.namespace}" if asked.kind.namespaced else "a ClusterRole"
    rule = f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}'
    return Forbidden(_message(asked, answer, f"{scope} needs the rule {rule}"))


def _not_found(asked: Asked, answer: Answer) -> ClusterError:
    if answer.details.get("kind") == "namespaces" or asked.kind.plural == "namespaces":
        name = asked.namespace or asked.name
        return NamespaceMissing(
            f"namespace {name} does not exist: choose another with --namespace, or have it made "
            "by deploy --create-namespace"
        )
    if answer.known and answer.details.get("name"):
        return NotThere(_message(asked, answer, "it may have been deleted in the meantime"))
    if asked.kind.group == KNATIVE_SERVICE.group:
        return NotInstalled(
            f"the cluster does not know {asked.kind.api_version} (404: {answer.said}): install "
            "Knative Serving (https://knative.dev/docs/install/), or choose another cluster with "
            "--context"
        )
    if asked.kind == FDB_CLUSTER:
        base = "https://raw.githubusercontent.com/FoundationDB/fdb-kubernetes-operator/main/config"
        definitions = "".join(
            f"\n  kubectl apply -f {base}/crd/bases/apps.foundationdb.org_{plural}.yaml"
            for plural in ("foundationdbclusters", "foundationdbbackups", "foundationdbrestores")
        )
        return NotInstalled(
            f"the cluster does not know {asked.kind.api_version} (404: {answer.said}): "
            f"FoundationDB's operator is not installed. Install it, then deploy again:{definitions}"
            f"\n  kubectl apply -n {asked.namespace} -f {base}/samples/deployment.yaml\n"
            "or name a cluster that there is already with --cluster-file"
        )
    return NotInstalled(
        f"the cluster does not know {asked.kind.kind} of {asked.kind.api_version} "
        f"(404: {answer.said}): it needs a newer Kubernetes"
    )


def _conflict(asked: Asked, answer: Answer) -> ClusterError:
    owners = tuple(
        (_manager(str(cause.get("message", ""))), str(cause.get("field", "")))
        for cause in answer.details.get("causes") or []
        if cause.get("reason") == "FieldManagerConflict"
    )
    if not owners:
        remedy = "somebody else changed it at the same time; try again"
        return Modified(_message(asked, answer, remedy))
    lines = "".join(f"\n  {name} is owned by {manager}" for manager, name in owners)
    return FieldConflict(
        f"{asked}: other managers own fields that the deployment sets (409):{lines}\n"
        "Let them go there, or take the fields over with --force-conflicts.",
        owners,
    )


def _manager(message: str) -> str:
    found = _CONFLICT.search(message)
    return found["manager"] if found else message or "somebody"


def _gone(asked: Asked, answer: Answer) -> ClusterError:
    return Gone(_message(asked, answer, "list again"))


def _too_busy(asked: Asked, answer: Answer) -> ClusterError:
    return TooBusy(_message(asked, answer, "the API server is overloaded; try again later"))


_BY_STATUS = {
    401: _unauthenticated,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    410: _gone,
    429: _too_busy,
}
