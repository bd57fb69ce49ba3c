"""Restate: its server from npm, and the counter as a virtual object per key, with its Python SDK.

The server answers when its log has the increment. By default it syncs the log's write-ahead file
for every batch of records (``rocksdb-disable-wal-fsync = false`` in the section ``log-server``);
what is in force is read from the configuration that the server itself prints.
"""

from __future__ import annotations

import contextlib
import json
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.contenders.contender import SERVICES, Running, Survives
from benchmarks.peers.install import Absent, node_modules, python_environment
from benchmarks.peers.observation import Target
from benchmarks.peers.processes import Failed, free_port, output, ready, started

__all__ = ["Restate"]

_SERVER = ("@restatedev/restate-server@^1.7",)
_SDK = ("restate-sdk>=1.3,<2", "hypercorn>=0.17")
_LOADED = "import importlib.metadata as m; print(m.version('restate-sdk'), m.version('hypercorn'))"


class Restate:
    """Restate with its log's fsync, as by default, or without."""

    system = "Restate"

    def __init__(self, fsync: bool) -> None:
        self.fsync = fsync
        self.setting = "as by default" if fsync else "log without fsync"
        self.survives: Survives = "power cut" if fsync else "process crash"

    def prepare(self, cache: Path) -> Installed:
        """Install the server and, in an environment of its own, the SDK."""
        modules = node_modules(cache, "restate-server", _SERVER)
        found = sorted(modules.glob("@restatedev/restate-server-*/bin/restate-server"))
        if not found:
            raise Absent("npm has no server of Restate for this platform")
        return Installed(found[0], python_environment(cache, "restate-sdk", _SDK), self.fsync)


class Installed:
    """A server and an SDK to be started together."""

    def __init__(self, server: Path, python: Path, fsync: bool) -> None:
        self._server = server
        self._python = python
        self._fsync = fsync
        log = python.parents[2] / "restate.log"
        try:
            version = output([server, "--version"], log).decode().split()[-1]
            sdk, hypercorn = output([python, "-c", _LOADED], log).decode().split()
        except Failed as failure:
            raise Absent(str(failure)) from None
        self.versions = {"restate-server": version, "restate-sdk": sdk, "hypercorn": hypercorn}

    @contextlib.contextmanager
    def start(self, data: Path, log: Path) -> Iterator[Running]:
        """The service, the server, and the one made known to the other."""
        service, ingress, admin, node = (f"127.0.0.1:{free_port()}" for _ in range(4))
        environment = {
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_INGRESS__BIND_ADDRESS": ingress,
            "RESTATE_ADMIN__BIND_ADDRESS": admin,
            "RESTATE_BIND_ADDRESS": node,
            "RESTATE_ADVERTISED_ADDRESS": f"http://{node}/",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_FSYNC": json.dumps(not self._fsync),
        }
        options = ["--no-logo", "--log-disable-ansi-codes", "true", "--base-dir", str(data)]
        serve = ["hypercorn", "restate_counter:app", "--bind", service]
        serving = started([self._python, "-m", *serve], log, folder=SERVICES)
        serverlog = log.with_suffix(".server.log")
        server = started([self._server, *options], serverlog, environment=environment)
        with serving as sdk, server as process:
            seconds = ready(f"http://{service}/health", sdk, log)
            seconds += ready(f"http://{admin}/health", process, serverlog)
            _register(f"http://{admin}/deployments", f"http://{service}")
            ready(f"http://{ingress}/restate/health", process, serverlog)
            base = f"http://{ingress}/Counters/{{key}}"
            target = Target(f"{base}/increment", f"{base}/read", header="idempotency-key")
            yield Running(target, self._durability(environment, serverlog), seconds)

    def _durability(self, environment: dict[str, str], log: Path) -> str:
        dumped = output([self._server, "--dump-config"], log, environment=environment)
        configuration = tomllib.loads(dumped.decode())
        provider = configuration["bifrost"]["default-provider"]
        section = configuration["log-server" if provider == "replicated" else "bifrost"]
        section = section.get("local", section)
        synced = "off" if section["rocksdb-disable-wal-fsync"] else "on every batch"
        copies = configuration["default-replication"]
        return f"RocksDB WAL fsync {synced}, log provider {provider}, replication {copies}"


def _register(deployments: str, service: str) -> None:
    """Make the service known to Restate."""
    request = urllib.request.Request(
        deployments,
        json.dumps({"uri": service}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30.0):
            return
    except OSError as error:
        raise Failed(f"Restate did not take the service at {service}: {error}") from None
