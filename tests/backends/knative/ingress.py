"""An ingress as Knative's: one address for many hosts, told apart by the Host header."""

import asyncio
import socket
import threading

from backends.runtime.http import Client, Outgoing, Server

HOST = "hotel-gateway.default.example.com"


class Ingress:
    """Sends on what is for ``host`` to ``target``; answers all else with 404, as Envoy does.

    :ivar url: its address.
    :ivar hosts: of all requests, in order.
    """

    def __init__(self, target, host=HOST):
        self._target, self._host = target, host
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.hosts = []

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(started),))
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_error):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, started):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        client = Client()

        async def handle(incoming):
            self.hosts.append(incoming.headers.get("host"))
            if incoming.headers.get("host") != self._host:
                return Outgoing(404)
            url = self._target + incoming.path
            status, _, body = await client.request(incoming.method, url, incoming.body)
            return Outgoing(status, body)

        server = Server(handle, self._listener, 1 << 26)
        await server.start()
        started.set()
        await self._stop.wait()
        await server.stop(0.5)
        await client.close()
