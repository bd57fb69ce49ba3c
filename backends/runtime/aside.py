"""Requests set aside, for a person: listed, and taken up again once the code was mended.

Who can open the store asks it (:class:`Asides`). Everybody else who has the wire's key asks the
gateway (:class:`RemoteAsides`), by sealed envelopes that it hands on to the former.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from backends.runtime.host import Host
from backends.runtime.http import Broken, Client, Incoming, Outgoing, Unreachable, plain_text
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Answered, Asked, Wire, WireError
from core.aside import Noted, notes, resume
from core.errors import Conflict, MuError, TooOld, Unknown

__all__ = [
    "ASIDE_PATH",
    "Asides",
    "AsidesService",
    "Desk",
    "NotSetAside",
    "RemoteAsides",
    "describe",
    "shown_id",
    "take_up",
    "waiting",
]

ASIDE_PATH = "/aside"
"""Where the gateway takes questions about what is set aside."""

_TIMEOUT = 20.0


class NotSetAside(MuError):
    """There is no such request, or it is taken up again already."""


class Desk(Protocol):
    """Where requests set aside wait."""

    async def notes(self) -> list[Noted]:
        """All of them, and those resumed lately.

        :raises MuError: nobody can say.
        """

    async def resume(self, root: bytes) -> bool:
        """Take one up again; whether it was set aside.

        :raises MuError: it is not known whether that happened.
        """


class Asides:
    """In a store that is open."""

    def __init__(self, store: AsyncStore, settings: Settings) -> None:
        self._host = Host.of_store(store, settings)

    async def notes(self) -> list[Noted]:
        """See :class:`Desk`."""
        found: list[Noted] = await self._host.maintain(notes())
        return found

    async def resume(self, root: bytes) -> bool:
        """See :class:`Desk`."""
        last: MuError | None = None
        for _ in range(self._host.settings.attempts):
            try:
                done: bool = await self._host.maintain(resume(root, time.time_ns()))
            except (Conflict, TooOld) as error:
                last = error
                continue
            except Unknown as error:  # then the next look finds it resumed
                last = error
                continue
            return done or isinstance(last, Unknown)
        raise last or AssertionError("it is tried at least once")


class _Notes(msgspec.Struct, array_like=True, tag="notes"):
    pass


class _Resume(msgspec.Struct, array_like=True, tag="resume"):
    root: bytes


class _Trouble(msgspec.Struct, array_like=True, tag="trouble"):
    text: str


class _Told(msgspec.Struct, array_like=True, tag="told"):
    notes: list[Noted] = []
    resumed: bool = False


_encode = msgspec.msgpack.encode
_question = msgspec.msgpack.Decoder(_Notes | _Resume).decode
_answer = msgspec.msgpack.Decoder(_Told | _Trouble).decode


class AsidesService:
    """Answers sealed questions (:data:`backends.runtime.http.Handler`)."""

    def __init__(self, desk: Desk, wire: Wire) -> None:
        self._desk = desk
        self._wire = wire

    async def handle(self, incoming: Incoming) -> Outgoing:
        """The answer to one envelope."""
        try:
            asked, nonce = self._wire.open_asked(incoming.body)
            question = _question(asked.body)
        except WireError as error:
            return plain_text(error.status, str(error))
        except msgspec.MsgspecError as error:
            return plain_text(400, str(error))
        answer: _Told | _Trouble
        try:
            if isinstance(question, _Resume):
                answer = _Told(resumed=await self._desk.resume(question.root))
            else:
                answer = _Told(notes=await self._desk.notes())
        except MuError as error:
            answer = _Trouble(str(error))
        envelope, _ = self._wire.seal(Answered(_encode(answer)), nonce)
        return Outgoing(200, envelope)


class RemoteAsides:
    """Behind a gateway.

    :param url: the gateway's base URL.
    """

    def __init__(self, client: Client, url: str, wire: Wire) -> None:
        self._client = client
        self._url = url.rstrip("/") + ASIDE_PATH
        self._wire = wire

    async def notes(self) -> list[Noted]:
        """See :class:`Desk`."""
        return (await self._ask(_Notes())).notes

    async def resume(self, root: bytes) -> bool:
        """See :class:`Desk`."""
        return (await self._ask(_Resume(root))).resumed

    async def _ask(self, question: _Notes | _Resume) -> _Told:
        envelope, nonce = self._wire.seal(Asked(_encode(question)))
        try:
            status, _, body = await self._client.request(
                "POST", self._url, envelope, timeout=_TIMEOUT
            )
        except (Unreachable, Broken) as error:
            raise MuError(f"{self._url}: no answer: {error}") from None
        if status != 200:
            text = body[:500].decode(errors="replace").strip()
            raise MuError(f"{self._url}: status {status}: {text}")
        answer: Any = _answer(self._wire.open_answered(body, nonce).body)
        if isinstance(answer, _Trouble):
            raise MuError(f"{self._url}: {answer.text}")
        told: _Told = answer
        return told


def waiting(found: Sequence[Noted]) -> list[Noted]:
    """Those that nobody has taken up again."""
    return [each for each in found if not each.note.resumed]


async def take_up(desk: Desk, ids: Sequence[str]) -> list[Noted]:
    """Take up again the requests named, or all of them; which they are.

    :raises NotSetAside: one of those named is not set aside; none is taken up.
    """
    found = {each.root: each for each in waiting(await desk.notes())}
    chosen = [_root(text) for text in ids] or list(found)
    for root, text in zip(chosen, ids, strict=False):
        if root not in found:
            raise NotSetAside(f"{text} is not set aside: `status` lists what is")
    return [found[root] for root in chosen if await desk.resume(root)]


def shown_id(root: bytes) -> str:
    """A root id as ``status`` shows it, and as a client gives it for its ``Idempotency-Key``."""
    return str(UUID(bytes=root))


def _root(text: str) -> bytes:
    try:
        return UUID(text).bytes
    except ValueError:
        raise NotSetAside(f"'{text}' is no id of a request: `status` lists them") from None


def describe(noted: Noted) -> list[str]:
    """What a person wants to know of a request set aside, in two lines."""
    note = noted.note
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(note.since / 1e9))
    head = f"{shown_id(noted.root)}  {note.origin.service}.{note.origin.method}  since {since}"
    return [f"{head}  {note.cause}", f"    {note.reason}"]
