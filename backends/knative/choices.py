"""What is chosen on the command line, as settings of a deployment.

Settings come from a file (:mod:`backends.knative.settings_file`); options go before it. Contents
of Secrets come from files of their own.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from backends.knative.checks import check_settings, image_trouble, is_label
from backends.knative.errors import RenderProblem
from backends.knative.names import kubernetes_name
from backends.knative.settings import Settings
from backends.knative.settings_file import ChoiceProblem, SettingsFile, read_file
from compiler.application import Application
from compiler.errors import ApplicationNotFound
from compiler.sources import find_layout

__all__ = [
    "ChoiceProblem",
    "base_url",
    "choose_settings",
    "header_value",
    "host_name",
    "image_name",
    "instance_name",
    "namespace_name",
]

_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_FROM_OPTIONS = ("image", "name", "namespace", "cluster_config_map", "protocol")


def choose_settings(
    options: argparse.Namespace,
    application: Application,
    default_image: str = "",
    default_namespace: str = "default",
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings that the options and the settings file give.

    :param default_image: if no image is given; ``default_namespace`` likewise.
    :param environment: the process's own if None; FDB_CLUSTER_FILE is looked at.
    :raises ChoiceProblem: a file cannot be read, or what is in it cannot work.
    :raises RenderProblem: likewise, of what no file and no option says.
    """
    file = SettingsFile(options.settings) if options.settings else None
    given = {name: value for name in _FROM_OPTIONS if (value := getattr(options, name))}
    found = {"image": default_image, "namespace": default_namespace}
    found |= (file.content if file else {}) | given
    settings = msgspec.convert(found, Settings)
    if options.record:
        settings = msgspec.structs.replace(settings, record=True)
    environment = os.environ if environment is None else environment
    path = options.cluster_file or environment.get("FDB_CLUSTER_FILE", "")
    if path and not settings.cluster_config_map:
        content = read_file(path, "FoundationDB cluster file", "--cluster-file")
        settings = msgspec.structs.replace(settings, cluster_file=content)
    if options.wire_key_file:
        content = read_file(options.wire_key_file, "wire key", "--wire-key-file")
        settings = msgspec.structs.replace(settings, wire_key=content)
    places = {name: f"--{name.replace('_', '-')}" for name in given}
    places |= {"cluster_file": path, "wire_key": options.wire_key_file}
    _check(application, settings, places, file)
    return settings


def _check(
    application: Application,
    settings: Settings,
    places: Mapping[str, str],
    file: SettingsFile | None,
) -> None:
    """:raises ChoiceProblem: settings that cannot work, with the place that they come from."""
    try:
        check_settings(application, settings)
    except RenderProblem as error:
        name = error.setting[0] if error.setting else ""
        if name in places:
            raise ChoiceProblem(f"{places[name]}: {error}") from None
        if file is not None and name in file.content:
            raise ChoiceProblem(f"{file.place(error.setting)}: {error}") from None
        raise


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


def host_name(host: str) -> str:
    """The name, with or without a port, for a ``Host`` header; empty as it is.

    :raises ChoiceProblem: it is none.
    """
    if host and not _HOST.fullmatch(host):
        raise ChoiceProblem(
            f"--host {host!r} is no name of a host: write hotel-gateway.default.example.com, "
            "without http://"
        )
    return host


def image_name(option: str, reference: str) -> str:
    """The name of an image that is to be built.

    :raises ChoiceProblem: it is none.
    """
    if trouble := image_trouble(reference, to_build=True):
        raise ChoiceProblem(f"{option}: {trouble}")
    return reference


def namespace_name(name: str) -> str:
    """The name of a namespace; empty as it is.

    :raises ChoiceProblem: there can be none of this name.
    """
    if name and not is_label(name):
        raise ChoiceProblem(
            f"--namespace: there can be no namespace {name!r}: its name has up to 63 of a-z, 0-9 "
            "and -, with a letter or digit at both ends"
        )
    return name


def header_value(option: str, text: str) -> str:
    """What an option gives, if it can stand in a header of HTTP.

    :raises ChoiceProblem: it cannot.
    """
    if not (text.isascii() and text.isprintable()):
        raise ChoiceProblem(f"{option} {text!r} cannot stand in a header: printable ASCII only")
    return text
