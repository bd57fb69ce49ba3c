"""An application and its settings in, Kubernetes manifests out: plain data, in order.

    for manifest in render(load("apps/hotel"), Settings(image="registry/hotel:1")):
        ...

The order is that of application: what others refer to comes first, services that are called
before those that call them, then the gateway and upkeep. Nothing here is random and nothing
reads a clock, so the same application and settings give the same manifests, byte for byte.

A Secret is among the manifests if its content is among the settings. Otherwise the pods refer
to one of the same name (:class:`backends.knative.names.Names`) that has to be there: whoever
applies the manifests makes a wire key if there is none yet.

What the last deployment had and this one has not is found by labels (``names.selector``).
There are no owner references: nothing owns an application but the person who deployed it.
Neither are there disruption budgets: a pod that goes away costs a retry, and nothing is lost.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from backends.knative.checks import check_settings
from backends.knative.config_hash import config_hash
from backends.knative.container import CLUSTER_FILE, DEATHS, WIRE_KEY_FILE
from backends.knative.edges import Edges, edges
from backends.knative.names import (
    CLUSTER_FILE_KEY,
    COMMON,
    CONTENT_HASH,
    GATEWAY,
    WIRE_KEY_KEY,
    Names,
    content_hash,
)
from backends.knative.policies import network_policy
from backends.knative.settings import Settings
from backends.knative.workloads import knative_service, upkeep_deployment
from backends.runtime.settings import Settings as NodeSettings
from compiler.application import Application
from core.protocol import OURS

__all__ = ["render"]


def render(application: Application, settings: Settings) -> list[dict[str, Any]]:
    """The manifests, in the order in which to apply them.

    :raises RenderProblem: a name, a number or a file with which there are none.
    """
    check_settings(application, settings)
    names, calls = Names(application, settings), edges(application)
    objects = [_stamped(manifest) for manifest in _objects(application, names, calls, settings)]
    return msgspec.convert(msgspec.to_builtins(objects), list[dict[str, Any]])


def _objects(
    application: Application, names: Names, calls: Edges, settings: Settings
) -> Iterator[dict[str, Any]]:
    shared = list(_shared(application, names, settings))
    yield from shared
    config = config_hash(shared, f"{settings.namespace}/{names.instance}")
    if settings.network_policies:
        for part in sorted(names.components):
            yield network_policy(part, names, calls, settings)
    for part in [*calls.ordered(), GATEWAY]:
        yield knative_service(part, names, calls, settings, config)
    yield upkeep_deployment(names, settings, config)


def _shared(application: Application, names: Names, settings: Settings) -> Iterator[dict[str, Any]]:
    """What all parts refer to."""
    if not settings.service_account:
        yield {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": names.metadata(names.service_account, COMMON),
            "automountServiceAccountToken": False,
        }
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": names.metadata(names.environment, COMMON),
        "data": _environment(application, names, settings),
    }
    if settings.cluster_file is not None:
        yield _secret(names.cluster_file, CLUSTER_FILE_KEY, settings.cluster_file, names)
    if settings.wire_key is not None:
        yield _secret(names.wire_key, WIRE_KEY_KEY, settings.wire_key, names)


def _environment(application: Application, names: Names, settings: Settings) -> dict[str, str]:
    """What all nodes read from their environment (:mod:`backends.knative.environment`)."""
    addresses = {service: names.address(service) for service in application.program.services}
    found = {
        "MU2SLS_NAME": settings.fdb_prefix or application.name,
        "MU2SLS_ADDRESSES": json.dumps(addresses, sort_keys=True),
        "MU2SLS_WIRE_KEY_FILE": WIRE_KEY_FILE,
        "MU2SLS_CLUSTER_FILE_FROM": CLUSTER_FILE,
        "MU2SLS_DEATHS": DEATHS,
        "MU2SLS_FDB_API_VERSION": str(settings.fdb_api_version),
        "MU2SLS_LOG_LEVEL": settings.log_level,
    }
    if not settings.set_up:
        found["MU2SLS_SET_UP"] = "false"
    if settings.protocol != OURS:
        found["MU2SLS_PROTOCOL"] = settings.protocol
    if settings.record:
        found["MU2SLS_RECORD"] = "true"
    if settings.app:
        found["MU2SLS_APP"] = settings.app
    defaults = NodeSettings()
    for field in msgspec.structs.fields(NodeSettings):
        value = getattr(settings.nodes, field.name)
        if value != getattr(defaults, field.name):
            found[f"MU2SLS_{field.name.upper()}"] = json.dumps(value)
    return found


def _secret(name: str, key: str, value: bytes, names: Names) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": names.metadata(name, COMMON),
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode()},
    }


def _stamped(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the hash of its content."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), CONTENT_HASH: content_hash(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
