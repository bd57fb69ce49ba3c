"""A store for a while: what was written to it is erased afterwards, whatever became of it.

A process of its own erases, the *eraser*. It is forked before any node is and before anybody
opens the store, since the client of a cluster does not survive a fork, and waits at one end of a
pipe. The other end is with whoever measures or runs something, and with every process forked
from then on. So the eraser sees when it is told to begin, and also when all of them are gone,
however they ended. It hears no signal of a terminal: it ends with the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection

from backends.local.folder import Folder
from backends.local.nodes import Plan
from backends.local.up import Wanted, prepare
from backends.stores import StoreChoice
from compiler.application import Application
from core.errors import MuError

__all__ = ["Eraser", "erasing", "prepared"]

_log = logging.getLogger("mu2sls")

_UNHEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Eraser:
    """Erases a store when it is told to, or when every process forked after it has ended."""

    def __init__(self, choice: StoreChoice) -> None:
        self._choice = choice
        context = multiprocessing.get_context("fork")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_wait_and_erase, args=(choice, self._here, there), name="eraser"
        )
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, _UNHEARD)
        try:
            self._process.start()  # it never unblocks them
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        there.close()

    def erase(self, is_told: bool = True) -> None:
        """Erase now, and wait for it.

        :param is_told: whether to say what went wrong.
        """
        self._here.send_bytes(b"now")
        try:
            told = self._here.recv_bytes().decode()
        except EOFError:
            told = "the process that was to erase it is gone"
        self._process.join()
        self._here.close()
        if is_told:
            _tell(self._choice, told)


def _wait_and_erase(choice: StoreChoice, others: Connection, mine: Connection) -> None:
    others.close()
    with contextlib.suppress(EOFError):
        mine.recv_bytes()
    told = ""
    try:
        asyncio.run(choice.erase())
    except MuError as error:
        told = str(error)
    try:
        mine.send_bytes(told.encode())
    except BrokenPipeError:  # nobody is left to say it
        _tell(choice, told)


@contextlib.contextmanager
def erasing(choice: StoreChoice) -> Iterator[None]:
    """Erase a store in the end; what cannot be erased is said."""
    eraser = Eraser(choice)
    try:
        yield
    finally:
        eraser.erase()


@contextlib.contextmanager
def prepared(wanted: Wanted, application: Application, folder: Folder) -> Iterator[Plan]:
    """Set a store up, say what is to run on it, and erase it in the end.

    :raises MuError: see :func:`backends.local.up.prepare`.
    """
    eraser = Eraser(wanted.choose(application, folder))
    try:
        plan = prepare(wanted, application, folder)
    except BaseException:
        eraser.erase(is_told=False)  # if that fails, it is for the very reason that is raised
        raise
    try:
        yield plan
    finally:
        eraser.erase()


def _tell(choice: StoreChoice, trouble: str) -> None:
    if trouble:
        _log.warning(
            "what was written is still there, in %s (%s): when it answers again, remove it with %s",
            choice,
            trouble,
            choice.removal(),
        )
