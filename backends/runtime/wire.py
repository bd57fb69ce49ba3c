"""Envelopes: what nodes send each other, sealed so that no stranger can make one.

An envelope is a MAC, then a msgpack body::

    HMAC-SHA256(key, body)  32 bytes
    body                    [wire version, Unix ns, nonce, message]

What has more than SMALL bytes comes with a *pass*, a header that shows before the body is read that
a node sends it, and how large it is: so a stranger's large body is never held. A smaller one has
arrived as soon as a pass, and is refused by its MAC::

    version.Unix ns.bytes.nonce.HMAC-SHA256(key, what stands before)

The nonce of an answer is that of its call, so an answer fits one call only. What is older
than WINDOW seconds, or was seen before, is refused; a request that slips through to another
worker all the same runs once, since it has an id. User values inside messages are the codec's
bytes already. Nothing is pickled.
"""

from __future__ import annotations

import hmac
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from core.errors import MuError
from core.messages import Reply, Request

__all__ = [
    "KEY_BYTES",
    "MAC_BYTES",
    "PASS_HEADER",
    "SMALL",
    "WINDOW",
    "WIRE_VERSION",
    "Answer",
    "Answered",
    "Asked",
    "Call",
    "Forged",
    "Malformed",
    "OtherVersion",
    "Stale",
    "Wire",
    "WireError",
]

WIRE_VERSION = 1
PASS_HEADER = "mu2sls-pass"
SMALL = 65_536
"""Bytes of an envelope that needs no pass: about what arrives together with the head."""
WINDOW = 30.0
"""Seconds for which an envelope is good, before and after the receiver's clock."""
KEY_BYTES = 16
"""The shortest key."""
MAC_BYTES = 32
_NONCE_BYTES = 12

_T = TypeVar("_T")


class Call(msgspec.Struct, frozen=True, array_like=True, tag="call"):
    """One try of a request."""

    request: Request


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """How a try ended.

    :ivar notes: what those who watch a run want to come along with the reply; else empty.
    """

    reply: Reply
    notes: list[bytes] = []


class Asked(msgspec.Struct, frozen=True, array_like=True, tag="asked"):
    """A question that is no call: whoever asks and answers knows what ``body`` is."""

    body: bytes


class Answered(msgspec.Struct, frozen=True, array_like=True, tag="answered"):
    """The answer to a question that is no call."""

    body: bytes


class WireError(MuError):
    """An envelope is refused.

    :cvar status: the HTTP status that says so.
    """

    status = 400


class Malformed(WireError):
    """It is cut off, or no envelope at all."""


class OtherVersion(WireError):
    """Its sender speaks another version of the wire."""


class Forged(WireError):
    """It was not sealed with our key."""

    status = 401


class Stale(WireError):
    """It is too old, comes from the future, was seen before, or belongs to another call."""

    status = 401


class _Body(msgspec.Struct, array_like=True):
    version: int
    time: int
    nonce: bytes
    message: msgspec.Raw


class Wire:
    """Seals and opens envelopes with one key.

    :param key: a secret of at least KEY_BYTES bytes, alike in all nodes.
    :param now: the clock, Unix time in nanoseconds.
    :raises MuError: the key is too short.
    """

    def __init__(self, key: bytes, now: Callable[[], int] = time.time_ns) -> None:
        if len(key) < KEY_BYTES:
            raise MuError(
                f"the wire key has {len(key)} bytes: give at least {KEY_BYTES} random ones, such "
                "as those that `openssl rand -hex 32` prints"
            )
        self._key = key
        self._now = now
        self._encode = msgspec.msgpack.Encoder().encode
        self._body = msgspec.msgpack.Decoder(_Body).decode
        self._call = msgspec.msgpack.Decoder(Call).decode
        self._answer = msgspec.msgpack.Decoder(Answer).decode
        self._asked = msgspec.msgpack.Decoder(Asked).decode
        self._answered = msgspec.msgpack.Decoder(Answered).decode
        self._seen: set[bytes] = set()
        self._order: deque[tuple[int, bytes]] = deque()

    def seal(
        self, message: Call | Answer | Asked | Answered, nonce: bytes = b""
    ) -> tuple[bytes, bytes]:
        """An envelope with ``message``, and its nonce.

        :param nonce: for an answer, that of its call.
        """
        nonce = nonce or os.urandom(_NONCE_BYTES)
        raw = msgspec.Raw(self._encode(message))
        body = self._encode(_Body(WIRE_VERSION, self._now(), nonce, raw))
        return hmac.digest(self._key, body, "sha256") + body, nonce

    def passes(self, envelope: bytes) -> dict[str, str]:
        """The headers to send an envelope with: its pass, if it needs one."""
        if len(envelope) <= SMALL:
            return {}
        nonce = os.urandom(_NONCE_BYTES).hex()
        said = f"{WIRE_VERSION}.{self._now()}.{len(envelope)}.{nonce}"
        return {PASS_HEADER: f"{said}.{self._mac_of_pass(said)}"}

    def admit(self, headers: Mapping[str, str]) -> int:
        """How many bytes an envelope may have that comes with ``headers``; a pass is good once.

        :raises WireError: the pass is refused.
        """
        given = headers.get(PASS_HEADER)
        if given is None:
            if int(headers.get("content-length", "0")) > SMALL:
                raise Forged(f"an envelope of more than {SMALL} bytes comes with a pass")
            return SMALL
        said, _, mac = given.rpartition(".")
        if not hmac.compare_digest(self._mac_of_pass(said).encode(), mac.encode()):
            raise Forged("the pass was not made with this application's key")
        version, _, rest = said.partition(".")
        _refuse_version(int(version))
        sealed, size, nonce = rest.split(".")
        self._refuse_age(int(sealed))
        self._refuse_replay(b"pass" + nonce.encode())
        return int(size)

    def _mac_of_pass(self, said: str) -> str:
        return hmac.digest(self._key, b"pass " + said.encode(), "sha256").hex()

    def open_call(self, data: bytes) -> tuple[Call, bytes]:
        """The call in an envelope, and its nonce; the same envelope opens once only.

        :raises WireError: it is refused.
        """
        return self._open_new(data, self._call)

    def open_asked(self, data: bytes) -> tuple[Asked, bytes]:
        """The question in an envelope, as :meth:`open_call` opens a call.

        :raises WireError: it is refused.
        """
        return self._open_new(data, self._asked)

    def open_answer(self, data: bytes, nonce: bytes) -> Answer:
        """The answer in an envelope, to the call with ``nonce``.

        :raises WireError: it is refused.
        """
        return self._open_reply(data, nonce, self._answer)

    def open_answered(self, data: bytes, nonce: bytes) -> Answered:
        """The answer in an envelope, to the question with ``nonce``.

        :raises WireError: it is refused.
        """
        return self._open_reply(data, nonce, self._answered)

    def _open_new(self, data: bytes, decode: Callable[[Any], _T]) -> tuple[_T, bytes]:
        body = self._open(data)
        self._refuse_replay(body.nonce)
        return self._message(decode, body), body.nonce

    def _open_reply(self, data: bytes, nonce: bytes, decode: Callable[[Any], _T]) -> _T:
        body = self._open(data)
        if body.nonce != nonce:
            raise Stale("the envelope answers another call")
        return self._message(decode, body)

    def _open(self, data: bytes) -> _Body:
        if len(data) <= MAC_BYTES:
            raise Malformed(f"an envelope has more than {MAC_BYTES} bytes, this one {len(data)}")
        view = memoryview(data)
        sealed = view[MAC_BYTES:]
        if not hmac.compare_digest(hmac.digest(self._key, sealed, "sha256"), view[:MAC_BYTES]):
            raise Forged("the envelope was not sealed with this application's key")
        body = self._message(self._body, sealed)
        _refuse_version(body.version)
        self._refuse_age(body.time)
        return body

    def _refuse_age(self, sealed: int) -> None:
        if abs(self._now() - sealed) > WINDOW * 1e9:
            raise Stale(
                f"the envelope was sealed more than {WINDOW:g} seconds ago, or in the future: "
                "compare the clocks of the machines"
            )

    def _refuse_replay(self, nonce: bytes) -> None:
        now, seen, order = self._now(), self._seen, self._order
        while order and order[0][0] < now:
            seen.discard(order.popleft()[1])
        if nonce in seen:
            raise Stale("the envelope was opened before")
        seen.add(nonce)
        order.append((now + int(2 * WINDOW * 1e9), nonce))

    @staticmethod
    def _message(decode: Callable[[Any], _T], body: _Body | memoryview) -> _T:
        try:
            return decode(body.message if isinstance(body, _Body) else body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Malformed(f"the envelope does not decode: {error}") from None


def _refuse_version(version: int) -> None:
    if version != WIRE_VERSION:
        raise OtherVersion(
            f"the sender speaks version {version} of the wire and this node version "
            f"{WIRE_VERSION}: run the same release of mu2sls everywhere"
        )
