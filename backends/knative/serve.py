"""The process in the image: ``python -m backends.knative.serve`` runs one part.

Which part, and with what, its environment says (:mod:`backends.knative.environment`). A life:

1. The environment is checked and the application compiled. What is wrong is one line in the
   log, and the exit status is 2: Kubernetes shows it, and a restart does not help.
2. It listens. ``/healthz`` answers, ``/readyz`` says 503 and why, until the store is there and
   holds the application's initial data. A store that is away is waited for.
3. The node runs (:mod:`backends.runtime.node`).
4. SIGTERM or SIGINT: it counts as not ready, accepts nothing more, finishes what is under way
   within its grace, and exits with status 0.

What goes wrong otherwise is logged with its traceback, exit status 1.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from backends.drill.recording import Recording
from backends.knative.edges import edges
from backends.knative.environment import Environment, read_environment
from backends.knative.errors import EnvironmentProblem
from backends.knative.names import GATEWAY, UPKEEP
from backends.knative.stores import open_store
from backends.knative.waking import Waking
from backends.runtime.deaths import Deaths
from backends.runtime.errors import OtherApplication, OtherProtocol, OtherShape
from backends.runtime.http import Incoming, Outgoing, Server, plain_text, run
from backends.runtime.logs import JsonLines, log_to
from backends.runtime.node import Make, Node, run_upkeep, serve_gateway, serve_service
from backends.runtime.public.auth_choice import read_auth
from backends.runtime.secret import set_up
from backends.runtime.store import AsyncStore, trouble
from compiler.application import Application, load
from core.errors import MuError, TooLarge
from core.protocol import PROTOCOLS

__all__ = ["main", "serve"]

_log = logging.getLogger("mu2sls")

_CANNOT_START = 2
_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_HEALTH_LIMIT = 1000


def main(environ: Mapping[str, str]) -> int:
    """Run one part until it is told to end: the process's exit status."""
    lines = JsonLines()
    log_to(lines)
    signal.signal(signal.SIGTERM, _ended_early)
    try:
        environment = read_environment(environ)
        lines.part = environment.part
        logging.getLogger().setLevel(environment.log_level.upper())
        application = load(environment.app)
        _check(application, environment)
        run(serve(application, environment))
    except MuError as error:
        _log.error("%s", error)
        return _CANNOT_START
    except Exception:
        _log.exception("the process ends: this was not to happen")
        return 1
    return 0


def _ended_early(_number: int, _frame: object) -> None:
    """SIGTERM before anything runs: there is nothing to finish."""
    raise SystemExit(0)


def _check(application: Application, environment: Environment) -> None:
    """:raises EnvironmentProblem: there is no such part, or an address is missing."""
    callees = edges(application).callees
    part = environment.part
    if part not in callees:
        raise EnvironmentProblem(
            "MU2SLS_SERVICE",
            f"is {part!r}, which {application.name} does not have",
            f"give one of {', '.join(sorted(callees))}",
        )
    missing = sorted(callees[part] - environment.addresses.keys())
    if missing:
        raise EnvironmentProblem(
            "MU2SLS_ADDRESSES", f"has none for {', '.join(missing)}", f"{part} calls them: add them"
        )


async def serve(application: Application, environment: Environment) -> None:
    """Run the part until SIGTERM or SIGINT.

    :raises MuError: it cannot start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with _listen(environment.port) as listener:
        store = open_store(environment, environment.name or application.name)
        try:
            prepared = await _prepared(application, environment, store, listener, stop)
            if prepared is not None:
                _log.info("%s of %s is ready", environment.part, application.name)
                await _live(prepared, environment, store, listener, stop)
        finally:
            await store.close()
    _log.info("%s has ended", environment.part)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("", port), backlog=1024)
    except OSError as error:
        raise EnvironmentProblem(
            "PORT", f"is {port}, where one cannot listen ({error.strerror})", "give another"
        ) from None


async def _prepared(
    application: Application,
    environment: Environment,
    store: AsyncStore,
    listener: socket.socket,
    stop: asyncio.Event,
) -> Application | None:
    """Wait until the store holds the initial data; what is run then, None if told to end before.

    :raises OtherApplication, OtherProtocol, OtherShape, TooLarge: it never will.
    """
    trouble = "the store has not answered yet"

    async def handle(incoming: Incoming) -> Outgoing:
        return _health(incoming, trouble)

    server = Server(handle, listener.dup(), _HEALTH_LIMIT)
    await server.start()
    prepared, pause = None, _PAUSE
    protocol = PROTOCOLS[environment.protocol]()
    while not stop.is_set():
        try:
            prepared = await set_up(store, application, protocol, environment.set_up)
            break
        except (OtherApplication, OtherProtocol, OtherShape, TooLarge):
            await server.stop(0)
            raise
        except MuError as error:
            if str(error) != trouble:
                _log.warning("not ready: %s", error)
            trouble = str(error)
        await _stopped(stop, pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    await server.stop(0)
    return None if stop.is_set() else prepared


async def _stopped(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


async def _live(
    application: Application,
    environment: Environment,
    store: AsyncStore,
    listener: socket.socket,
    stop: asyncio.Event,
) -> None:
    make = Recording() if environment.record else Make()
    node = Node(
        application,
        store,
        environment.key,
        environment.addresses,
        environment.settings,
        PROTOCOLS[environment.protocol](),
        make=Waking(make) if environment.part == GATEWAY else make,
        deaths=_deaths(application, environment),
        auth=read_auth(environment.auth) if environment.part == GATEWAY else None,
    )
    if environment.part == GATEWAY:
        await serve_gateway(node, listener, stop)
    elif environment.part == UPKEEP:
        await _upkeep(node, listener, stop)
    else:
        await serve_service(node, environment.part, listener, stop)


def _deaths(application: Application, environment: Environment) -> Deaths | None:
    """What a service's node remembers of those before it in its pod, if that can be had."""
    program = application.program
    if not environment.deaths or environment.part not in program.services:
        return None
    folder, limit = Path(environment.deaths), environment.settings.step_limit
    try:
        return Deaths(folder, environment.part, program, limit)
    except OSError as error:
        _log.warning("MU2SLS_DEATHS is %s: %s: nothing is remembered", folder, error.strerror)
        return None


async def _upkeep(node: Node, listener: socket.socket, stop: asyncio.Event) -> None:
    """Upkeep, and answers to the probes of its pod."""

    async def handle(incoming: Incoming) -> Outgoing:
        ending = "it is about to end" if stop.is_set() else ""
        return _health(incoming, ending or await trouble(node.store))

    server = Server(handle, listener, _HEALTH_LIMIT)
    await server.start()
    try:
        await run_upkeep(node, stop)
    finally:
        await server.stop(0)


def _health(incoming: Incoming, trouble: str) -> Outgoing:
    """The answer to a probe, of a node that answers nothing else.

    :param trouble: why it is not ready; empty if it is.
    """
    if incoming.path == "/healthz":
        return plain_text(200, "alive")
    if incoming.path == "/readyz":
        return plain_text(503, trouble) if trouble else plain_text(200, "ready")
    return plain_text(503, trouble) if trouble else plain_text(404, "nothing else is served here")


if __name__ == "__main__":
    sys.exit(main(os.environ))
