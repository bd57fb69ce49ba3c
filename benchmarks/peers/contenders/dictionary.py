"""A dictionary in memory behind HTTP: what the load generator can do at most on this machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.contenders.contender import ROOT, Running, Survives
from benchmarks.peers.observation import Target
from benchmarks.peers.processes import free_port, ready, started

__all__ = ["Dictionary"]


class Dictionary:
    """Nobody's rival: counts and remembers ids in memory."""

    system = "a dictionary in memory"
    setting = "the load generator's limit"
    survives: Survives = "nothing"

    def prepare(self, _cache: Path) -> Dictionary:
        """There is nothing to install."""
        return self

    @property
    def versions(self) -> dict[str, str]:
        """Of what serves it."""
        return {"aiohttp": importlib.metadata.version("aiohttp")}

    @contextlib.contextmanager
    def start(self, _data: Path, log: Path) -> Iterator[Running]:
        """Serve it."""
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.peers.services.dictionary", str(port)]
        with started(command, log, folder=ROOT) as process:
            base = f"http://127.0.0.1:{port}"
            seconds = ready(f"{base}/readyz", process, log)
            target = Target(f"{base}/increment/{{key}}", f"{base}/read/{{key}}")
            yield Running(target, "none: in memory", seconds)
