"""Whether an application can be deployed with its settings, as far as no cluster is needed.

What the API server or Knative's webhooks would refuse, a pod that could not start, and names that
the application does not have: each is told with the setting it is about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from backends.knative.annotations import check_annotations
from backends.knative.environment import LOG_LEVELS
from backends.knative.errors import RenderProblem
from backends.knative.names import GATEWAY, UPKEEP, Names
from backends.knative.policies import cidr_block, store_ports
from backends.knative.settings import Resources, Scale, Settings
from backends.runtime.settings import Settings as NodeSettings
from backends.runtime.wire import KEY_BYTES
from backends.stores import OLDEST_API_VERSION
from compiler.application import Application
from core.protocol import PROTOCOLS

__all__ = ["check_settings", "image_trouble", "is_label"]

_LONGEST_TIMEOUT = 600
"""Knative's own limit, ``max-revision-timeout-seconds``, as it is shipped."""
_MOST_CONCURRENCY = 1000
"""Likewise ``container-concurrency-max-limit``, for the hard limit."""
_MOST = 2**31 - 1
"""What Kubernetes counts with."""
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL.pattern}(\.{_LABEL.pattern})*")
_QUANTITY = re.compile(
    r"(\d{1,20}\.?\d{0,20}|\.\d{1,20})([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?", re.ASCII
)
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_HOST = r"(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?)(:\d+)?"
_PATH = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"({_HOST}/)?{_PATH}(/{_PATH})*"
    r"(?P<tag>:[\w][\w.-]{0,127})?(?P<digest>@[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
"""The grammar of references, as the Distribution project has it."""
_SHORTEST, _LONGEST = 2, 255
"""Characters of a repository, as Knative's webhook takes it."""


def check_settings(application: Application, settings: Settings) -> None:
    """Find the first thing that cannot work.

    :raises RenderProblem: what, and what can.
    """
    _check_image(settings)
    _check_names(application, settings)
    _check_parts(application, settings)
    _check_scale(("scale",), "a service", settings.scale)
    for part, scale in settings.scales.items():
        _check_scale(("scales", part), part, scale)
    _check_resources(("resources",), settings.resources)
    for part, resources in settings.resources_by_service.items():
        _check_resources(("resources_by_service", part), resources)
    _check_nodes(settings)
    _check_secrets(settings)
    _check_store(settings)
    _check_network(settings)
    _check_texts(settings)


def is_label(text: str) -> bool:
    """Whether a namespace can be called so: a DNS label (RFC 1123)."""
    return bool(_LABEL.fullmatch(text))


def image_trouble(reference: str, to_build: bool = False) -> str:
    """What is wrong with the name of an image, and the remedy; empty if nothing is.

    :param to_build: an image that is to be built has no digest yet.
    """
    found = _IMAGE.fullmatch(reference)
    if found is None:
        lower = "" if reference == reference.lower() else ", in lower case"
        return (
            f"{reference!r} is no name of an image: write registry/name:tag or "
            f"registry/name@digest{lower}, such as registry.example/hotel:1"
        )
    if not _SHORTEST <= len(_repository(found)) <= _LONGEST:
        return (
            f"{reference!r} is no name of an image: behind the registry a name has "
            f"{_SHORTEST} to {_LONGEST} characters"
        )
    if to_build and found["digest"]:
        return f"{reference} has a digest, which is known once it is built: give a tag instead"
    return ""


def _repository(found: re.Match[str]) -> str:
    """A reference without registry, tag and digest; a registry has a dot or a port in its name."""
    name = found[0][: found.start("tag") if found["tag"] else None].partition("@")[0]
    first, slash, rest = name.partition("/")
    is_registry = slash and ("." in first or ":" in first or first == "localhost")
    return rest if is_registry else name


def _check_image(settings: Settings) -> None:
    if not settings.image:
        raise RenderProblem("no image is given: build one and name it (--image)", "image")
    if trouble := image_trouble(settings.image):
        raise RenderProblem(trouble, "image")
    if settings.pull_policy and settings.pull_policy not in _PULL_POLICIES:
        raise RenderProblem(
            f"there is no pull policy {settings.pull_policy!r}: choose one of "
            f"{', '.join(_PULL_POLICIES)}, or leave it out",
            "pull_policy",
        )


def _check_names(application: Application, settings: Settings) -> None:
    Names(application, settings)
    if settings.namespace and not is_label(settings.namespace):
        raise RenderProblem(
            f"there can be no namespace {settings.namespace!r}: its name has up to 63 of a-z, 0-9 "
            "and -, with a letter or digit at both ends",
            "namespace",
        )
    named = {name: (getattr(settings, name),) for name in ("cluster_config_map", "service_account")}
    for setting, names in (named | {"pull_secrets": settings.pull_secrets}).items():
        for name in names:
            if name and not _SUBDOMAIN.fullmatch(name):
                raise RenderProblem(
                    f"nothing in Kubernetes can be called {name!r} ({setting}): write a-z, 0-9, - "
                    "and . only",
                    setting,
                )


def _check_parts(application: Application, settings: Settings) -> None:
    parts = {*application.program.services, GATEWAY}
    for setting, allowed in (("scales", parts), ("resources_by_service", parts | {UPKEEP})):
        for part in sorted(getattr(settings, setting).keys() - allowed):
            raise RenderProblem(
                f"{setting} has {part}, which {application.name} does not: choose one of "
                f"{', '.join(sorted(allowed))}",
                setting,
                part,
            )


def _check_scale(place: tuple[str, ...], part: str, scale: Scale) -> None:
    if scale.max_scale and scale.min_scale > scale.max_scale:
        raise RenderProblem(
            f"{part} cannot have {scale.min_scale} to {scale.max_scale} pods: the minimum first, "
            "and a maximum of 0 for no limit",
            *place,
            "min_scale",
        )
    for name in ("min_scale", "max_scale", "concurrency"):
        if not 0 <= getattr(scale, name) <= _MOST:
            raise RenderProblem(
                f"{part} cannot have a {name} of {getattr(scale, name)}: 0 to {_MOST}", *place, name
            )
    if scale.concurrency > _MOST_CONCURRENCY:
        raise RenderProblem(
            f"{part} cannot have a concurrency of {scale.concurrency}: {_MOST_CONCURRENCY} at most "
            "(Knative's limit for a pod, container-concurrency-max-limit); more pods take on more",
            *place,
            "concurrency",
        )
    check_annotations((*place, "annotations"), part, scale.annotations)
    if not 1 <= scale.utilization <= 100:
        raise RenderProblem(
            f"{part} cannot have a utilization of {scale.utilization} %: 1 to 100",
            *place,
            "utilization",
        )


def _check_resources(place: tuple[str, ...], resources: Resources) -> None:
    for name in resources.__struct_fields__:
        value = getattr(resources, name)
        if value and not _QUANTITY.fullmatch(value):
            raise RenderProblem(
                f"{name} is {value!r}, which is no quantity of Kubernetes: write 500m or 2 for "
                "processors, 512Mi or 1Gi for memory",
                *place,
                name,
            )
    for what in ("cpu", "memory"):
        request, limit = (getattr(resources, f"{what}_{kind}") for kind in ("request", "limit"))
        if request and limit and _amount(request) > _amount(limit):
            raise RenderProblem(
                f"{what}_limit is {limit}, less than {what}_request, {request}: ask for less, or "
                "allow more",
                *place,
                f"{what}_limit",
            )


def _amount(quantity: str) -> Decimal:
    """A quantity as a number (Kubernetes, "Quantity")."""
    found = _QUANTITY.fullmatch(quantity)
    assert found is not None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return number.scaleb(int(suffix[1:]))
    if suffix.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    return number.scaleb(_POWERS[suffix])


def _check_nodes(settings: Settings) -> None:
    for field in msgspec.structs.fields(NodeSettings):
        value = getattr(settings.nodes, field.name)
        if not 0 < value < math.inf:  # a node refuses it when it starts
            raise RenderProblem(
                f"nodes has {field.name} {value:g}: it has to be a number above 0",
                "nodes",
                field.name,
            )
    if not settings.nodes.request_timeout <= settings.timeout <= _LONGEST_TIMEOUT:
        raise RenderProblem(
            f"a timeout of {settings.timeout} s cannot work: choose one from "
            f"{settings.nodes.request_timeout:g} (the nodes' request_timeout) to "
            f"{_LONGEST_TIMEOUT} (Knative's limit)",
            "timeout",
        )
    if not 1 <= settings.uid <= _MOST:
        raise RenderProblem(
            f"the processes do not run as root: choose a uid from 1 to {_MOST}", "uid"
        )
    if not 0 <= settings.upkeep_replicas <= _MOST:
        raise RenderProblem(
            f"upkeep cannot have {settings.upkeep_replicas} pods: 1, or more", "upkeep_replicas"
        )
    if settings.protocol not in PROTOCOLS:
        raise RenderProblem(
            f"there is no protocol {settings.protocol!r}: choose one of {', '.join(PROTOCOLS)}",
            "protocol",
        )
    if settings.log_level not in LOG_LEVELS:
        raise RenderProblem(
            f"there is no log level {settings.log_level!r}: choose one of {', '.join(LOG_LEVELS)}",
            "log_level",
        )


def _check_secrets(settings: Settings) -> None:
    kind, colon, secret = settings.auth.partition(":")
    if settings.auth != "none" and not (
        kind in ("keys", "jwt") and colon and _SUBDOMAIN.fullmatch(secret)
    ):
        raise RenderProblem(
            f"auth is {settings.auth!r}: write none, or keys:NAME or jwt:NAME with the name of a "
            "Secret that holds auth.json",
            "auth",
        )
    if settings.wire_key is not None and len(settings.wire_key) < KEY_BYTES:
        raise RenderProblem(
            f"a wire key of {len(settings.wire_key)} bytes is too short: give {KEY_BYTES} random "
            "ones or more, such as those that `openssl rand -hex 32` prints",
            "wire_key",
        )


def _check_store(settings: Settings) -> None:
    if settings.fdb_api_version < OLDEST_API_VERSION:
        raise RenderProblem(
            f"FoundationDB API version {settings.fdb_api_version} is too old: "
            f"{OLDEST_API_VERSION} or newer",
            "fdb_api_version",
        )
    for port in _outside(settings.store_ports):
        raise RenderProblem(f"store_ports has {port}, which is no port: 1 to 65535", "store_ports")
    for network in settings.store_networks:
        cidr_block(network)
    store_ports(settings)


def _check_network(settings: Settings) -> None:
    if settings.network_policies and not settings.platform_namespaces:
        raise RenderProblem(
            "platform_namespaces is empty, so nobody could ask anything: name the namespaces of "
            "Knative and its ingress, or leave policies out (network_policies: false)",
            "platform_namespaces",
        )
    namespaces = [("platform_namespaces", name) for name in settings.platform_namespaces]
    if settings.dns_namespace:
        namespaces.append(("dns_namespace", settings.dns_namespace))
    for setting, name in namespaces:
        if not is_label(name):
            raise RenderProblem(
                f"{setting} has {name!r}, which no namespace can be called: up to 63 of a-z, 0-9 "
                "and -",
                setting,
            )
    if not _SUBDOMAIN.fullmatch(settings.cluster_domain):
        raise RenderProblem(
            f"cluster_domain is {settings.cluster_domain!r}, which is no domain: write it as "
            "cluster.local",
            "cluster_domain",
        )


def _check_texts(settings: Settings) -> None:
    """What pods find in their environment, where no control character can be meant."""
    for setting in ("app", "fdb_prefix"):
        value = getattr(settings, setting)
        if not value.isprintable():
            raise RenderProblem(
                f"{setting} is {value!r}: write what can be printed, in one line", setting
            )


def _outside(ports: Iterable[int]) -> list[int]:
    return [port for port in ports if not 0 < port < 65536]
