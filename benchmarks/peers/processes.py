"""Children that do not outlive us: every one is a session of its own, and is ended in any case."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["Failed", "free_port", "output", "ready", "started"]

_GRACE = 10.0
"""Seconds a child has to end by itself once it was asked to."""


class Failed(Exception):
    """A child did not do what it was started for; the message ends with what it said last."""


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def started(
    command: Sequence[str | Path],
    log: Path,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in ``folder`` as long as the context lasts; what it says goes to ``log``."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def output(
    command: Sequence[str | Path],
    log: Path,
    given: bytes = b"",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600.0,
) -> bytes:
    """Run a program to its end, and return what it wrote.

    :raises Failed: it is not there, took too long, or ended with another status than 0.
    """
    name = Path(command[0]).name
    with log.open("ab") as said:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"{name} cannot be started: {error.strerror}") from None
        try:
            written, _ = process.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} took longer than {timeout:.0f} s{_last(log)}") from None
        finally:
            _end(process)
    if process.returncode != 0:
        raise Failed(f"{name} ended with status {process.returncode}{_last(log)}")
    return written


def ready(url: str, process: subprocess.Popen[bytes], log: Path, timeout: float = 60.0) -> float:
    """Wait until ``url`` answers 200; the seconds it took.

    :raises Failed: the server ended, or did not answer in time.
    """
    begun = time.perf_counter()
    while (waited := time.perf_counter() - begun) < timeout:
        if process.poll() is not None:
            raise Failed(f"the server ended with status {process.returncode}{_last(log)}")
        if _answers(url):
            return waited
        time.sleep(0.02)
    raise Failed(f"{url} did not answer within {timeout:.0f} s{_last(log)}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the child to end, then make it; and whatever it left behind in its session."""
    asked = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, signal.SIG_IGN) for each in asked]  # not stopped half-way
    try:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        for each, handler in zip(asked, before, strict=True):
            signal.signal(each, handler)


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
    return ": " + " | ".join(line.strip() for line in lines) if lines else ""
