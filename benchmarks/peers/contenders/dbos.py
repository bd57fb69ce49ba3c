"""DBOS with SQLite: over HTTP behind uvicorn, and asked by threads in its own process."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.contenders.contender import SERVICES, InProcess, Running, Survives
from benchmarks.peers.install import Absent, python_environment
from benchmarks.peers.observation import Target
from benchmarks.peers.processes import Failed, free_port, output, ready, started

__all__ = ["Dbos"]

_PACKAGES = ("dbos>=3.4,<4", "uvicorn>=0.30", "httptools", "uvloop")
_LOADED = (
    "import importlib.metadata as m, sqlite3;"
    " print(m.version('dbos'), m.version('uvicorn'), sqlite3.sqlite_version)"
)


class Dbos:
    """DBOS as it sets SQLite by itself, or with the write-ahead log.

    :param http: over HTTP; otherwise threads of its own process ask.
    """

    def __init__(self, wal: bool, http: bool = True) -> None:
        self.system = "DBOS" if http else "DBOS, in process"
        self.setting = "WAL, synchronous = normal" if wal else "as by default"
        self.survives: Survives = "process crash" if wal else "power cut"
        self._wal = wal
        self._http = http

    def prepare(self, cache: Path) -> Installed:
        """Install it in an environment of its own."""
        return Installed(python_environment(cache, "dbos", _PACKAGES), self._wal, self._http)


class Installed:
    """DBOS, ready to be started."""

    def __init__(self, python: Path, wal: bool, http: bool) -> None:
        self._python = python
        self._journal = "wal" if wal else "default"
        self._http = http
        try:
            loaded = output([python, "-c", _LOADED], python.parents[2] / "dbos.log")
        except Failed as failure:
            raise Absent(str(failure)) from None
        self.versions = dict(
            zip(("dbos", "uvicorn", "SQLite"), loaded.decode().split(), strict=True)
        )

    @contextlib.contextmanager
    def start(self, data: Path, log: Path) -> Iterator[Running | InProcess]:
        """Serve it; or say how to run the program that asks it in its own process."""
        arguments = [str(data), self._journal]
        if not self._http:
            yield InProcess([str(self._python), str(SERVICES / "dbos_threads.py"), *arguments])
            return
        port = free_port()
        command: list[str | Path] = [self._python, SERVICES / "dbos_http.py", *arguments, str(port)]
        with started(command, log) as process:
            base = f"http://127.0.0.1:{port}"
            seconds = ready(f"{base}/durability", process, log)
            with urllib.request.urlopen(f"{base}/durability", timeout=30.0) as response:
                durability = json.loads(response.read())
            target = Target(f"{base}/increment/{{key}}", f"{base}/read/{{key}}")
            yield Running(target, durability, seconds)
