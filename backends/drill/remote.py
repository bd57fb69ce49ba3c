"""A store seen from outside: the Store port over sealed envelopes, through the gateway.

Only a node that records offers it (:class:`backends.drill.recording.Recording`), for
whoever runs an experiment on a cluster and has the key: the checks need what the store holds
in the end, and its log of commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from backends.runtime.http import Broken, Client, Incoming, Outgoing, Unreachable, plain_text
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Answered, Asked, Wire, WireError
from core import errors
from core.errors import StoreError, StoreUnavailable, Unknown
from core.store import KeyRange, Keys, Mutation, Ranges, ReadAnswer

__all__ = ["STORE_PATH", "RemoteStore", "StoreService"]

STORE_PATH = "/store"

_TIMEOUT = 10.0
_PAGE = 500
"""Entries of the log in one answer."""


class _ReadVersion(msgspec.Struct, array_like=True, tag="version"):
    pass


class _Read(msgspec.Struct, array_like=True, tag="read"):
    version: int
    keys: list[bytes]
    ranges: list[tuple[bytes, bytes, int]]


class _Commit(msgspec.Struct, array_like=True, tag="commit"):
    version: int
    reads: list[KeyRange]
    mutations: list[Mutation]


class _Log(msgspec.Struct, array_like=True, tag="log"):
    skip: int


class _Refused(msgspec.Struct, array_like=True, tag="refused"):
    kind: str
    text: str


class _Gave(msgspec.Struct, array_like=True, tag="gave"):
    raw: msgspec.Raw


_Question = _ReadVersion | _Read | _Commit | _Log
_encode = msgspec.msgpack.encode
_question = msgspec.msgpack.Decoder(_Question).decode
_answer = msgspec.msgpack.Decoder(_Gave | _Refused).decode
_LogPage = list[tuple[int, bytes]]


class StoreService:
    """Answers questions about a store (:data:`backends.runtime.http.Handler`)."""

    def __init__(self, store: AsyncStore, wire: Wire) -> None:
        self._store = store
        self._wire = wire
        self._log: _LogPage = []

    async def handle(self, incoming: Incoming) -> Outgoing:
        """The answer to one envelope."""
        try:
            asked, nonce = self._wire.open_asked(incoming.body)
            question = _question(asked.body)
        except WireError as error:
            return plain_text(error.status, str(error))
        except msgspec.MsgspecError as error:
            return plain_text(400, str(error))
        answer: _Gave | _Refused
        try:
            answer = _Gave(msgspec.Raw(_encode(await self._do(question))))
        except StoreError as error:
            answer = _Refused(_kind(error), str(error))
        envelope, _ = self._wire.seal(Answered(_encode(answer)), nonce)
        return Outgoing(200, envelope)

    async def _do(self, question: _Question) -> Any:
        store = self._store
        if isinstance(question, _ReadVersion):
            return await store.read_version()
        if isinstance(question, _Read):
            return await store.read(question.version, question.keys, question.ranges)
        if isinstance(question, _Commit):
            return await store.commit(question.version, question.reads, question.mutations)
        if not question.skip or question.skip + _PAGE > len(self._log):
            # Another node may have given the pages before: what is kept here may be older.
            self._log = await store.log()
        return self._log[question.skip : question.skip + _PAGE]


def _kind(error: StoreError) -> str:
    """The name of the port's own error that ``error`` is."""
    return next(each.__name__ for each in type(error).__mro__ if hasattr(errors, each.__name__))


class RemoteStore(AsyncStore):
    """A store behind a gateway.

    :param url: the gateway's base URL.
    """

    def __init__(self, client: Client, url: str, wire: Wire) -> None:
        self._client = client
        self._url = url + STORE_PATH
        self._wire = wire

    async def read_version(self) -> int:
        """See :meth:`core.store.Store.read_version`."""
        version: int = await self._ask(_ReadVersion(), int)
        return version

    async def read(self, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
        """Keys and ranges at one version; see :class:`core.ports.Read`."""
        question = _Read(version, list(keys), list(ranges))
        answer: ReadAnswer = await self._ask(question, ReadAnswer)
        return answer

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        entry: bytes | None = None,
    ) -> int:
        """See :meth:`core.store.Store.commit`; from here, no entry goes into the log."""
        assert entry is None
        question = _Commit(version, list(reads), list(mutations))
        committed: int = await self._ask(question, int, Unknown)
        return committed

    async def log(self) -> list[tuple[int, bytes]]:
        """See :meth:`backends.runtime.store.AsyncStore.log`."""
        found: _LogPage = []
        while True:
            page: _LogPage = await self._ask(_Log(len(found)), _LogPage)
            found += page
            if len(page) < _PAGE:
                return found

    async def close(self) -> None:
        """Nothing is held."""

    async def _ask(
        self, question: _Question, kind: Any, silence: type[StoreError] = StoreUnavailable
    ) -> Any:
        envelope, nonce = self._wire.seal(Asked(_encode(question)))
        try:
            status, _, body = await self._client.request(
                "POST", self._url, envelope, self._wire.passes(envelope), _TIMEOUT
            )
            if status != 200:
                told = body[:300].decode(errors="replace").strip()
                refused = silence if status >= 500 else StoreUnavailable  # perhaps on the way back
                raise refused(f"{self._url} answered {status}: {told}")
            answer = _answer(self._wire.open_answered(body, nonce).body)
        except Unreachable as error:
            raise StoreUnavailable(f"{self._url}: {error}") from None
        except (Broken, WireError) as error:
            raise silence(f"{self._url}: {error}") from None
        if isinstance(answer, _Refused):
            error_class = getattr(errors, answer.kind)
            refusal: StoreError = (
                error_class() if error_class is errors.Conflict else error_class(answer.text)
            )
            raise refusal
        return msgspec.msgpack.decode(answer.raw, type=kind)
