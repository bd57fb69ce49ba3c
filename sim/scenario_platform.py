"""The parts of a scenario file that describe the cluster and how failures are met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from sim.quantities import count, duration, number, positive, rate
from sim.scenario import Platform, Recovery, Retention, Retry, ServicePlatform
from sim.scenario_names import Names
from sim.scenario_source import Node, Source, Table, one_of

__all__ = ["PROFILES", "read_platform", "read_recovery", "read_retention", "read_retry"]

_S = TypeVar("_S", bound=msgspec.Struct)
_Readers = Mapping[str, Callable[[object], Any]]

PROFILES = {"default": Platform()}
"""Platforms by name; what a scenario writes beside ``profile`` takes precedence."""

_SERVICE: _Readers = {
    "replicas": positive(count),
    "concurrency": positive(count),
    "workers": positive(count),
    "max_replicas": count,
}
_STORE: _Readers = {
    "read_version": duration,
    "read": duration,
    "commit": duration,
    "spread": number,
    "window": positive(duration),
    "commits_per_second": positive(rate),
}
_PLATFORM: _Readers = {
    "hop": duration,
    "spread": number,
    "cpu": duration,
    "cold_start": duration,
    "restart": duration,
    "queue": count,
}
_RETRY: _Readers = {
    "attempts": positive(count),
    "timeout": positive(duration),
    "backoff": one_of(("exponential", "constant"), "backoff"),
    "initial": duration,
    "maximum": duration,
}
_RECOVERY: _Readers = {"interval": positive(duration), "stale": duration}
_RETENTION: _Readers = {"period": positive(duration), "interval": positive(duration)}


def read_platform(scenario: Table, names: Names) -> Platform:
    """The modelled cluster: a profile, and what is different from it."""
    node = scenario.node_of("platform")
    if node is None:
        return Platform()
    known = ("profile", *_PLATFORM, "store", "defaults", "services")
    table = Table(scenario.source, node, "the platform", known)
    profile = table.take("profile", one_of(tuple(PROFILES), "profile"), "default")
    base = _override(table, PROFILES[profile], _PLATFORM)
    store = _section(table, "store", "the store", base.store, _STORE)
    defaults = base.defaults
    given = table.node_of("defaults")
    if given is not None:
        defaults = _service(table.source, "the defaults of services", given, defaults)
    services = _services(table, names, defaults)
    return msgspec.structs.replace(base, store=store, defaults=defaults, services=services)


def _services(table: Table, names: Names, defaults: ServicePlatform) -> dict[str, ServicePlatform]:
    node = table.node_of("services")
    if node is None:
        return {}
    services = Table(table.source, node, "the services", ())
    found = {}
    for name, key in services.keys.items():
        names.service(name, key)
        node = services.node_of(name)
        assert node is not None
        found[name] = _service(table.source, f"the service {name}", node, defaults)
    return found


def _service(source: Source, what: str, node: Node, defaults: ServicePlatform) -> ServicePlatform:
    table = Table(source, node, what, tuple(_SERVICE))
    found = _override(table, defaults, _SERVICE)
    if "max_replicas" in table and 0 < found.max_replicas < found.replicas:
        why = f"max_replicas {found.max_replicas} is below replicas {found.replicas}"
        source.mistake(
            table.node_of("max_replicas"), why, "raise it, or write 0 for no autoscaling"
        )
    return found


def read_retry(scenario: Table) -> Retry:
    """How clients and services retry."""
    return _section(scenario, "retry", "retry", Retry(), _RETRY)


def read_recovery(scenario: Table) -> Recovery:
    """How often recovery looks, and how old an intent it takes up."""
    return _section(scenario, "recovery", "recovery", Recovery(), _RECOVERY)


def read_retention(scenario: Table) -> Retention:
    """How long finished requests are remembered."""
    return _section(scenario, "retention", "retention", Retention(), _RETENTION)


def _section(table: Table, key: str, what: str, base: _S, readers: _Readers) -> _S:
    node = table.node_of(key)
    if node is None:
        return base
    return _override(Table(table.source, node, what, tuple(readers)), base, readers)


def _override(table: Table, base: _S, readers: _Readers) -> _S:
    found = {
        key: table.take(key, read, getattr(base, key))
        for key, read in readers.items()
        if key in table
    }
    return msgspec.structs.replace(base, **found)
