"""The cluster file: which one the client takes, what it says, and whether anybody is there.

The client itself says little. A file that is missing is not named, and whatever is wrong with an
address, a description or an id shows as silence until time is up. So whoever starts and gets no
answer looks here for what to say (FoundationDB's administration guide, "Cluster files").
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["ClusterFile", "find", "whats_wrong"]

_DEFAULT = "/etc/foundationdb/fdb.cluster"
_HERE = "fdb.cluster"
_LINE = re.compile(r"(?P<cluster>\w+:\w+)@(?P<addresses>\S+)", re.ASCII)
_ADDRESS = re.compile(r"(?P<host>\[[\da-fA-F:.]+\]|[^\[\]:,]+):(?P<port>\d{1,5})(:tls)?")
_REACH = 1.0
"""Seconds in which a coordinator that runs takes a connection."""


class ClusterFile(NamedTuple):
    """A cluster file.

    :ivar path: where it is, or should be.
    :ivar named_by: who says so, as it reads after "named by"; empty: nobody, it is the default.
    """

    path: Path
    named_by: str

    def __str__(self) -> str:
        return f"{self.path} (named by {self.named_by})" if self.named_by else str(self.path)


def find(setting: str | None, environ: Mapping[str, str] = os.environ) -> ClusterFile:
    """The file that FoundationDB's client takes.

    :param setting: the one that is asked for; None: FDB_CLUSTER_FILE, or the client's default.
    """
    if setting is not None:
        return ClusterFile(Path(setting), "the settings")
    if environ.get("FDB_CLUSTER_FILE"):
        return ClusterFile(Path(environ["FDB_CLUSTER_FILE"]), "FDB_CLUSTER_FILE")
    here = Path(_HERE)
    return ClusterFile(here.absolute() if here.exists() else Path(_DEFAULT), "")


async def whats_wrong(file: ClusterFile) -> str:
    """What keeps a cluster from answering, as far as it can be seen from here.

    It reads after a colon. Coordinators are asked no more than whether they take a connection.
    """
    try:
        found = _LINE.search(_content(file.path))
    except (OSError, UnicodeDecodeError) as error:
        return f"the cluster file {file} cannot be read ({error})"
    if found is None:
        return f"the cluster file {file} has no line description:id@address:port"
    addresses = found["addresses"].split(",")
    troubles = await asyncio.gather(*map(_trouble, addresses))
    silent = [
        f"{address} ({trouble})"
        for address, trouble in zip(addresses, troubles, strict=True)
        if trouble
    ]
    if 2 * len(silent) >= len(addresses):
        return (
            f"no connection to {', '.join(silent)}, of the cluster file {file}: see that the "
            "cluster runs, that address and port are right, and that nothing is in between"
        )
    return (
        f"something takes connections at {found['addresses']}, but does not answer as the cluster "
        f"{found['cluster']}: compare description and id in {file} with the file of a machine of "
        "the cluster; if they are the same, the cluster itself is not available"
    )


def _content(path: Path) -> str:
    """The lines of the file without those that are comments."""
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


async def _trouble(address: str) -> str:
    """Why a coordinator takes no connection; empty if it does."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > 65_535:
        return "no address:port"
    try:
        async with asyncio.timeout(_REACH):
            host = found["host"].strip("[]")
            _, writer = await asyncio.open_connection(host, int(found["port"]))
    except TimeoutError:
        return f"nothing within {_REACH:g} s"
    except OSError as error:
        return error.strerror or str(error)
    writer.close()
    return ""
