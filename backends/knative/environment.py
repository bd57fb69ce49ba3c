"""What the process in the image reads from its environment, checked before anything starts.

=========================  ==================================================================
variable                   meaning
=========================  ==================================================================
MU2SLS_SERVICE             the part to run: a service's name, ``gateway`` or ``upkeep``
MU2SLS_APP                 the application, a path or module; the image sets it
MU2SLS_NAME                its namespace in FoundationDB; else the application's name
MU2SLS_AUTH                how the gateway knows callers: ``none`` (default), ``keys:FILE``,
                           ``jwt:FILE``
MU2SLS_ADDRESSES           JSON: the base URL of each service
MU2SLS_WIRE_KEY            the key of the envelopes, or
MU2SLS_WIRE_KEY_FILE       a file that holds it, byte for byte
MU2SLS_STORE               ``foundationdb`` (default), or ``sqlite:///path`` for a try-out
MU2SLS_CLUSTER_FILE_FROM   copied to FDB_CLUSTER_FILE before the store is opened, unless a copy
                           is there: the client keeps it up to date and has to write to it
MU2SLS_FDB_API_VERSION     730 unless said otherwise
MU2SLS_DEATHS              a folder that outlives the container, for what took it down
MU2SLS_RECORD              ``true``: keep a log of commits, for ``run`` to check
MU2SLS_PROTOCOL            what decides, ``mu2sls`` unless said otherwise
MU2SLS_SET_UP              ``false``: an empty store does not get the workload's data
MU2SLS_LOG_LEVEL           ``debug``, ``info`` (default), ``warning``, ``error``
MU2SLS_GRACE, ...          any field of :class:`backends.runtime.settings.Settings`
FDB_CLUSTER_FILE           FoundationDB's cluster file
PORT                       where to listen, 8080 unless said otherwise
=========================  ==================================================================

A ``MU2SLS_`` variable that is not in the table is refused: it would have been a typing error.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from backends.knative.errors import EnvironmentProblem
from backends.runtime.settings import Settings as NodeSettings
from backends.runtime.wire import KEY_BYTES
from core.protocol import OURS, PROTOCOLS

__all__ = ["LOG_LEVELS", "Environment", "read_environment"]

LOG_LEVELS = ("debug", "info", "warning", "error")
_PREFIX = "MU2SLS_"
_SQLITE = "sqlite:///"
_COPY = "/run/mu2sls/fdb.cluster"
_OWN = {
    f"{_PREFIX}{name}"
    for name in (
        "SERVICE", "APP", "NAME", "AUTH", "ADDRESSES", "WIRE_KEY", "WIRE_KEY_FILE", "STORE",
        "CLUSTER_FILE_FROM", "FDB_API_VERSION", "DEATHS", "RECORD", "PROTOCOL", "SET_UP",
        "LOG_LEVEL",
    )
}  # fmt: skip
_FIELDS = {
    f"{_PREFIX}{field.name.upper()}": field for field in msgspec.structs.fields(NodeSettings)
}


@dataclass(frozen=True, slots=True)
class Environment:
    """What a node was told; see the table above.

    :ivar sqlite: the path of the SQLite file, or None for FoundationDB.
    :ivar deaths: a folder for :class:`backends.runtime.deaths.Deaths`, or empty.
    :ivar protocol: one of :data:`core.protocol.PROTOCOLS`.
    :ivar cluster_file: None leaves it to FoundationDB's client where to look.
    """

    part: str
    app: str
    name: str
    auth: str
    addresses: Mapping[str, str]
    key: bytes = field(repr=False)
    sqlite: str | None
    cluster_file: str | None
    cluster_file_from: str | None
    api_version: int
    deaths: str
    record: bool
    protocol: str
    set_up: bool
    log_level: str
    port: int
    settings: NodeSettings


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read and check all of it.

    :raises EnvironmentProblem: the first thing that is missing or wrong, and the remedy.
    """
    _refuse_unknown(environ)
    source = environ.get("MU2SLS_CLUSTER_FILE_FROM") or None
    return Environment(
        part=_needed(environ, "MU2SLS_SERVICE", "give a service's name, gateway or upkeep"),
        app=_needed(environ, "MU2SLS_APP", "give the path or module of the application"),
        name=environ.get("MU2SLS_NAME", ""),
        auth=environ.get("MU2SLS_AUTH") or "none",
        addresses=_addresses(environ),
        key=_key(environ),
        sqlite=_sqlite(environ),
        cluster_file=environ.get("FDB_CLUSTER_FILE") or (_COPY if source else None),
        cluster_file_from=source,
        api_version=_whole(environ, "MU2SLS_FDB_API_VERSION", 730, 1, 10_000),
        deaths=environ.get("MU2SLS_DEATHS", ""),
        record=_choice(environ, "MU2SLS_RECORD", "false", ("true", "false")) == "true",
        protocol=_choice(environ, "MU2SLS_PROTOCOL", OURS, tuple(PROTOCOLS)),
        set_up=_choice(environ, "MU2SLS_SET_UP", "true", ("true", "false")) == "true",
        log_level=_choice(environ, "MU2SLS_LOG_LEVEL", "info", LOG_LEVELS),
        port=_whole(environ, "PORT", 8080, 1, 65_535),
        settings=_settings(environ),
    )


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = _OWN | _FIELDS.keys()
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and variable not in known:
            close = difflib.get_close_matches(variable, known, 1)
            remedy = f"did you mean {close[0]}?" if close else "remove it"
            raise EnvironmentProblem(variable, "is not known", remedy)


def _needed(environ: Mapping[str, str], variable: str, remedy: str) -> str:
    value = environ.get(variable, "")
    if not value:
        raise EnvironmentProblem(variable, "is not set", remedy)
    return value


def _choice(
    environ: Mapping[str, str], variable: str, default: str, choices: tuple[str, ...]
) -> str:
    value = environ.get(variable) or default
    if value not in choices:
        raise EnvironmentProblem(variable, f"is {value!r}", f"give one of {', '.join(choices)}")
    return value


def _whole(environ: Mapping[str, str], variable: str, default: int, least: int, most: int) -> int:
    value = environ.get(variable) or str(default)
    if value.isascii() and value.isdigit() and least <= int(value) <= most:
        return int(value)
    raise EnvironmentProblem(variable, f"is {value!r}", f"give a number from {least} to {most}")


def _addresses(environ: Mapping[str, str]) -> dict[str, str]:
    remedy = 'give a JSON object, such as {"Hotel": "http://hotel-hotel.default.svc.cluster.local"}'
    text = _needed(environ, "MU2SLS_ADDRESSES", remedy)
    try:
        found = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise EnvironmentProblem("MU2SLS_ADDRESSES", f"does not say ({error})", remedy) from None
    for service, url in found.items():
        if not _is_base(url):
            raise EnvironmentProblem(
                "MU2SLS_ADDRESSES", f"has {url!r} for {service}", "give http://host:port"
            )
    return found


def _is_base(url: str) -> bool:
    """Whether the URL is one that a path can be appended to."""
    try:
        parts = urlsplit(url)
        bare = parts.port != 0 and not (parts.path or parts.query or parts.fragment)
    except ValueError:
        return False
    return bare and parts.scheme in ("http", "https") and bool(parts.hostname)


def _key(environ: Mapping[str, str]) -> bytes:
    text, path = environ.get("MU2SLS_WIRE_KEY", ""), environ.get("MU2SLS_WIRE_KEY_FILE", "")
    if text and path:
        raise EnvironmentProblem(
            "MU2SLS_WIRE_KEY", "is set, and so is MU2SLS_WIRE_KEY_FILE", "give one of them"
        )
    variable = "MU2SLS_WIRE_KEY_FILE" if path else "MU2SLS_WIRE_KEY"
    try:
        key = Path(path).read_bytes() if path else text.encode("utf-8", "surrogateescape")
    except OSError as error:
        raise EnvironmentProblem(
            variable,
            f"is {path}, which cannot be read ({error.strerror})",
            "mount the Secret there",
        ) from None
    if len(key) < KEY_BYTES:
        raise EnvironmentProblem(
            variable,
            f"holds {len(key)} bytes" if key else "is not set, or empty",
            f"give at least {KEY_BYTES} random ones, alike in all nodes",
        )
    return key


def _sqlite(environ: Mapping[str, str]) -> str | None:
    store = environ.get("MU2SLS_STORE") or "foundationdb"
    if store == "foundationdb":
        return None
    if store.startswith(_SQLITE) and len(store) > len(_SQLITE):
        return store.removeprefix(_SQLITE)
    raise EnvironmentProblem(
        "MU2SLS_STORE", f"is {store!r}", "give foundationdb, or sqlite:///path for a try-out"
    )


def _settings(environ: Mapping[str, str]) -> NodeSettings:
    found: dict[str, Any] = {}
    for variable, known in _FIELDS.items():
        if variable in environ:
            found[known.name] = _number(variable, environ[variable], known.type)
    return msgspec.convert(found, NodeSettings)


def _number(variable: str, text: str, kind: Any) -> Any:
    """A setting's value: above 0, as all of them are."""
    try:
        value = msgspec.convert(json.loads(text), kind)
    except (ValueError, msgspec.ValidationError):
        value = None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e12:
        what = "whole number" if kind is int else "number"
        raise EnvironmentProblem(variable, f"is {text!r}", f"give a {what} above 0")
    return value
