"""The data folder of an application on one machine.

===============  ========================================================================
file             holds
===============  ========================================================================
``store.db``     the store (:mod:`backends.sqlite.database`), with files of SQLite beside it
``wire.key``     the key of the wire, unless the environment gives one
``up.json``      what runs: process ids and addresses, for ``status`` and ``invoke``
``nodes/``       what took nodes down (:mod:`backends.runtime.deaths`), until they end in peace
``up.lock``      locked by who runs it, so that nobody runs it twice
===============  ========================================================================

The folder is made for its owner alone, and so is every file in it.

The lock is held by the supervisor and by its nodes, so it ends with the last of them, however
they end.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from backends.runtime.wire import KEY_BYTES
from backends.stores import Sqlite, StoreChoice
from core.errors import MuError

__all__ = ["KEY_VARIABLE", "Folder", "Running", "RunningNode"]

KEY_VARIABLE = "MU2SLS_WIRE_KEY"
"""The environment variable that gives the wire's key."""
_PATIENCE = 15.0
"""Seconds to wait for the nodes of a supervisor that is gone or ending."""
_SILENT = 0.5
"""Seconds that nobody minds to wait."""


class RunningNode(msgspec.Struct):
    """One node: its process, when it was started (Unix seconds) and how often before."""

    name: str
    pid: int
    started: float
    restarts: int = 0


class Running(msgspec.Struct):
    """What runs in a data folder.

    :ivar url: the gateway's.
    :ivar started: Unix seconds.
    """

    application: str
    app: str
    pid: int
    url: str
    store: str
    durability: str
    started: float
    addresses: dict[str, str]
    nodes: list[RunningNode]


class Folder:
    """A data folder; made if there is none.

    :raises MuError: it cannot be made or written.
    """

    def __init__(self, path: Path, create: bool = True) -> None:
        self.path = path
        self.store = path / "store.db"
        self.nodes = path / "nodes"
        self._state = path / "up.json"
        self._choice = path / "store.json"
        self._key = path / "wire.key"
        self._lock: int | None = None
        if not create:
            return
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except FileExistsError:
            raise MuError(f"{path}: is a file: give a folder with --data") from None
        except OSError as error:
            raise MuError(
                f"{path}: cannot be written: {error.strerror}; give another folder with --data"
            ) from None
        self._lock = descriptor

    def claim(self) -> None:
        """See that nobody else runs the application here, until this process and its children end.

        :raises MuError: somebody does, and goes on.
        """
        descriptor = self._lock
        assert descriptor is not None
        self._wait(lambda: _lock(descriptor, fcntl.LOCK_EX), lambda _: None)

    def wait_until_left(self, told: Callable[[str], object]) -> None:
        """Wait for what ran here and is leaving, as it may hold ports; nothing is made or locked.

        :param told: told in a line if that takes a while.
        :raises MuError: the application runs here, or somebody else holds the folder.
        """
        self._wait(lambda: not self._is_held(), told)

    def _wait(self, is_free: Callable[[], bool], told: Callable[[str], object]) -> None:
        begun = time.monotonic()
        is_told = False
        while not is_free():
            running = self.running()
            if running is not None:
                raise MuError(
                    f"{self.path}: the application runs here already (process {running.pid}, "
                    f"{running.url}): stop it first, or give another folder with --data"
                )
            waited = time.monotonic() - begun
            if waited > _PATIENCE:
                raise MuError(
                    f"{self.path}: another process holds this folder: `fuser {self.path}/up.lock` "
                    "says which; stop it first, or give another folder with --data"
                )
            if waited > _SILENT and not is_told:
                told(f"{self.path}: waiting for what ran here to end, {_PATIENCE:g} s at most")
                is_told = True
            time.sleep(0.05)

    def try_claim(self) -> bool:
        """Whether nothing runs here; if so, nothing can be started until this process ends."""
        assert self._lock is not None
        return _lock(self._lock, fcntl.LOCK_EX)

    def see_store(self) -> None:
        """See that the store's file is the one that was set up here, where one was.

        The key is made after the store. So where there is a key and no store, somebody took the
        store away, and to begin anew without a word would look like losing all data.

        Where there is no key, an empty file is what a first start left that a full disk stopped.

        :raises MuError: it is gone, or empty, or cannot be looked at.
        """
        try:
            found = self.store.stat()
        except FileNotFoundError:
            trouble = "is gone, and an application did run here"
        except OSError as error:
            raise self._no_store(f"cannot be looked at: {error.strerror}") from None
        else:
            if found.st_size or not stat.S_ISREG(found.st_mode):
                return  # whether it is a store, the store says
            trouble = "is empty, which no store is"
        if self._key.exists():
            raise self._no_store(trouble)

    def _no_store(self, trouble: str) -> MuError:
        return MuError(
            f"{self.store} {trouble}: put it back from a copy, or, to begin anew with no data, "
            f"remove what is left of it and {self._key}"
        )

    def key(self) -> bytes:
        """The wire's key: from the environment, or one that is made once and kept.

        :raises MuError: it is too short, or its file cannot be read.
        """
        given = os.fsencode(os.environ.get(KEY_VARIABLE, ""))
        path = self._key
        try:
            if not given and not path.exists():
                self._write(path, secrets.token_hex(32).encode(), 0o600)
            key = given or path.read_bytes()
        except OSError as error:
            raise MuError(f"{path}: {error.strerror}: make it readable, or remove it") from None
        if len(key) < KEY_BYTES:
            remedy = "give at least" if given else "remove it, and a new one is made, of at least"
            raise MuError(
                f"{KEY_VARIABLE if given else path}: the wire key has {len(key)} bytes: {remedy} "
                f"{KEY_BYTES} random ones, such as those that `openssl rand -hex 32` prints"
            )
        return key

    def remember(self, choice: StoreChoice) -> None:
        """Write down where the application's data are.

        :raises MuError: it cannot be written.
        """
        try:
            self._write(self._choice, msgspec.json.encode(choice), 0o600)
        except OSError as error:
            raise MuError(f"{self._choice}: cannot be written: {error.strerror}") from None

    def choice(self) -> StoreChoice | None:
        """Where the application's data are, if it has any.

        :raises MuError: it cannot be read.
        """
        try:
            choice: StoreChoice = msgspec.json.decode(self._choice.read_bytes(), type=StoreChoice)
        except FileNotFoundError:
            choice = Sqlite(str(self.store))
        except (OSError, msgspec.MsgspecError) as error:
            raise MuError(
                f"{self._choice}: cannot be read ({error}): `up` writes it anew"
            ) from None
        if isinstance(choice, Sqlite):
            choice = Sqlite(str(self.store), choice.synchronous)  # the folder may have moved
            return choice if self.store.exists() else None
        return choice

    def publish(self, running: Running) -> None:
        """Say what runs.

        :raises OSError: it cannot be written.
        """
        self._write(self._state, msgspec.json.encode(running), 0o600)

    def withdraw(self) -> None:
        """Say that nothing runs any more; if it cannot be said, it shows once this has ended."""
        with suppress(OSError):
            self._state.unlink()

    def forget_nodes(self) -> None:
        """Forget what took nodes down."""
        shutil.rmtree(self.nodes, ignore_errors=True)

    def running(self) -> Running | None:
        """What runs here, if anything does."""
        try:
            running = msgspec.json.decode(self._state.read_bytes(), type=Running)
        except (OSError, msgspec.MsgspecError):
            return None
        return running if _is_alive(running.pid) and self._is_held() else None

    def _is_held(self) -> bool:
        """Whether anybody holds the lock: process ids are used again, after a crash."""
        try:
            descriptor = os.open(self.path / "up.lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            return not _lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    @staticmethod
    def _write(path: Path, content: bytes, mode: int) -> None:
        """Write a file that readers never see half of, whoever dies in between."""
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        part.replace(path)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended, and that nobody asked about yet, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    with suppress(OSError, IndexError):  # no such files but on Linux, where a zombie shows
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        return state not in (b"Z", b"X")
    return True
