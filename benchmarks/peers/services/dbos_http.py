"""DBOS's counter behind HTTP: ``python dbos_http.py FOLDER default|wal PORT``, in its environment.

Workflows block, so each runs on a thread of a pool that has room for every client; the header
``Idempotency-Key`` is the workflow's id.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
from dbos_counter import Counters  # type: ignore[import-not-found]  # a script beside this one

__all__ = ["Application"]

_THREADS = 64


class Application:
    """An ASGI application: POST /increment/KEY and /read/KEY, GET /durability."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._pool = ThreadPoolExecutor(_THREADS)

    async def __call__(self, scope: dict[str, Any], _receive: Any, send: Any) -> None:
        """One request; an error in it becomes a 500, which is uvicorn's doing."""
        if scope["type"] != "http":
            return
        what, _, key = scope["path"].lstrip("/").partition("/")
        loop = asyncio.get_running_loop()
        answer: Any
        if what == "increment":
            request = dict(scope["headers"])[b"idempotency-key"].decode()
            answer = await loop.run_in_executor(self._pool, self._counters.increment, key, request)
        elif what == "read":
            answer = await loop.run_in_executor(self._pool, self._counters.read, key)
        else:
            answer = await loop.run_in_executor(self._pool, self._counters.durability)
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _main() -> None:
    folder, journal, port = sys.argv[1:]
    counters = Counters(Path(folder), journal == "wal")
    try:
        uvicorn.run(
            Application(counters),
            host="127.0.0.1",
            port=int(port),
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
    finally:
        counters.close()


if __name__ == "__main__":
    _main()
