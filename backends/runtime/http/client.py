"""Asking: over connections that are kept and used again.

A connection that the peer closed is not used again once the event loop has seen it close, nor one
that was idle for longer than ``_IDLE``, which is far less than a server keeps one. What remains is
the race that HTTP/1.1 leaves: the peer closes, or dies, while the question travels. Then nobody
knows whether it was taken, and the answer is :class:`Broken`. A ``POST`` is never sent twice; a
method that HTTP calls idempotent (``GET``, ``PUT``, ``DELETE``) is sent once more by the library
when its connection breaks without an answer (RFC 9110, section 9.2.2).
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import aiohttp

from backends.runtime.http.messages import Broken, Unreachable, by_lower_case

__all__ = ["Client"]

_IDLE = 15.0
_LARGE = 1 << 20  # above it the library warns of bytes and wants a file

_NOTHING_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


class Client:
    """Asks servers, over connections that are kept. Made, used and closed in one event loop.

    :param connections: the most connections to one server; 0: any number.
    :param limit: the largest answer taken, in bytes; 0: any.
    :param host: the name that an ingress knows the servers by; empty: that of the address.
    """

    def __init__(self, connections: int = 256, limit: int = 0, host: str = "") -> None:
        self._limit = limit
        self._session = aiohttp.ClientSession(
            headers={"Host": host} if host else None,
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=connections, keepalive_timeout=_IDLE
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )

    async def request(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask once: status, headers by lower-case name, body. Redirections are not followed.

        :param timeout: seconds for all of it, connecting included.
        :raises Unreachable: nothing was sent.
        :raises Broken: something may have been sent, and there is no answer, or one over the limit.
        """
        if self._session.closed:
            raise Unreachable("this client is closed")
        try:
            async with self._session.request(
                method,
                url,
                data=body if len(body) <= _LARGE else io.BytesIO(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,
            ) as response:
                answer = await self._read(response)
                return response.status, by_lower_case(response.headers), answer
        except _NOTHING_SENT as error:
            raise Unreachable(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit, declared = self._limit, response.content_length
        if not limit or (declared is not None and declared <= limit):
            return await response.read()
        answer = bytearray()
        if declared is None:
            async for chunk in response.content.iter_any():
                answer += chunk
                if len(answer) > limit:
                    break
        if declared is not None or len(answer) > limit:
            response.close()
            raise Broken(f"the answer has more than {limit} bytes")
        return bytes(answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
