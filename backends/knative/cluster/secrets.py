"""What is kept from one deployment to the next: the wire key and FoundationDB's cluster file.

Nodes of one application must share the key, also while a new revision takes over from an old
one, so a key is made once and then read back. Only a Secret with our labels is read back and
rendered again; any other is its owner's, and the pods just use it.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from backends.knative.cluster.errors import InputError, Modified
from backends.knative.cluster.kinds import SECRET
from backends.knative.cluster.objects import Objects
from backends.knative.names import (
    CLUSTER_FILE_KEY,
    INSTANCE,
    MANAGED_BY,
    MANAGER,
    WIRE_KEY_KEY,
    Names,
)
from backends.knative.settings import Settings

__all__ = ["check_wire_key", "keep_secrets", "read_wire_key"]

_WIRE_KEY_BYTES = 32


def keep_secrets(objects: Objects, names: Names, settings: Settings) -> Settings:
    """The settings with what the cluster has already, or with a new wire key.

    :raises InputError: there is no cluster file, neither given nor in the cluster.
    :raises ClusterError: the Secrets cannot be read.
    """
    if settings.wire_key is None:
        item = objects.get(SECRET, names.wire_key)
        key = secrets.token_bytes(_WIRE_KEY_BYTES)
        if item is not None:
            key = _value(item, WIRE_KEY_KEY)
        if item is None or _ours(item, names.instance):
            settings = msgspec.structs.replace(settings, wire_key=key)
    if settings.cluster_file is None and not settings.cluster_config_map:
        item = objects.get(SECRET, names.cluster_file)
        if item is None:
            raise InputError(
                "there is no FoundationDB cluster file: give it with --cluster-file (or "
                f"FDB_CLUSTER_FILE), or make the Secret {names.cluster_file} in namespace "
                f"{objects.namespace} with the file under {CLUSTER_FILE_KEY}, or name a ConfigMap "
                "that has it with --cluster-config-map"
            )
        content = _value(item, CLUSTER_FILE_KEY)
        if _ours(item, names.instance):
            settings = msgspec.structs.replace(settings, cluster_file=content)
    return settings


def check_wire_key(objects: Objects, names: Names, settings: Settings) -> None:
    """See that the key that was applied is the one that is there.

    Two first deployments at the same time make a key each, and apply it over the other's.

    :raises Modified: it is not.
    """
    if settings.wire_key is None:
        return
    item = objects.get(SECRET, names.wire_key)
    if item is None or _value(item, WIRE_KEY_KEY) != settings.wire_key:
        raise Modified(
            f"secret {names.wire_key} in namespace {objects.namespace} was changed while this "
            "deployment was under way, by another one it seems: deploy again when that is done"
        )


def read_wire_key(objects: Objects, name: str) -> bytes:
    """The key of what is deployed, from the Secret that has it.

    :raises InputError: nothing is, or its Secret has none.
    :raises ClusterError: the Secret cannot be read.
    """
    item = objects.get(SECRET, name)
    if item is None:
        raise InputError(
            f"there is no secret {name} in namespace {objects.namespace}: deploy the "
            "application there first"
        )
    return _value(item, WIRE_KEY_KEY)


def _ours(item: Mapping[str, Any], instance: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    return bool(labels.get(MANAGED_BY) == MANAGER and labels.get(INSTANCE) == instance)


def _value(item: Mapping[str, Any], key: str) -> bytes:
    try:
        value = base64.b64decode((item.get("data") or {})[key], validate=True)
    except (KeyError, binascii.Error):
        value = b""
    if not value:
        raise InputError(
            f"secret {item['metadata']['name']} in namespace {item['metadata']['namespace']} has "
            f"no {key}: put it there, or delete the secret and deploy again"
        )
    return value
