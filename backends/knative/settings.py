"""What can be chosen about a deployment, with defaults that work."""

from __future__ import annotations

import msgspec

from backends.runtime.settings import Settings as NodeSettings
from core.protocol import OURS

__all__ = ["Resources", "Scale", "Settings"]


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How many pods a service has, and how much each takes on.

    :ivar min_scale: pods that are always there; 0 lets Knative take the last one away.
    :ivar max_scale: the most pods; 0 for no limit.
    :ivar concurrency: requests that a pod has under way at once, a hard limit for services that
        no call can come back to, and what Knative scales by for all. 0: Knative's own target.
    :ivar utilization: percent of ``concurrency`` at which Knative adds pods.
    :ivar annotations: more of Knative's autoscaler, without ``autoscaling.knative.dev/``, such as
        ``target-burst-capacity``; see :mod:`backends.knative.annotations`.
    """

    min_scale: int = 0
    max_scale: int = 0
    concurrency: int = 64
    utilization: int = 70
    annotations: dict[str, str] = {}


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod is given, in Kubernetes quantities; an empty limit is none."""

    cpu_request: str = "100m"
    cpu_limit: str = ""
    memory_request: str = "128Mi"
    memory_limit: str = "512Mi"


_SECRET = ("cluster_file", "wire_key")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment of one application.

    :ivar name: the application's name in Kubernetes, which all its objects' names begin with;
        empty: made of the application's own.
    :ivar image: the image of all its pods, a digest or a tag that is never moved.
    :ivar app: where the application lies in the image; empty: the image itself knows.
    :ivar pull_policy: ``Always``, ``IfNotPresent``, ``Never``; empty: Kubernetes' default.
    :ivar pull_secrets: names of Secrets with the registry's credentials.
    :ivar scale: for every service that ``scales`` does not name.
    :ivar scales: by service name; ``gateway`` is the gateway's.
    :ivar resources: likewise, with ``resources_by_service``, where ``upkeep`` is upkeep's.
    :ivar upkeep_replicas: pods that do recovery and retention; more than one does no harm.
    :ivar timeout: seconds Knative gives a request; at least the nodes' ``request_timeout``.
    :ivar public: whether the gateway is visible outside of the cluster.
    :ivar cluster_file: FoundationDB's cluster file, becomes a Secret; None: the Secret is there
        already, see :attr:`cluster_config_map` too.
    :ivar cluster_config_map: an existing ConfigMap that holds the cluster file under
        ``cluster-file``, as FoundationDB's operator makes it, instead of the Secret.
    :ivar wire_key: at least 16 random bytes, better 32, becomes a Secret; None: the Secret is
        there already, or whoever applies the manifests makes a key first.
    :ivar auth: how the gateway knows callers: ``none``, or ``keys:NAME`` or ``jwt:NAME``, where
        NAME is a Secret that holds ``auth.json``, and beside it the file that this names.
    :ivar fdb_prefix: the application's namespace in FoundationDB; empty: the application's name.
    :ivar store_ports: ports of FoundationDB's processes beyond those in the cluster file.
    :ivar store_networks: CIDR blocks they are in; empty: any address.
    :ivar platform_namespaces: where Knative and its ingress run.
    :ivar dns_namespace: where the cluster's DNS runs; empty: anywhere, as for a DNS cache on
        every node.
    :ivar cluster_domain: the DNS domain of the cluster.
    :ivar network_policies: whether to render any.
    :ivar uid: the user the processes run as.
    :ivar set_up: whether an empty store gets the data of the application's workload.
    :ivar record: whether nodes keep a log of commits and let those who have the wire key look at
        the store, for ``run``; it costs, and is not for production.
    :ivar protocol: what decides, one of :data:`core.protocol.PROTOCOLS`; for measurements.
    :ivar log_level: ``debug``, ``info``, ``warning`` or ``error``.
    :ivar nodes: how nodes behave.
    """

    image: str
    name: str = ""
    namespace: str = "default"
    app: str = ""
    pull_policy: str = ""
    pull_secrets: tuple[str, ...] = ()
    scale: Scale = Scale()
    scales: dict[str, Scale] = {}
    resources: Resources = Resources()
    resources_by_service: dict[str, Resources] = {}
    upkeep_replicas: int = 1
    timeout: int = 60
    public: bool = True
    service_account: str = ""
    cluster_file: bytes | None = None
    cluster_config_map: str = ""
    wire_key: bytes | None = None
    auth: str = "none"
    fdb_prefix: str = ""
    fdb_api_version: int = 730
    store_ports: tuple[int, ...] = ()
    store_networks: tuple[str, ...] = ()
    platform_namespaces: tuple[str, ...] = (
        "knative-serving",
        "kourier-system",
        "istio-system",
        "contour-external",
        "contour-internal",
    )
    dns_namespace: str = "kube-system"
    cluster_domain: str = "cluster.local"
    network_policies: bool = True
    uid: int = 10001
    set_up: bool = True
    record: bool = False
    protocol: str = OURS
    log_level: str = "info"
    nodes: NodeSettings = NodeSettings()

    def __repr__(self) -> str:
        """Without what is secret: nobody prints it by accident."""
        shown = [name for name in self.__struct_fields__ if name not in _SECRET]
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
