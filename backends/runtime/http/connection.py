"""One client's connection, where the library leaves open what is to happen.

*Heads in time.* From the first byte of a request's head to its last there is a limit, whatever
trickles in between. A connection on which nothing arrives is idle, and may be for long.

*Half-closed.* A client that says it will send no more still hears the answers to what it has sent
whole. A body that it left unfinished is refused; and when nothing is left, the connection closes.

*What is not HTTP* is answered as any refusal is, not in the library's own words: those repeat what
was sent, and are no problem documents.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader

from backends.runtime.http.messages import Outgoing, Refusing

__all__ = ["FIELD_LIMIT", "URL_LIMIT", "Connection", "break_off", "response_of"]

URL_LIMIT = 8_192
"""Bytes of a request's URL."""
FIELD_LIMIT = 8_190
"""Bytes of one header, name and value. It is another number than that of the URL, as the library
says by nothing else which of the two was too long."""

_HEAD_ARRIVES = 20.0
"""Seconds for a head to arrive, from its first byte."""


class Connection(web.RequestHandler):
    """A connection of a :class:`backends.runtime.http.server.Server`.

    :param refusing: makes the answer to what reaches no handler.
    :param options: the library's.
    :ivar reading: the body that is being read; None: no body is.
    :ivar is_half_closed: whether the client sends nothing more.
    """

    __slots__ = ("_late", "_refusing", "is_half_closed", "reading")

    def __init__(self, manager: web.Server, refusing: Refusing, **options: Any) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            max_line_size=URL_LIMIT,
            max_field_size=FIELD_LIMIT,
            **options,
        )
        self._refusing = refusing
        self._late: asyncio.TimerHandle | None = None
        self.reading: StreamReader | None = None
        self.is_half_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether no request has arrived that is not answered yet."""
        return self._waiter is not None and not self._waiter.done()

    def head_arrived(self) -> None:
        """A request's head is there: it is not late."""
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def close_if_done(self) -> None:
        """Close, if the client sends nothing more and all it sent is answered."""
        if self.is_half_closed and self.is_idle:
            self.force_close()

    # --- what the event loop calls

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        super().data_received(data)
        if self._late is None and self.reading is None:  # it may be of a head
            self._late = asyncio.get_running_loop().call_later(_HEAD_ARRIVES, self._is_late)

    def eof_received(self) -> bool:  # type: ignore[override]  # the event loop looks at it
        """Go on while there is something to answer: whether there is."""
        self.is_half_closed = True
        if self.reading is not None:
            break_off(self.reading)
        return not self.is_idle

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give up."""
        self.head_arrived()
        super().connection_lost(exc)

    def _is_late(self) -> None:
        self._late = None
        if self.is_idle and self.transport is not None:
            outgoing = self._refusing(408, "the head came too slowly")
            self.transport.write(_raw(outgoing))
            self.force_close()

    # --- what the library calls

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not HTTP; a stranger must not fill the log with it."""
        if not isinstance(exc, HttpProcessingError) or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        response = response_of(self._refusing(*_refused(exc)))
        response.force_close()
        return response


def break_off(body: StreamReader) -> None:
    """Let who reads a body know that no more of it comes, unless all of it is there."""
    if not body.is_eof():
        body.set_exception(web.RequestPayloadError("half-closed"))
        body.feed_eof()  # or the library would wait for the rest, to throw it away


def response_of(outgoing: Outgoing) -> web.Response:
    """The library's response."""
    headers = {"Content-Type": outgoing.content_type, "Server": "mu2sls", **outgoing.headers}
    return web.Response(status=outgoing.status, body=outgoing.body, headers=headers)


def _refused(error: HttpProcessingError) -> tuple[int, str]:
    if isinstance(error, LineTooLong):
        if error.args[1] == URL_LIMIT:
            return 414, f"the URL has more than {URL_LIMIT} bytes"
        return 431, f"a header has more than {FIELD_LIMIT} bytes"
    return 400, "this is not HTTP/1.1"


def _raw(outgoing: Outgoing) -> bytes:
    headers = {"Content-Type": outgoing.content_type, "Server": "mu2sls", **outgoing.headers}
    headers |= {"Content-Length": str(len(outgoing.body)), "Connection": "close"}
    head = f"HTTP/1.1 {outgoing.status} {HTTPStatus(outgoing.status).phrase}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}{lines}\r\n".encode() + outgoing.body
