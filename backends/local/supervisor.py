"""The supervisor: compiles once, forks every node, and starts anew what dies.

It keeps no thread and no event loop, so that forking is safe. Every listening socket is
its own and is inherited by the nodes. Nodes hold the other end of a pipe, the lifeline: when
the supervisor is killed, they see it end and leave. What dies is started anew at once; what
dies again and again right after its start, after longer and longer pauses.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

from backends.local.folder import Folder, Running, RunningNode
from backends.local.nodes import GATEWAY, Plan, live, names, roles
from backends.runtime.deaths import Deaths
from core.errors import MuError

__all__ = ["LOOPBACK", "Supervisor", "listen"]

LOOPBACK = "127.0.0.1"

_BACKLOG = 4096
_QUICK = 1.0
"""A node that ends by itself after less than this met something that may still be there."""
_SHORTEST, _LONGEST = 0.05, 5.0
"""The pause before such a node is started anew: at first, and at most."""
_LOOK = 1.0
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = logging.getLogger("mu2sls")


def listen(port: int = 0) -> socket.socket:
    """A socket that listens on loopback; port 0 takes a free one.

    :raises MuError: the port cannot be had.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise MuError(
            f"port {port} of {LOOPBACK} cannot be used: {os.strerror(error.errno or 0)}; give "
            "another with --port, or --port 0 for any free one"
        ) from None
    listener.setblocking(False)
    return listener


@dataclass(slots=True)
class _Child:
    """A node; ``begun`` on the monotonic clock, ``quick`` ends of those before it in a row."""

    role: str
    number: int
    process: ForkProcess
    started: float
    begun: float
    restarts: int
    quick: int


class Supervisor:
    """Runs the nodes of a plan until it is told to stop.

    :param listener: the gateway's socket.
    :param told: told in a line what happened to a node; must not raise.
    """

    def __init__(
        self, plan: Plan, folder: Folder, listener: socket.socket, told: Callable[[str], object]
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._told = told
        self._listeners = {service: listen() for service in plan.application.program.services}
        self.addresses = {service: _url(each) for service, each in self._listeners.items()}
        self._listeners[GATEWAY] = listener
        self.url = _url(listener)
        self._order = {name: number for number, name in enumerate(names(plan))}
        self._children: list[_Child] = []
        self._due: list[tuple[float, _Child]] = []
        self._stopping = self._ended = False
        self._is_known = True  # whether `status` finds the nodes as they are
        self._lifeline = self._wakeup = (-1, -1)
        self._began = time.time()

    def start(self) -> None:
        """Fork every node; from now on SIGTERM, SIGINT and SIGHUP are noted for :meth:`supervise`.

        :raises MuError: a process or a file cannot be made; every node has ended.
        """
        self._lifeline, self._wakeup = os.pipe(), os.pipe()
        for name in _ENDING:
            if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:  # as of nohup
                signal.signal(name, self._signalled)
        gc.collect()
        gc.freeze()  # so that nodes go on sharing the pages of what was compiled
        numbers: dict[str, int] = {}
        try:
            for role in roles(self._plan):
                numbers[role] = numbers.get(role, -1) + 1
                self._children.append(self._fork(role, numbers[role]))
            self._publish()
        except BaseException as error:
            self.end()
            if isinstance(error, OSError):
                raise MuError(f"the nodes cannot be started: {error.strerror}") from None
            raise

    def supervise(self, lifeline: int | None = None) -> None:
        """Start anew what dies, until SIGTERM, SIGINT or SIGHUP; then end every node.

        :param lifeline: a pipe whose end means the same as SIGTERM.
        """
        try:
            while not self._stopping:
                self._look(lifeline)
        finally:
            self.end()

    def release(self) -> None:
        """Close the sockets, in a process that does not supervise."""
        for listener in self._listeners.values():
            listener.close()

    # --- nodes

    def _fork(self, role: str, number: int, restarts: int = 0, quick: int = 0) -> _Child:
        context = multiprocessing.get_context("fork")
        process = context.Process(
            target=self._child, args=(role, number, restarts), name=f"{role}-{number}", daemon=False
        )
        # A signal that comes right after the fork must find the node's own handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        return _Child(role, number, process, time.time(), time.monotonic(), restarts, quick)

    def _child(self, role: str, number: int, restarts: int) -> None:
        os.close(self._lifeline[1])
        for descriptor in self._wakeup:
            os.close(descriptor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for name in (signal.SIGINT, signal.SIGHUP):  # of the terminal: for the supervisor
            signal.signal(name, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        try:
            make = self._plan.make_for(role, number, restarts)
            deaths = self._deaths(role, number)
            live(self._plan, role, make, self._listeners, self.addresses, self._lifeline[0], deaths)
        except MuError as error:
            _log.error("%s", error)
            os._exit(2)

    def _deaths(self, role: str, number: int) -> Deaths | None:
        """What a service's node remembers of those before it; nothing where the disk is full."""
        program, limit = self._plan.application.program, self._plan.settings.step_limit
        if role not in program.services:
            return None
        try:
            return Deaths(self._folder.nodes, f"{role}-{number}", program, limit)
        except OSError as error:
            _log.warning("%s: %s", self._folder.nodes, error.strerror)
            return None

    def _look(self, lifeline: int | None) -> None:
        """Wait until a node dies or one is due to be started anew."""
        if not self._is_known:
            self._make_known()
        now = time.monotonic()
        for due, dead in [each for each in self._due if each[0] <= now]:
            self._due.remove((due, dead))
            self._start_anew(dead)
        pause = min([due - now for due, _ in self._due], default=_LOOK)
        sentinels = [child.process.sentinel for child in self._children]
        others = [self._wakeup[0], *([] if lifeline is None else [lifeline])]
        ready = wait([*sentinels, *others], max(pause, 0.0))
        self._stopping |= lifeline in ready
        for child in [child for child in self._children if child.process.sentinel in ready]:
            self._died(child)

    def _start_anew(self, dead: _Child) -> None:
        try:
            child = self._fork(dead.role, dead.number, dead.restarts + 1, dead.quick)
        except OSError as error:
            self._told(f"{dead.process.name} cannot be started: {error.strerror}: tried again")
            self._due.append((time.monotonic() + _LONGEST, dead))
            return
        self._children.append(child)
        self._make_known()

    def _make_known(self) -> None:
        """Publish the nodes, or try again later: the disk may be full."""
        try:
            self._publish()
        except OSError as error:
            if self._is_known:
                self._told(f"`status` will not know of it: {self._folder.path}: {error.strerror}")
            self._is_known = False
        else:
            self._is_known = True

    def _died(self, child: _Child) -> None:
        child.process.join()
        self._children.remove(child)
        code = child.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        is_quick = time.monotonic() - child.begun < _QUICK and code != -signal.SIGKILL
        child.quick = child.quick + 1 if is_quick else 0
        pause = min(_SHORTEST * 2.0 ** min(child.quick - 1, 10), _LONGEST) if is_quick else 0.0
        when = f" in {pause:.2g} s" if pause else ""
        self._told(f"{child.process.name} (process {child.process.pid}) {how}: started anew{when}")
        self._due.append((time.monotonic() + pause, child))

    def _publish(self) -> None:
        nodes = [
            RunningNode(each.process.name, each.process.pid or 0, each.started, each.restarts)
            for each in sorted(self._children, key=lambda each: self._order[each.process.name])
        ]
        plan = self._plan
        self._folder.publish(
            Running(
                plan.application.name,
                plan.app,
                os.getpid(),
                self.url,
                plan.store.kind,
                plan.store.durability,
                self._began,
                dict(self.addresses),
                nodes,
            )
        )

    # --- the end

    def _signalled(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        if self._stopping and number != signal.SIGHUP:  # asked twice by a person: at once
            for child in self._children:
                child.process.kill()
        self._stopping = True
        os.write(self._wakeup[1], b"x")

    def end(self) -> None:
        """End every node: the gateway first, so that the others can finish what it has under way.

        New connections are refused from the beginning, and the folder says that nothing is up: who
        starts it again waits until all have left.
        """
        if self._ended:
            return
        self._ended = True
        self._folder.withdraw()
        self._listeners[GATEWAY].close()
        grace = self._plan.settings.grace
        gateway = [child for child in self._children if child.role == GATEWAY]
        others = [child for child in self._children if child.role != GATEWAY]
        for group in (gateway, others):
            for child in group:
                _signal(child, signal.SIGTERM)
                _signal(child, signal.SIGCONT)  # one that was stopped does not hear anything
            deadline = time.monotonic() + grace + 1.0
            for child in group:
                child.process.join(max(0.0, deadline - time.monotonic()))
                if child.process.exitcode is None:
                    self._told(f"{child.process.name} did not end within {grace:g} s: killed")
                    child.process.kill()
                    child.process.join()
        self._children.clear()
        self._folder.forget_nodes()
        self.release()
        for name in _ENDING:  # that of an impatient person: it is over
            signal.signal(name, signal.SIG_IGN)
        for descriptor in (*self._lifeline, *self._wakeup):
            os.close(descriptor)


def _signal(child: _Child, number: int) -> None:
    if child.process.pid is not None and child.process.exitcode is None:
        os.kill(child.process.pid, number)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"
