"""The parts of a scenario file that describe the cluster and how failures are met.

A platform begins with a profile: one that has a name, or a file, which holds what could stand
in the scenario's own ``platform``, services aside (``python -m backends.local calibrate`` writes
one). What the scenario writes beside it takes precedence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from experiment.scenario.model import (
    PLATFORM,
    UPKEEP,
    Platform,
    Recovery,
    Retention,
    Retry,
    ServicePlatform,
    StoreModel,
)
from experiment.scenario.names import Names
from experiment.scenario.quantities import (
    QuantityError,
    at_most,
    count,
    duration,
    number,
    positive,
    rate,
    ratio,
    show_duration,
    show_value,
)
from experiment.scenario.source import Mistake, Node, ScenarioError, Source, Table, nearest, one_of

__all__ = [
    "PROFILES",
    "profile_names",
    "read_platform",
    "read_profile",
    "read_recovery",
    "read_retention",
    "read_retry",
]

_S = TypeVar("_S", bound=msgspec.Struct)
_Readers = Mapping[str, Callable[[object], Any]]

PROFILES = {"default": Platform()}
"""Platforms by name; what a scenario writes beside ``profile`` takes precedence."""

_FOLDER = Path(__file__).parents[2] / "sim" / "profiles"
"""Files that can be named without a path: ``cloudlab`` is ``cloudlab.yaml`` here."""

_PODS = at_most(count, 10_000)
_SERVICE: _Readers = {
    "replicas": positive(_PODS),
    "concurrency": positive(count),
    "workers": positive(_PODS),
    "max_replicas": _PODS,
}
_STORE: _Readers = {
    "read_version": duration,
    "read": duration,
    "commit": duration,
    "read_version_cpu": duration,
    "read_cpu": duration,
    "commit_cpu": duration,
    "spread": number,
    "window": positive(duration),
    "commits_per_second": positive(rate),
    "backoff": duration,
    "backoff_most": duration,
}
_PLATFORM: _Readers = {
    "hop": duration,
    "spread": number,
    "outside": duration,
    "cpu": duration,
    "call_cpu": duration,
    "client_cpu": duration,
    "ingress_cpu": duration,
    "ingress": one_of(("clients", "all"), "ingress"),
    "ingress_workers": positive(_PODS),
    "ack_delay": duration,
    "ack_recent": duration,
    "cpu_after": ratio,
    "cores": count,
    "cold_start": duration,
    "restart": duration,
    "queue": count,
}
_SECTIONS = (*_PLATFORM, "store", "defaults")
_CALIBRATE = "python -m backends.local calibrate -o profile.yaml"

_RETRY: _Readers = {
    "attempts": positive(count),
    "timeout": positive(duration),
    "backoff": one_of(("exponential", "constant"), "backoff"),
    "initial": duration,
    "maximum": duration,
}
_RECOVERY: _Readers = {"interval": positive(duration), "stale": duration}
_RETENTION: _Readers = {"period": positive(duration), "interval": positive(duration)}


def read_platform(scenario: Table, names: Names, profile: str | None = None) -> Platform:
    """The modelled cluster: a profile, and what is different from it.

    :param profile: takes the place of the scenario's own profile: a name, or a file's path.
    :raises ScenarioError: ``profile`` is no profile.
    """
    node = scenario.node_of("platform")
    given = None if profile is None else read_profile(profile)
    if node is None:
        return given or Platform()
    known = ("profile", *_SECTIONS, "services")
    table = Table(scenario.source, node, "the platform", known)
    base = given or _profile(table)
    made = _described(table, base)
    return msgspec.structs.replace(made, services=_services(table, names, made.defaults))


def read_profile(profile: str) -> Platform:
    """A profile by its name, or by the path of its file.

    :raises ScenarioError: there is none, or the file is not one.
    """
    if profile in PROFILES:
        return PROFILES[profile]
    path = _FOLDER / f"{profile}.yaml" if profile in profile_names() else Path(profile)
    if not path.is_file():
        remedy = f"give {' or '.join(profile_names())}, or a file: {_CALIBRATE}"
        raise ScenarioError([Mistake(profile, 0, 0, "", "there is no such profile", remedy)])
    source = Source(str(path))
    if source.root is None:
        source.mistake(None, "the file is empty", f"write a profile: {_CALIBRATE}")
        raise ScenarioError(source.mistakes)
    table = Table(source, source.root, "a profile", _SECTIONS)
    made = _described(table, Platform(profile=profile))
    source.finish()
    return made


def _profile(table: Table) -> Platform:
    """The profile that a scenario names; a file is seen from the scenario's."""
    name = table.take("profile", _profile_name, "default")
    source, node = table.source, table.node_of("profile")
    is_named = name in profile_names()
    path = name if is_named else str(Path(source.file).parent / name)
    if not (is_named or Path(path).is_file()):
        source.mistake(node, f"there is no file '{path}'", f"write one: {_CALIBRATE}")
        return Platform()
    try:
        return read_profile(path)
    except ScenarioError as error:
        source.adopt(error.mistakes)
        return Platform()


def _profile_name(value: object) -> str:
    if isinstance(value, str) and (value in profile_names() or _is_path(value)):
        return value
    raise QuantityError(
        f"there is no profile {show_value(value)}",
        f"{nearest(str(value), profile_names())}, or the path of a file, such as ./profile.yaml",
    )


def profile_names() -> list[str]:
    """The profiles that have names: the default one, and those of ``sim/profiles``."""
    return [*PROFILES, *sorted(path.stem for path in _FOLDER.glob("*.yaml"))]


def _is_path(profile: str) -> bool:
    return "/" in profile or profile.endswith((".yaml", ".yml"))


def _described(table: Table, base: Platform) -> Platform:
    """``base`` with what a mapping says otherwise, services aside."""
    made = _override(table, base, _PLATFORM)
    store = _store(table, base.store)
    defaults = base.defaults
    given = table.node_of("defaults")
    if given is not None:
        defaults = _service(table.source, "the defaults of services", given, defaults)
    _check_together(table, made)
    return msgspec.structs.replace(made, store=store, defaults=defaults)


def _check_together(table: Table, made: Platform) -> None:
    """What is set means something with what else there is, the profile's included."""
    if made.ack_delay and not made.ack_recent:
        key = table.keys.get("ack_delay") or table.keys.get("ack_recent")
        if key is not None:
            what = "ack_delay means nothing while ack_recent is 0"
            table.source.mistake(key, what, "write ack_recent: 10ms, or ack_delay: 0ms")
    if made.ack_recent and not made.ack_delay:
        why = "means nothing without ack_delay: there is nothing to delay"
        table.refuse(("ack_recent",), why, "write ack_delay: 40ms beside it, or remove it")
    if not made.ingress_cpu:
        idle = Platform()
        given = ("ingress", "ingress_workers")
        changed = [key for key in given if getattr(made, key) != getattr(idle, key)]
        why = "means nothing without ingress_cpu: there is no gateway"
        table.refuse(changed, why, "write ingress_cpu: 300us beside it, or remove it")


def _store(table: Table, base: StoreModel) -> StoreModel:
    node = table.node_of("store")
    if node is None:
        return base
    store = Table(table.source, node, "the store", tuple(_STORE))
    made = _override(store, base, _STORE)
    if made.backoff_most < made.backoff:
        most, first = show_duration(made.backoff_most), show_duration(made.backoff)
        what = f"backoff_most is {most}, below backoff, which is {first}"
        at = store.node_of("backoff_most") or store.node_of("backoff")
        if at is not None:
            table.source.mistake(at, what, f"write backoff_most: {first}, or more")
    return made


def _services(table: Table, names: Names, defaults: ServicePlatform) -> dict[str, ServicePlatform]:
    node = table.node_of("services")
    if node is None:
        return {}
    services = Table(table.source, node, "the services", ())
    found = {}
    for name, key in services.keys.items():
        names.service(name, key, (PLATFORM,))
        node = services.node_of(name)
        assert node is not None
        usual = UPKEEP if name == PLATFORM else defaults
        found[name] = _service(table.source, f"the service {name}", node, usual)
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
