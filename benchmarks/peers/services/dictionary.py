"""A counter in memory: ``python -m benchmarks.peers.services.dictionary PORT``."""

from __future__ import annotations

import sys

from aiohttp import web

__all__ = ["Counters", "application"]


class Counters:
    """Counts in memory, once for each request id for as long as the process lives."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.answers: dict[str, int] = {}

    async def increment(self, key: str, request: str) -> int:
        """Add one to the count of ``key`` and return it, once for each id ``request``."""
        if request not in self.answers:
            self.counts[key] = self.answers[request] = self.counts.get(key, 0) + 1
        return self.answers[request]

    async def read(self, key: str) -> int:
        """The count of ``key``."""
        return self.counts.get(key, 0)


def application(counters: Counters) -> web.Application:
    """The counters behind HTTP."""

    async def increment(request: web.Request) -> web.Response:
        key, header = request.match_info["key"], request.headers["Idempotency-Key"]
        return web.json_response(await counters.increment(key, header))

    async def read(request: web.Request) -> web.Response:
        return web.json_response(await counters.read(request.match_info["key"]))

    async def readyz(_: web.Request) -> web.Response:
        return web.Response()

    made = web.Application()
    made.router.add_post("/increment/{key}", increment)
    made.router.add_post("/read/{key}", read)
    made.router.add_get("/readyz", readyz)
    return made


if __name__ == "__main__":
    web.run_app(
        application(Counters()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        print=lambda _: None,
        access_log=None,
    )
