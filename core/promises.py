"""Promises: requests that are taken over from a client who does not wait for the answer.

A client that asks for a long request need not keep a connection. It is promised that the request
is completed, in one commit before anything else happens: the request's origin, under which it can
be looked at for as long as its key holds, and with it the intent of a tree that has begun with
nothing yet (rule 5). From there on all is as after a crash: whoever is up drives it to its end.
A tree that has left something already has its intent, or none because it is complete: then there
is only the origin to be kept.

What became of it is not recorded here. An unfinished tree has an intent, rests, or is set aside
(:class:`Standing`); a finished one answers whoever asks again, as it does for any key (rule 4).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from core.entries import read_entries
from core.errors import Expired, IdReused
from core.journal import METHOD_END, Intent, decode_aside, decode_intent, encode_intent, in_chunks
from core.layout import (
    INTENTS,
    RESTING,
    SET_ASIDE,
    WATERMARK,
    client_key,
    intent_key,
    intent_range,
    promised_key,
    promised_range,
    resting_range,
    set_aside_range,
    tree_range,
)
from core.lines import places
from core.messages import Origin
from core.ports import Commit, Effect, Read, ReadVersion
from core.readable import awaited_by
from core.store import KeyRange, Pairs

__all__ = ["DONE", "STATES", "Standing", "look", "promise", "root_of_known_key", "unfinished"]

STATES = {"running": INTENTS, "sleeping": RESTING, "set-aside": SET_ASIDE}
"""What an unfinished request may be, and the section where it then stands."""
DONE = "done"
_MAY_WAIT = ("running", "sleeping")
_PAGE = 500


class Standing(NamedTuple):
    """What is known of a request.

    :ivar state: one of STATES, or ``done``: it answers who asks again.
    :ivar promised: whether it can be looked at when it is done, too.
    :ivar until: of one that sleeps: when it is woken, in Unix nanoseconds; ``waits``: for what it
        waits, as a person reads it.
    :ivar lines: where it waits in line, itself and what it has called (:mod:`core.lines`).
    :ivar why: of one set aside: the reason; ``cause`` its kind, ``since`` when, as ``until``.
    """

    root: bytes
    origin: Origin
    state: str
    promised: bool = False
    until: int = 0
    why: str = ""
    cause: str = ""
    since: int = 0
    waits: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def promise(root: bytes, origin: Origin, name: str = "promise") -> Generator[Effect, Any, None]:
    """Promise that a request is completed, whoever else is doing so.

    :raises Expired: it is older than what is remembered.
    :raises IdReused: another request was promised under this id.
    :raises Conflict: something happened to it meanwhile: try again.
    :raises StoreError: the store did not answer; or (Unknown) perhaps it is done.
    """
    version = yield ReadVersion()
    traces = intent_range(root), resting_range(root), set_aside_range(root), tree_range(root)
    (watermark,), (promised, *left) = yield Read(
        name, version, (WATERMARK,), ((*promised_range(root), 0), *((*each, 1) for each in traces))
    )
    if watermark is not None and root < watermark:
        raise Expired("the request is older than what is remembered")
    if promised:
        if decode_intent(_whole(promised)).origin != origin:
            raise IdReused("the id was used for another request")
        return
    kept = encode_intent(Intent(origin))
    mutations = in_chunks(promised_key(root), kept)
    reads = [promised_range(root)]  # which retention writes with the watermark
    if not any(left):
        mutations += in_chunks(intent_key(root), kept)
        reads += traces
    yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)


def root_of_known_key(text: bytes, name: str = "known key") -> Generator[Effect, Any, bytes | None]:
    """The root id that a client's key stands for; None: it stands for none so far.

    :raises StoreError: the store did not answer.
    """
    version = yield ReadVersion()
    values, _ = yield Read(name, version, (client_key(text),))
    found: bytes | None = values[0]
    return found


def look(root: bytes, name: str = "look") -> Generator[Effect, Any, Standing | None]:
    """What is known of a request; None: it was not promised, and is not unfinished.

    :raises StoreError: the store did not answer.
    """
    version = yield ReadVersion()
    asked = promised_range(root), *(each(root) for each in (set_aside_range, resting_range))
    _, (promised, aside, resting, intent) = yield Read(
        name, version, (), tuple((*each, 0) for each in (*asked, intent_range(root)))
    )
    if aside and not decode_aside(_whole(aside)).resumed:
        found = _standing(root, "set-aside", _whole(aside))
    elif resting:
        found = _standing(root, "sleeping", _whole(resting))
    elif intent:
        found = _standing(root, "running", _whole(intent))
    elif promised:
        found = _standing(root, DONE, _whole(promised))
    else:
        return None
    found = found._replace(promised=bool(promised))
    if found.state in _MAY_WAIT:
        waits = yield from places(root, name)
        found = found._replace(lines=tuple(waits.get(root, ())))
    return found


def unfinished(
    state: str, part: KeyRange | None = None, name: str = "unfinished"
) -> Generator[Effect, Any, tuple[list[Standing], KeyRange | None]]:
    """Requests in a state of STATES, in the order in which they began: one page of them.

    :param part: where to go on; None: from the beginning.
    :returns: them, and where to go on; None: there are no more.
    :raises StoreError: the store did not answer.
    """
    version = yield ReadVersion()
    entries, rest = yield from read_entries(version, [part or STATES[state]], _PAGE, name)
    found = [_standing(root, state, data) for root, data in entries.items()]
    found = [each for each in found if each.state == state]
    if state in _MAY_WAIT:
        roots = sorted(each.root for each in found)
        waits = (yield from places(name=name, among=KeyRange(roots[0], roots[-1]))) if roots else {}
        found = [each._replace(lines=tuple(waits.get(each.root, ()))) for each in found]
    return found, rest[0] if rest else None


def _standing(root: bytes, state: str, data: bytes) -> Standing:
    """What an entry of a state's section says."""
    if state != "set-aside":
        intent = decode_intent(data)
        waits = tuple(map(awaited_by, intent.waiters))
        return Standing(root, intent.origin, state, until=intent.until, waits=waits)
    note = decode_aside(data)
    state = "running" if note.resumed else state
    return Standing(root, note.origin, state, why=note.reason, cause=note.cause, since=note.since)


def _whole(pairs: Pairs) -> bytes:
    return b"".join(value for _, value in pairs)
