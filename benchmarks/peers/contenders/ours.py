"""Ourselves: the local backend, as ``up`` starts it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.contenders.contender import ROOT, Running, Survives
from benchmarks.peers.install import Absent
from benchmarks.peers.observation import Target
from benchmarks.peers.processes import free_port, ready, started

__all__ = ["Ours"]

_SURVIVES: dict[str, Survives] = {"normal": "process crash", "full": "power cut"}


class Ours:
    """The local backend with one of SQLite's settings of ``synchronous``."""

    system = "mu2sls"

    def __init__(self, synchronous: str) -> None:
        self._synchronous = synchronous
        self.setting = f"synchronous = {synchronous}"
        self.survives = _SURVIVES[synchronous]

    def prepare(self, _cache: Path) -> Ours:
        """Nothing to install: we are here."""
        if importlib.util.find_spec("backends.local.__main__") is None:
            raise Absent("this checkout has no `python -m backends.local`")
        return self

    @property
    def versions(self) -> dict[str, str]:
        """Ours, and SQLite's."""
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return {
                "mu2sls": importlib.metadata.version("mu2sls"),
                "SQLite": sqlite3.sqlite_version,
            }
        return {"SQLite": sqlite3.sqlite_version}

    @contextlib.contextmanager
    def start(self, data: Path, log: Path) -> Iterator[Running]:
        """``up`` with everything else as it is by default."""
        port = free_port()
        command = [sys.executable, "-m", "backends.local", "up", "benchmarks/peers/counters.py"]
        options = ["--port", str(port), "--data", str(data), "--synchronous", self._synchronous]
        with started([*command, *options], log, folder=ROOT) as process:
            base = f"http://127.0.0.1:{port}"
            seconds = ready(f"{base}/readyz", process, log)
            body = '["{key}"]'
            target = Target(f"{base}/Counters.increment", f"{base}/Counters.read", body, body)
            yield Running(target, _durability(data), seconds)


def _durability(data: Path) -> str:
    """The journal as the store's file says, ``synchronous`` as ``up`` says it runs."""
    with contextlib.closing(sqlite3.connect(data / "store.db")) as connection:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    durability = json.loads((data / "up.json").read_bytes())["durability"]
    return f"journal_mode={journal} {durability}"
