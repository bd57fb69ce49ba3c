"""Plays the kubelet: a node whose containers' logs are what a test says they are."""

import ssl
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def certificate(folder):
    """A self-signed certificate and its key for this machine's loopback address."""
    made = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(command, check=True, capture_output=True)
    return made


def secure_server(handler, folder):
    """An HTTPS server on loopback; it has to be shut down."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class Kubelet:
    """One node. ``logs`` has lines by pod; ``following`` what comes later, and when it breaks."""

    def __init__(self, admin, folder):
        self.admin, self.name = admin, f"mu2sls-test-{uuid.uuid4().hex[:8]}"
        self.logs, self.later, self.asked = {}, {}, []
        self.pauses = []
        kubelet = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                url = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                _, _, _namespace, pod, container = url.path.split("/")
                kubelet.asked.append((pod, container, query))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                stamps = query.get("timestamps") == "true"
                for at, line in enumerate(kubelet.lines(pod, query)):
                    if line is None:
                        self.wfile.flush()
                        self.close_connection = True
                        return
                    stamp = f"2026-01-01T00:00:{at:02d}.000000000Z " if stamps else ""
                    data = f"{stamp}{line}\n".encode()
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.write(b"0\r\n\r\n")

        self.server = secure_server(Handler, folder)
        port = self.server.server_port
        admin.ask("POST", "/api/v1/nodes", {"metadata": {"name": self.name}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        admin.ask("PATCH", f"/api/v1/nodes/{self.name}/status", {"status": status})

    def lines(self, pod, query):
        """What is there, and when following what comes: None is a connection that breaks."""
        yield from self.logs.get(pod, [])
        if query.get("follow") == "true" and self.later.get(pod):
            time.sleep(self.pauses.pop(0) if self.pauses else 0.1)
            yield from self.later[pod].pop(0)

    def run(self, pod, labels, lines, *, restarts=0, waiting=None, container="node"):
        """A pod on this node, with a log."""
        self.logs[pod] = lines
        containers = [{"name": container, "image": "x"}, {"name": "queue-proxy", "image": "y"}]
        metadata = {"name": pod, "labels": labels}
        self.admin.create(
            "v1:pods", metadata=metadata, spec={"containers": containers, "nodeName": self.name}
        )
        state = {"waiting": waiting} if waiting else {"running": {}}
        found = {"name": container, "image": "x", "imageID": "", "restartCount": restarts}
        found |= {"ready": not waiting, "state": state}
        body = {"status": {"containerStatuses": [found]}}
        self.admin.ask("PATCH", f"v1:pods/{pod}/status", body)

    def stop(self):
        self.admin.ask("DELETE", f"/api/v1/nodes/{self.name}")
        self.server.shutdown()
        self.server.server_close()
