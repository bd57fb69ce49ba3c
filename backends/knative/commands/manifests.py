"""The command ``render``: manifests without a cluster."""

from __future__ import annotations

import argparse

from rich.console import Console

from backends.knative.choices import choose_settings
from backends.knative.names import CLUSTER_FILE_KEY, WIRE_KEY_KEY, Names, kubernetes_name
from backends.knative.render import render as render_manifests
from backends.knative.reporting import print_yaml
from backends.knative.settings import Settings
from compiler import application

__all__ = ["render"]


def render(options: argparse.Namespace, _console: Console, errors: Console) -> int:
    """Print the manifests, and say what is missing from them.

    :raises MuError: there are none for this application and these settings.
    """
    loaded = application.load(options.application)
    placeholder = f"registry.example/{kubernetes_name(loaded.name)}:placeholder"
    settings = choose_settings(options, loaded, default_image=placeholder)
    manifests = render_manifests(loaded, settings)
    print_yaml(manifests)
    for line in _missing(Names(loaded, settings), settings, placeholder):
        errors.print(f"note: {line}", markup=False)
    return 0


def _missing(names: Names, settings: Settings, placeholder: str) -> list[str]:
    """What `deploy` would add, and how to give it by hand."""
    lines = []
    place = f"--namespace {settings.namespace}"
    if settings.image == placeholder:
        lines.append(f"the image {placeholder} is a placeholder: give the real one with --image")
    if settings.wire_key is None:
        lines.append(
            f"the Secret {names.wire_key} is not printed: deploy makes a key, or keeps the one "
            f"that is there; by hand: head -c 32 /dev/urandom > key && kubectl create secret "
            f"generic {names.wire_key} {place} --from-file {WIRE_KEY_KEY}=key"
        )
    if settings.cluster_file is None and not settings.cluster_config_map:
        lines.append(
            f"the Secret {names.cluster_file} is not printed: give FoundationDB's cluster file "
            f"with --cluster-file; by hand: kubectl create secret generic {names.cluster_file} "
            f"{place} --from-file {CLUSTER_FILE_KEY}=fdb.cluster"
        )
    return lines
