"""The secret of a deployment: drawn when its store is set up, and kept there.

What requests draw is keyed with it (:mod:`core.chance`), and so is what the workload's ``setup()``
draws: then whoever sets up the store, even if several do it at once or one after the other has
died, makes the same data. For the same reason the time of set-up is kept beside it.

It is read once by each process that runs requests. Nothing shows it: no log, no result, no history.
"""

from __future__ import annotations

import hashlib
import os
import time

import msgspec

from backends.runtime.errors import NotSetUp
from backends.runtime.snapshot import belongs, load, patiently
from backends.runtime.store import AsyncStore
from compiler.application import Application
from core.chance import SECRET_SIZE, Chance
from core.errors import StoreError
from core.layout import SECRET, SET_UP
from core.protocol import Protocol
from core.store import Set, point

__all__ = ["Secret", "found", "keep", "set_up"]


class Secret(msgspec.Struct, frozen=True, array_like=True):
    """What is kept.

    :ivar time: when it was drawn, in Unix nanoseconds.
    """

    key: bytes
    time: int

    def __repr__(self) -> str:
        return "Secret(...)"

    def set_up_chance(self) -> Chance:
        """What ``setup()`` draws from."""
        return Chance(hashlib.blake2b(b"setup", key=self.key).digest())


def _drawn() -> Secret:
    return Secret(os.urandom(SECRET_SIZE), time.time_ns())


async def keep(store: AsyncStore, application: str, protocol: Protocol | None = None) -> Secret:
    """The secret in the store of ``application``; one is drawn if there is none yet.

    So it is with a store from before there were secrets.

    :raises OtherApplication: it is another application's store; nothing happened.
    :raises OtherProtocol: another protocol keeps its data; nothing happened.
    :raises NotSetUp: the store did not play along for seconds; to be tried again.
    """

    async def once() -> Secret:
        version = await store.read_version()
        await belongs(store, version, application, protocol or Protocol.ours())
        kept = await _read(store, version)
        if kept is not None:
            return kept
        drawn = _drawn()
        kept_is = Set(SECRET, msgspec.msgpack.encode(drawn))
        await store.commit(version, [point(SECRET), point(SET_UP)], [kept_is])
        return drawn

    try:
        return await patiently(once)
    except StoreError as failure:
        raise NotSetUp(store, f"could not be given its secret ({failure})", "try again") from None


async def set_up(
    store: AsyncStore,
    application: Application,
    protocol: Protocol | None = None,
    with_data: bool = True,
) -> Application:
    """Set up the store of ``application``, unless that was done before; how to run it there.

    :param protocol: what keeps the data, if not ours.
    :param with_data: whether the workload's ``setup()`` is run.
    :raises OtherApplication, OtherProtocol, OtherShape, TooLarge: it cannot be, ever.
    :raises NotSetUp: the store did not play along for seconds; to be tried again.
    """
    keeper = protocol or Protocol.ours()
    secret = await keep(store, application.name, keeper)
    chance, time_ns = secret.set_up_chance(), secret.time
    initial = application.initial_state(with_data, lambda: time_ns, chance)
    keyed = application.keyed(secret.key)
    arranged = keeper.arranged(keyed.program, initial)
    await load(store, application.name, arranged, application.shape, keeper)
    return keyed


async def found(store: AsyncStore) -> Secret | None:
    """The secret that the store holds.

    :raises StoreError: the store does not answer.
    """
    return await patiently(lambda: _latest(store))


async def _latest(store: AsyncStore) -> Secret | None:
    return await _read(store, await store.read_version())


async def _read(store: AsyncStore, version: int) -> Secret | None:
    values, _ = await store.read(version, (SECRET,))
    return None if values[0] is None else msgspec.msgpack.decode(values[0], type=Secret)
