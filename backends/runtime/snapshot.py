"""Whole stores: everything a store holds at one version, and the state it begins with.

:func:`load` writes an initial state in transactions below the store's limits, any number of
times, by any number of processes at once, and whatever dies in the middle. The key SET_UP
tells how far it came::

    absent ──▶ being loaded (application, fingerprint of the pairs) ──▶ loaded (application, shape)

Every transaction conflicts with that key, so pieces of an initial state are only written
while it is being loaded, and by those alone who load the same one; a loader that finds
another half-loaded clears it away first. What is small enough takes one transaction.

The mark keeps the shape of the data (:mod:`core.shape`). Code whose fields do not fit what is there
is refused; whose do, its shape is merged into the one kept. A store from before there were shapes
gets that of the code that finds it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec

from backends.runtime.errors import (
    NotSetUp,
    OtherApplication,
    OtherProtocol,
    OtherShape,
    TooMuchToRead,
)
from backends.runtime.store import AsyncStore
from core.errors import FutureVersion, StoreError, StoreUnavailable, TooLarge, TooOld
from core.layout import SECRET, SET_UP, field_range
from core.limits import USER_KEYS_END
from core.protocol import OURS, PROTOCOLS, Protocol
from core.shape import Shape, fit, merged
from core.store import ClearRange, KeyRange, Mutation, Set, point, transaction_size

__all__ = ["again", "belongs", "kept_as", "load", "patiently", "snapshot"]

T = TypeVar("T")

_EVERYTHING = KeyRange(b"", USER_KEYS_END)
_BUT_THE_SECRET = (ClearRange(b"", SECRET), ClearRange(SECRET + b"\x00", USER_KEYS_END))
_PAGE = 1_000
"""Pairs read at once."""
_PIECE = 1_000_000
"""Bytes written in one transaction; FoundationDB's advice ("Known limitations")."""
_SNAPSHOTS = 3
"""How often a snapshot is begun: a store can say TooOld because it lags, too."""
_TRIES, _PAUSE = 20, 0.05
"""How often a store error is answered by another try, and the seconds in between."""


_RESHAPE = (
    "go on with the code that wrote it; or keep the field as it is, add one of another name, and "
    "let a method convert; or give another place for the data"
)

_log = logging.getLogger(__name__)


class _Mark(msgspec.Struct, frozen=True):
    """The value of SET_UP, in JSON.

    :ivar loading: the fingerprint of what is being loaded; None: everything is there.
    :ivar shape: of the data; None: not known.
    :ivar protocol: the name of that which keeps the data.
    """

    application: str
    loading: str | None = None
    shape: Shape | None = None
    protocol: str = OURS


async def snapshot(store: AsyncStore) -> dict[bytes, bytes]:
    """Everything the store holds, at one version, but its secret.

    :raises TooMuchToRead: reading it takes longer than a version can be used.
    :raises StoreError: the store does not answer.
    """
    for _ in range(_SNAPSHOTS):
        content: dict[bytes, bytes] = {}
        with suppress(TooOld):
            await _read_all(store, content)
            content.pop(SECRET, None)
            return content
    raise TooMuchToRead(
        store,
        f"holds more than can be read at one version, which became too old after {len(content)} "
        "keys",
        "copy it with the store's own tools (`sqlite3 FILE .backup`, `fdbbackup`)",
    )


async def _read_all(store: AsyncStore, content: dict[bytes, bytes]) -> None:
    version = await again(store.read_version)
    begin = b""
    while True:
        part = (begin, USER_KEYS_END, _PAGE)
        _, (pairs,) = await again(partial(store.read, version, (), (part,)))
        content.update(pairs)
        if len(pairs) < _PAGE:
            return
        begin = pairs[-1][0] + b"\x00"


async def again(ask: Callable[[], Awaitable[T]]) -> T:
    """What ``ask`` answers when the store does, after some patience."""
    for _ in range(_TRIES):
        with suppress(StoreUnavailable, FutureVersion):
            return await ask()
        await asyncio.sleep(_PAUSE)
    return await ask()


async def load(
    store: AsyncStore,
    application: str,
    pairs: Mapping[bytes, bytes],
    shape: Shape | None = None,
    protocol: Protocol | None = None,
) -> None:
    """Give a new store its initial state; the data of one that was loaded before stay as they are.

    :param pairs: as the protocol keeps them.
    :param shape: what the application stores; None: whatever it is.
    :param protocol: what keeps the data, if not ours.
    :raises OtherApplication: it is another application's store; nothing happened.
    :raises OtherProtocol: another protocol keeps its data; nothing happened.
    :raises OtherShape: what it holds does not fit; nothing happened.
    :raises NotSetUp: the store did not play along for seconds; to be tried again.
    """
    try:
        keeper = protocol or Protocol.ours()
        await patiently(lambda: _load(store, application, pairs, shape, keeper))
    except TooLarge:
        raise
    except StoreError as failure:
        trouble = f"could not be given its initial state ({failure})"
        raise NotSetUp(store, trouble, "try again") from None


async def patiently(once: Callable[[], Awaitable[T]]) -> T:
    """What ``once`` gives when the store plays along: it looks again, and goes on from there.

    :raises StoreError: it did not for seconds, or never will.
    """
    for _ in range(_TRIES - 1):
        try:
            return await once()
        except TooLarge:
            raise
        except StoreError:  # whatever became of it
            await asyncio.sleep(_PAUSE)
    return await once()


async def _load(
    store: AsyncStore,
    application: str,
    pairs: Mapping[bytes, bytes],
    shape: Shape | None,
    protocol: Protocol,
) -> None:
    version = await store.read_version()
    mark = await belongs(store, version, application, protocol)
    if mark is not None and mark.loading is None:
        if shape is not None:
            await _see_shape(store, version, mark, shape, protocol)
        return
    pieces = list(_pieces(pairs))
    loading = _Mark(application, _fingerprint(pairs), protocol=protocol.name)
    conflicts = [point(SET_UP)] if mark else [_EVERYTHING]
    if mark != loading and (mark is not None or len(pieces) > 1):
        fresh: list[Mutation] = [*_BUT_THE_SECRET, _set(loading)]
        version = await store.commit(version, conflicts, fresh)
        conflicts = [point(SET_UP)]
    for number, piece in enumerate(pieces, 1):
        if number == len(pieces):
            piece.append(_set(_Mark(application, shape=shape, protocol=protocol.name)))
        # At the version of the commit before: nobody changed the mark in between.
        version = await store.commit(version, conflicts, piece)


async def kept_as(store: AsyncStore) -> tuple[Shape | None, Protocol]:
    """The shape of what a store holds, None if it is not known, and the protocol that keeps it.

    :raises StoreError: the store does not answer.
    :raises OtherProtocol: this code does not know the protocol.
    """
    version = await again(store.read_version)
    (kept,), _ = await again(partial(store.read, version, (SET_UP,)))
    if kept is None:
        return None, Protocol.ours()
    mark = msgspec.json.decode(kept, type=_Mark)
    if mark.protocol not in PROTOCOLS:
        known = f"is kept by the protocol '{mark.protocol}', which this code does not know"
        raise OtherProtocol(store, known, "go on with the code that wrote it")
    return mark.shape, PROTOCOLS[mark.protocol]()


async def belongs(
    store: AsyncStore, version: int, application: str, protocol: Protocol
) -> _Mark | None:
    """The mark in a store that is new, or that of ``application`` with ``protocol``.

    :raises OtherApplication: it is another's.
    :raises OtherProtocol: it is another's.
    """
    values, (first,) = await store.read(version, (SET_UP,), ((*_EVERYTHING, 2),))
    mark = None if values[0] is None else msgspec.json.decode(values[0], type=_Mark)
    remedy = f"give another place for the data of {application!r}"
    if mark is None and any(key != SECRET for key, _ in first):
        raise OtherApplication(store, "holds data, but was not set up for any application", remedy)
    if mark is not None and mark.application != application:
        trouble = f"was set up for the application {mark.application!r}, not {application!r}"
        raise OtherApplication(store, trouble, remedy)
    if mark is not None and mark.protocol != protocol.name:
        trouble = f"was set up for the protocol '{mark.protocol}', not '{protocol.name}'"
        remedy = f"run it with '{mark.protocol}', or give another place for the data"
        raise OtherProtocol(store, trouble, remedy)
    return mark


async def _see_shape(
    store: AsyncStore, version: int, mark: _Mark, shape: Shape, protocol: Protocol
) -> None:
    """See that the application fits the data, and keep what will be of them.

    :raises OtherShape: it does not.
    """
    before = mark.shape or shape
    misfits = fit(before, shape)
    suspects = {misfit.field for misfit in misfits} | before.fields.keys() - shape.fields.keys()
    empty = {name for name in sorted(suspects) if await _is_empty(store, version, name, protocol)}
    there = [misfit for misfit in misfits if misfit.field not in empty]
    if there:
        raise OtherShape(store, "does not fit the code: " + "; ".join(map(str, there)), _RESHAPE)
    now = merged(before, shape, frozenset(empty))
    for name in sorted((now.left.keys() - before.left.keys()) & before.fields.keys()):
        _log.warning("%s: %s is not declared any more; its data stay where they are", store, name)
    if now != mark.shape:
        changed = _Mark(mark.application, shape=now, protocol=mark.protocol)
        await store.commit(version, [point(SET_UP)], [_set(changed)])


async def _is_empty(store: AsyncStore, version: int, field: str, protocol: Protocol) -> bool:
    """Whether nothing of a field is stored; there may be something that holds nothing."""
    begin, end = field_range(protocol.section, *field.split(".", 1))
    while True:
        _, (pairs,) = await store.read(version, (), ((begin, end, _PAGE),))
        if protocol.data(dict(pairs)):
            return False
        if len(pairs) < _PAGE:
            return True
        begin = pairs[-1][0] + b"\x00"


def _set(mark: _Mark) -> Set:
    return Set(SET_UP, msgspec.json.encode(mark))


def _pieces(pairs: Mapping[bytes, bytes]) -> Iterator[list[Mutation]]:
    """Transactions for the pairs, one at least."""
    piece: list[Mutation] = []
    size = 0
    for key, value in sorted(pairs.items()):
        write = Set(key, value)
        more = transaction_size((), (write,))
        if piece and size + more > _PIECE:
            yield piece
            piece, size = [], 0
        piece.append(write)
        size += more
    yield piece


def _fingerprint(pairs: Mapping[bytes, bytes]) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(pairs.items()):
        digest.update(b"%d %b%d %b" % (len(key), key, len(value), value))
    return digest.hexdigest()
