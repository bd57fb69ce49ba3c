"""The API server and the credentials, as every Kubernetes tool finds them.

In this order: the files that KUBECONFIG names (several are merged), ``~/.kube/config``, and,
inside a pod, its service account. Context and namespace are the kubeconfig's unless they are
given.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes import client, config
from kubernetes.config.kube_config import KubeConfigMerger

from backends.knative.cluster.errors import ConfigurationError

__all__ = ["Access", "Choice", "find_access"]

_CONNECTIONS = 256
"""More than pods whose logs are followed: the client warns when it drops a connection."""
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on the command line; empty: as configured."""

    context: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """A way to an API server.

    :ivar who: user and context, for messages.
    """

    configuration: client.Configuration
    namespace: str
    who: str
    server: str = field(default="")


def find_access(
    choice: Choice, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> Access:
    """The access that the environment configures.

    :param environment: the process's own if None.
    :raises ConfigurationError: there is none, or it is broken.
    """
    environment = os.environ if environment is None else environment
    named = environment.get("KUBECONFIG", "")
    default = (home or Path.home()) / ".kube" / "config"
    paths = [Path(path) for path in named.split(os.pathsep) if path] or [default]
    if any(path.exists() for path in paths):
        return _from_files(os.pathsep.join(map(str, paths)), choice)
    if "KUBERNETES_SERVICE_HOST" in environment:
        return _from_pod(choice)
    where = ", ".join(map(str, paths)) + (" (KUBECONFIG)" if named else "")
    raise ConfigurationError(
        f"there is no Kubernetes configuration: no file {where}, and this is no pod. Set "
        "KUBECONFIG to the cluster's kubeconfig, or log in to the cluster first"
    )


def _from_files(paths: str, choice: Choice) -> Access:
    configuration = client.Configuration()
    try:
        with _errors_logged() as logged:
            name, context = _context(paths, choice.context)
            config.load_kube_config(paths, name, configuration)  # type: ignore[no-untyped-call]  # untyped
    except ConfigurationError:
        raise
    except config.ConfigException as error:
        raise ConfigurationError(
            f"the Kubernetes configuration {paths} cannot be used: {error}"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"the Kubernetes configuration {paths} cannot be read: {error.strerror or error}: "
            "check its permissions, or name another file in KUBECONFIG"
        ) from None
    except Exception as error:  # a kubeconfig can be broken in any way: YAML, types, base64
        said = " ".join(str(error).split()) or "no message"
        raise ConfigurationError(
            f"the Kubernetes configuration {paths} is broken: {type(error).__name__}: {said}. "
            "Write it anew with the tool that made it"
        ) from None
    user = context.get("user", "nobody")
    if logged:
        raise ConfigurationError(
            f"the credentials of user {user} in {paths} cannot be obtained: {'; '.join(logged)}"
        )
    namespace = choice.namespace or context.get("namespace") or "default"
    return _access(configuration, namespace, f"user {user} (context {name})")


def _context(paths: str, chosen: str) -> tuple[str, Mapping[str, str]]:
    """The name and the content of the chosen or the current context.

    Of several files the first that says something counts, as for kubectl.
    """
    contexts: dict[str, Mapping[str, str]] = {}
    current = ""
    merged = KubeConfigMerger(paths)  # type: ignore[no-untyped-call]  # untyped
    for content in merged.config_files.values():
        current = current or content.get("current-context") or ""
        for each in content.get("contexts") or []:
            contexts.setdefault(each["name"], each["context"])
    name = chosen or current
    if name in contexts:
        return name, contexts[name]
    known = ", ".join(sorted(map(str, contexts))) or "none"
    if not name:
        raise ConfigurationError(
            f"{paths} has no current context: choose one with --context, of {known}"
        )
    raise ConfigurationError(f"there is no context {name} in {paths}: it has {known}")


def _from_pod(choice: Choice) -> Access:
    if choice.context:
        raise ConfigurationError(
            "a pod has no contexts: leave out --context, or set KUBECONFIG to a kubeconfig"
        )
    configuration = client.Configuration()
    try:
        config.load_incluster_config(  # type: ignore[no-untyped-call]  # untyped
            client_configuration=configuration
        )
        namespace = (_SERVICE_ACCOUNT / "namespace").read_text().strip()
    except (config.ConfigException, OSError) as error:
        raise ConfigurationError(
            f"this pod's service account cannot be used: {error}. Give the pod one "
            "(automountServiceAccountToken), or set KUBECONFIG"
        ) from None
    return _access(configuration, choice.namespace or namespace, "the pod's service account")


def _access(configuration: client.Configuration, namespace: str, who: str) -> Access:
    configuration.retries = False  # they are made, and told, in backends.knative.cluster.api
    configuration.connection_pool_maxsize = _CONNECTIONS
    return Access(configuration, namespace, who, str(configuration.host))


@contextmanager
def _errors_logged() -> Iterator[list[str]]:
    """What the client only logs: that a credential plugin failed, for one."""
    messages: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(" ".join(record.getMessage().split()))

    keeper, root = Keeper(logging.ERROR), logging.getLogger()
    root.addHandler(keeper)
    try:
        yield messages
    finally:
        root.removeHandler(keeper)
