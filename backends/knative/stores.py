"""The store of a node in the image: FoundationDB, or SQLite for a try-out without a cluster."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from backends.knative.environment import Environment
from backends.knative.errors import EnvironmentProblem
from backends.runtime.store import AsyncStore
from backends.stores import Fdb, Sqlite

__all__ = ["open_store", "place_cluster_file"]


def open_store(environment: Environment, name: str) -> AsyncStore:
    """Open the store that the environment names; a cluster is not waited for.

    :param name: the application's namespace.
    :raises MuError: there is no way to the store, and the remedy.
    """
    if environment.sqlite is not None:
        return Sqlite(environment.sqlite).open()
    place_cluster_file(environment)
    return Fdb(name, environment.cluster_file or "", environment.api_version).open()


def place_cluster_file(environment: Environment) -> None:
    """Copy the cluster file to where FoundationDB's client may write to it.

    A copy that is there already, from before a restart of the container, is newer: the client
    has kept it up to date.

    :raises EnvironmentProblem: it cannot be read, or there is no writable place for it.
    """
    source, target = environment.cluster_file_from, environment.cluster_file
    if source is None or target is None or Path(target).exists():
        return
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise EnvironmentProblem(
            "MU2SLS_CLUSTER_FILE_FROM",
            f"is {source}, which cannot be read ({error.strerror})",
            "mount the Secret or ConfigMap with the cluster file there",
        ) from None
    try:
        with tempfile.NamedTemporaryFile(dir=Path(target).parent, delete=False) as copy:
            copy.write(content)
        os.replace(copy.name, target)
    except OSError as error:
        raise EnvironmentProblem(
            "FDB_CLUSTER_FILE",
            f"is {target}, which cannot be written ({error.strerror})",
            "mount an emptyDir at its folder; FoundationDB's client keeps the file up to date",
        ) from None
