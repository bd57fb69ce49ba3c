"""What can go wrong between here and a cluster: each kind its own type, with place and remedy.

Two families, and an exit status for each:

* :class:`ConfigurationError` and :class:`InputError` (2): what was given cannot work.
* :class:`ClusterError` (1): the cluster refused, failed, or never became ready. Of these, what
  was given leads nowhere (2) where there is no API server, and where there is no namespace.

Every message holds what Kubernetes itself said. :mod:`backends.knative.cluster.explain` makes
them out of its answers.
"""

from __future__ import annotations

from backends.knative.errors import KnativeError

__all__ = [
    "Broken",
    "ClusterError",
    "ConfigurationError",
    "FieldConflict",
    "Forbidden",
    "Gone",
    "InputError",
    "Invalid",
    "Modified",
    "NamespaceMissing",
    "NotInstalled",
    "NotReady",
    "NotThere",
    "QuotaExceeded",
    "ServerFailed",
    "Taken",
    "Terminating",
    "TooBusy",
    "Unauthenticated",
    "Unreachable",
    "Untrusted",
    "WebhookFailed",
    "WebhookRefused",
]


class InputError(KnativeError):
    """What was given cannot work; nothing in the cluster was changed."""


class ConfigurationError(InputError):
    """There is no way to a cluster: no kubeconfig, a broken one, no such context."""


class ClusterError(KnativeError):
    """Base of what a cluster answers when it does not do what was asked.

    :cvar status: of the process that ends so.
    """

    status = 1


class Unreachable(ClusterError):
    """No connection to the API server, or none that can be trusted."""

    status = 2


class Untrusted(Unreachable):
    """The API server's certificate, or ours, does not fit: no time mends that."""


class Broken(ClusterError):
    """A connection broke in mid-answer; whoever reads a stream may go on where it ended."""


class Unauthenticated(ClusterError):
    """The API server does not know the credentials (401)."""


class Forbidden(ClusterError):
    """The credentials are known, but not allowed to do this (403)."""


class QuotaExceeded(ClusterError):
    """The namespace has no room for the object (403)."""


class Terminating(ClusterError):
    """The namespace, or the object, is being deleted."""


class WebhookRefused(ClusterError):
    """An admission webhook refused the object."""


class WebhookFailed(ClusterError):
    """An admission webhook could not be asked, after all retries (5xx)."""


class NotThere(ClusterError):
    """The object does not exist (404)."""


class NamespaceMissing(ClusterError):
    """The namespace does not exist (404)."""

    status = 2


class NotInstalled(ClusterError):
    """The API server does not know the kind: Knative is missing, for example (404)."""


class Modified(ClusterError):
    """Somebody changed, made or replaced the object in the meantime (409)."""


class FieldConflict(ClusterError):
    """Other field managers own fields that the manifest sets (409).

    :ivar owners: manager and field, for each field in conflict.
    """

    def __init__(self, message: str, owners: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.owners = owners


class Taken(ClusterError):
    """An object of the name is there, and was made by somebody else."""


class Gone(ClusterError):
    """The resource version is too old for the server's memory (410): list again."""


class Invalid(ClusterError):
    """The API server does not accept the object (400, 413, 415, 422)."""


class TooBusy(ClusterError):
    """The API server has no time, after all retries (429)."""


class ServerFailed(ClusterError):
    """The API server fails, after all retries (5xx)."""


class NotReady(ClusterError):
    """What was deployed did not become ready, or is not gone: it failed, or time ran out."""
