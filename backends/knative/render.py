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

from backends.fdb.settings import OLDEST_API_VERSION
from backends.knative.container import CLUSTER_FILE, WIRE_KEY_FILE
from backends.knative.edges import Edges, edges
from backends.knative.environment import LOG_LEVELS
from backends.knative.errors import RenderProblem
from backends.knative.names import (
    CLUSTER_FILE_KEY,
    COMMON,
    CONTENT_HASH,
    GATEWAY,
    UPKEEP,
    WIRE_KEY_KEY,
    Names,
    content_hash,
)
from backends.knative.policies import network_policy, store_ports
from backends.knative.settings import Scale, Settings
from backends.knative.workloads import knative_service, upkeep_deployment
from backends.runtime.settings import Settings as NodeSettings
from backends.runtime.wire import KEY_BYTES
from compiler.application import Application

__all__ = ["render"]

_LONGEST_TIMEOUT = 600
"""Knative's own limit, ``max-revision-timeout-seconds``, as it is shipped."""


def render(application: Application, settings: Settings) -> list[dict[str, Any]]:
    """The manifests, in the order in which to apply them.

    :raises RenderProblem: a name, a number or a file with which there are none.
    """
    _check(application, settings)
    names, calls = Names(application, settings), edges(application)
    objects = [_stamped(manifest) for manifest in _objects(application, names, calls, settings)]
    return msgspec.convert(msgspec.to_builtins(objects), list[dict[str, Any]])


def _objects(
    application: Application, names: Names, calls: Edges, settings: Settings
) -> Iterator[dict[str, Any]]:
    shared = list(_shared(application, names, settings))
    yield from shared
    config = content_hash(shared)
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
        "MU2SLS_FDB_API_VERSION": str(settings.fdb_api_version),
        "MU2SLS_LOG_LEVEL": settings.log_level,
    }
    if not settings.set_up:
        found["MU2SLS_SET_UP"] = "false"
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


def _check(application: Application, settings: Settings) -> None:
    """:raises RenderProblem: settings that cannot work, and what can."""
    if not settings.image:
        raise RenderProblem("no image is given: build one and name it (--image)")
    parts = {*application.program.services, GATEWAY}
    for name, allowed in (("scales", parts), ("resources_by_service", parts | {UPKEEP})):
        for part in sorted(getattr(settings, name).keys() - allowed):
            raise RenderProblem(
                f"{name} has {part}, which {application.name} does not: "
                f"{', '.join(sorted(allowed))}"
            )
    for part in sorted(parts):
        _check_scale(part, settings.scales.get(part, settings.scale))
    if not settings.nodes.request_timeout <= settings.timeout <= _LONGEST_TIMEOUT:
        raise RenderProblem(
            f"a timeout of {settings.timeout} s cannot work: choose one from "
            f"{settings.nodes.request_timeout:g} (the nodes' request_timeout) to "
            f"{_LONGEST_TIMEOUT} (Knative's limit)"
        )
    if settings.wire_key is not None and len(settings.wire_key) < KEY_BYTES:
        raise RenderProblem(
            f"a wire key of {len(settings.wire_key)} bytes is too short: {KEY_BYTES} or more"
        )
    if settings.fdb_api_version < OLDEST_API_VERSION:
        raise RenderProblem(
            f"FoundationDB API version {settings.fdb_api_version} is too old: "
            f"{OLDEST_API_VERSION} or newer"
        )
    if settings.uid < 1:
        raise RenderProblem("the processes do not run as root: choose a uid above 0")
    if settings.log_level not in LOG_LEVELS:
        raise RenderProblem(
            f"there is no log level {settings.log_level!r}: choose one of {', '.join(LOG_LEVELS)}"
        )
    for field in msgspec.structs.fields(NodeSettings):
        value = getattr(settings.nodes, field.name)
        if not value > 0:  # a node refuses it when it starts
            raise RenderProblem(f"nodes has {field.name} {value:g}: it has to be above 0")
    store_ports(settings)


def _check_scale(part: str, scale: Scale) -> None:
    numbers = (scale.min_scale, scale.max_scale, scale.concurrency)
    if min(numbers) < 0 or (scale.max_scale and scale.min_scale > scale.max_scale):
        raise RenderProblem(
            f"{part} cannot have {scale.min_scale} to {scale.max_scale} pods with "
            f"{scale.concurrency} requests each: 0 or more, the minimum first (a maximum of 0 is "
            "no limit)"
        )
    if not 1 <= scale.utilization <= 100:
        raise RenderProblem(f"{part} cannot have a utilization of {scale.utilization} %: 1 to 100")
