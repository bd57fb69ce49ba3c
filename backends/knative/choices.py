"""What is chosen on the command line, as settings of a deployment.

Settings come from a file (``--settings``), in YAML and under the names of
:class:`backends.knative.settings.Settings`; options go before it. Contents of Secrets come from
files of their own.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from backends.knative.errors import KnativeError
from backends.knative.names import kubernetes_name
from backends.knative.settings import Settings
from compiler.errors import ApplicationNotFound
from compiler.sources import find_layout

__all__ = ["ChoiceProblem", "base_url", "choose_settings", "header_value", "instance_name"]

_SECRET = ("cluster_file", "wire_key")
_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_FROM_OPTIONS = ("image", "name", "namespace", "cluster_config_map")


class ChoiceProblem(KnativeError):
    """What was given on the command line cannot work."""


def choose_settings(
    options: argparse.Namespace,
    default_image: str = "",
    default_namespace: str = "default",
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings that the options and the settings file give.

    :param default_image: if no image is given; ``default_namespace`` likewise.
    :param environment: the process's own if None; FDB_CLUSTER_FILE is looked at.
    :raises ChoiceProblem: the file cannot be read, or has what there is not.
    """
    found = _from_file(options.settings) if options.settings else {}
    found |= {name: value for name in _FROM_OPTIONS if (value := getattr(options, name))}
    found = {"image": default_image, "namespace": default_namespace} | found
    try:
        settings = msgspec.convert(found, Settings)
    except msgspec.ValidationError as error:
        raise ChoiceProblem(f"{options.settings}: {error}: correct it there") from None
    if options.record:
        settings = msgspec.structs.replace(settings, record=True)
    environment = os.environ if environment is None else environment
    path = options.cluster_file or environment.get("FDB_CLUSTER_FILE", "")
    if path and not settings.cluster_config_map:
        content = _read(path, "FoundationDB cluster file", "--cluster-file")
        settings = msgspec.structs.replace(settings, cluster_file=content)
    if options.wire_key_file:
        content = _read(options.wire_key_file, "wire key", "--wire-key-file")
        settings = msgspec.structs.replace(settings, wire_key=content)
    return settings


def instance_name(application: str, name: str) -> str:
    """The name of a deployment, by the application or by itself.

    :param application: as in :func:`compiler.application.load`, or the name of a deployment.
    :param name: given with ``--name``.
    :raises ApplicationNotFound: it is neither.
    :raises ChoiceProblem: the name is none of a deployment's.
    """
    if name:
        if not _LABEL.fullmatch(name):
            raise ChoiceProblem(
                f"--name {name}: a deployment's name has a-z, 0-9 and -, and begins with a letter"
            )
        return name
    try:
        return kubernetes_name(find_layout(application).name)
    except ApplicationNotFound:
        if _LABEL.fullmatch(application):
            return application
        raise


def base_url(url: str) -> str:
    """The gateway's address, without a slash at its end.

    :raises ChoiceProblem: it is none.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ChoiceProblem(f"--url {url} is no address: write http://host:port")
    return url.rstrip("/")


def header_value(option: str, text: str) -> str:
    """What an option gives, if it can stand in a header of HTTP.

    :raises ChoiceProblem: it cannot.
    """
    if not (text.isascii() and text.isprintable()):
        raise ChoiceProblem(f"{option} {text!r} cannot stand in a header: letters and digits only")
    return text


def _from_file(path: str) -> dict[str, Any]:
    text = _read(path, "settings file", "--settings").decode(errors="replace")
    try:
        content = YAML(typ="safe").load(text)
    except (YAMLError, ValueError) as error:  # such as a date that is none
        said = " ".join(str(error).split())
        raise ChoiceProblem(f"{path} is not YAML: {said}: correct it there") from None
    if not isinstance(content, dict):
        raise ChoiceProblem(f"{path} holds no settings: write lines of the form name: value")
    for name in content:
        if name in _SECRET:
            option = name.replace("_", "-")
            raise ChoiceProblem(
                f"{path}: {name} is a secret and not for settings files: give it with --{option}"
                + ("-file" if name == "wire_key" else "")
            )
        if name not in Settings.__struct_fields__:
            known = ", ".join(each for each in Settings.__struct_fields__ if each not in _SECRET)
            raise ChoiceProblem(f"{path}: there is no setting {name}: there are {known}")
    return content


def _read(path: str, what: str, option: str) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ChoiceProblem(
            f"the {what} {path} cannot be read: {error.strerror}: give another with {option}"
        ) from None
    if not content.strip():
        raise ChoiceProblem(f"the {what} {path} is empty: give another with {option}")
    return content
