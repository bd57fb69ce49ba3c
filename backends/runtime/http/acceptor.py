"""Taking connections from a listening socket, so that none is lost when that ends.

The event loops' own servers lose a connection that was taken in the last moment before they are
closed: asyncio's refuses to attach it, and leaves it open with nobody behind it, so that its client
waits for ever. What an acceptor has taken reaches its protocol before the acceptor has stopped.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

__all__ = ["Acceptor"]

# How many connections wait in the kernel at most, and are taken at once.
_BACKLOG = 1024
# What ends when other connections do; until then the kernel keeps those that wait.
_SHORT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_SECONDS_SHORT = 1.0

_log = logging.getLogger(__name__)


class Acceptor:
    """Connects what comes to a listening socket with a protocol of its own.

    :param listener: is closed when the acceptor stops.
    :param protocol: makes the protocol of a connection.
    """

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener = listener
        self._protocol = protocol
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept."""
        self._loop = asyncio.get_running_loop()
        self._listener.setblocking(False)
        self._listener.listen(_BACKLOG)
        self._listen(self._loop)

    async def stop(self) -> None:
        """Accept nothing more; what was accepted is connected when this returns."""
        if self._loop is not None:
            self._loop.remove_reader(self._listener)
            self._loop = None
        if self._later is not None:
            self._later.cancel()
        self._listener.close()
        while self._connecting:
            await asyncio.wait(self._connecting)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self._listener, self._accept, loop)

    def _accept(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(_BACKLOG):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORT_OF:
                    raise
                _log.warning("no connection can be taken for a moment: %s", error.strerror)
                loop.remove_reader(self._listener)
                self._later = loop.call_later(_SECONDS_SHORT, self._listen, loop)
                return
            connection.setblocking(False)
            task = loop.create_task(self._connect(loop, connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        try:
            await loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # it is gone already
            connection.close()
