"""Stands in for an API server where a real one does not do what a test needs: it answers as told.

def handle(request):
    return Answer(429, status("TooManyRequests"), {"Retry-After": "1"})

with StandIn(handle) as server:
    objects = server.objects()
"""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from kubernetes import client

from backends.knative.cluster.access import Access
from backends.knative.cluster.api import Api, Patience
from backends.knative.cluster.objects import Objects

BREAK = object()
"""A piece of a streamed body: the connection breaks here."""


@dataclass
class Asked:
    method: str
    path: str
    query: dict
    body: dict | None
    headers: dict


@dataclass
class Answer:
    """``content`` is JSON data, text, or a list of pieces that are sent one by one."""

    status: int = 200
    content: object = None
    headers: dict = field(default_factory=dict)


def status(code, message, reason="", details=None):
    content = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    content |= {"message": message, "reason": reason, "details": details or {}}
    return Answer(code, content)


def listing(items, version="10"):
    return Answer(200, {"kind": "List", "metadata": {"resourceVersion": version}, "items": items})


def event(kind, item):
    return json.dumps({"type": kind, "object": item}) + "\n"


class StandIn:
    def __init__(self, handle):
        self.asked = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self):
                url = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                query = dict(parse_qsl(url.query))
                asked = Asked(self.command, url.path, query, body, dict(self.headers))
                stand_in.asked.append(asked)
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send(handle(asked))

            def send(self, answer):
                if answer is BREAK:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if isinstance(answer.content, list):
                    self.stream(answer.content)
                    return
                text = answer.content
                if not isinstance(text, str):
                    self.send_header("Content-Type", "application/json")
                    text = json.dumps(text)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def stream(self, pieces):
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    if piece is BREAK:
                        self.wfile.flush()
                        self.close_connection = True
                        return
                    if not piece:
                        continue  # an empty chunk would be the last
                    data = piece.encode()
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.write(b"0\r\n\r\n")

        for method in ("GET", "PATCH", "DELETE", "POST"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.told, self.slept = [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def objects(self, **patience):
        configuration = client.Configuration(host=self.url)
        configuration.retries = False
        access = Access(configuration, "here", "user ada (context test)", self.url)
        return Objects(Api(access, self.told.append, Patience(**patience), self.slept.append))
