"""An application that is up, in processes of its own, to be asked, killed and ended."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests.patience import patience, until

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "backends.local")
NOT_OF_USERS = ("MU2SLS_WIRE_KEY", "PYTHONUNBUFFERED")
"""Variables that would change what is tested."""


def environment(**others):
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OF_USERS}
    return {**kept, "COLUMNS": "200", **others}


def command(*words, cwd=ROOT, **others):
    """Run a command to its end."""
    env = environment(PYTHONPATH=str(ROOT), **others)
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=patience(), check=False,
    )  # fmt: skip


def alive(pid):
    """Whether a process lives; one that ended and was not asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def session(leader):
    """The living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def connections(port):
    """How many connections those of this machine have to a port of it."""
    return sum(peer.endswith(f":{port:04X}") for _, peer, _ in _connections())


def unread(port):
    """How many bytes came to a port of this machine that nobody has read."""
    waiting = [queue for own, _, queue in _connections() if own.endswith(f":{port:04X}")]
    return sum(int(queue.partition(":")[2], 16) for queue in waiting)


def _connections():
    """Own address, that of the peer, and how much is to be sent and read, in hexadecimal."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    sockets = [line.split()[1:5] for line in lines]
    return [(own, peer, queue) for own, peer, state, queue in sockets if state == "01"]


class Call:
    """What became of a call. ``status`` 0: no answer."""

    def __init__(self, status, body, headers=None):
        self.status, self.headers = status, headers or {}
        self.text = body.decode()
        self.value = json.loads(body) if body else None

    @property
    def outcome(self):
        if self.status in (0, 200):
            return "done" if self.status else "indefinite"
        return self.value["outcome"]

    @property
    def answer(self):
        """What must be the same for the same key."""
        if self.status == 200:
            return 200, self.text
        return self.status, self.value.get("exception"), self.value.get("detail")


class Up:
    """``up``, running. ``end`` leaves nothing of it, whatever happened."""

    def __init__(self, app, data, *options, env=None, program=COMMAND, **popen):
        self.data = Path(data)
        self.log = self.data.parent / f"{self.data.name}-{uuid4().hex[:8]}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*program, "up", str(app), "--port", "0", "--data", str(data), *options],
                cwd=ROOT, env=environment(**(env or {})), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, **popen,
            )  # fmt: skip
        self.pid = self.process.pid
        try:
            until(
                lambda: "is up at" in self.output() or self.process.poll() is not None,
                lambda: f"{app} to be up, which says: {self.output()}",
            )
            assert self.process.poll() is None, self.output()
            self.url = re.search(r"is up at (http://\S+)", self.output())[1]
            self.port = int(self.url.rpartition(":")[2])
        except BaseException:
            self.end()
            raise

    def output(self):
        return self.log.read_text()

    def state(self):
        return json.loads((self.data / "up.json").read_text())

    def nodes(self):
        """Process ids by name."""
        return {node["name"]: node["pid"] for node in self.state()["nodes"]}

    @contextlib.contextmanager
    def stopped(self, name):
        """A node stands still inside; a call to it is under way until it goes on."""
        pid = self.nodes()[name]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def calls(self, service):
        """How many connections others have to the nodes of a service."""
        return connections(int(self.state()["addresses"][service].rpartition(":")[2]))

    def refuses(self):
        """Whether it takes no connections; one that it had not taken yet may be reset."""
        try:
            self.request("GET", "/healthz")
        except ConnectionRefusedError:
            return True
        except (ConnectionResetError, http.client.RemoteDisconnected):
            pass
        return False

    def members(self):
        """Every living process of it."""
        return session(self.pid)

    def kill(self, name):
        """SIGKILL a node: its process id."""
        pid = self.nodes()[name]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return pid

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self):
        """The status with which it ends by itself."""
        until(
            lambda: self.process.poll() is not None,
            lambda: f"the end of {self.members()}, which says: {self.output()[-2_000:]}",
        )
        return self.process.returncode

    def end(self):
        self.process.kill()
        self.process.wait()

        def are_gone():
            for pid in self.members():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.members()

        until(are_gone, lambda: f"the end of {self.members()}, which were killed")

    # --- clients

    def request(self, method, path, body=b"", headers=None, port=None):
        """One HTTP request; raises what :mod:`http.client` raises."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=patience())
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read()
        finally:
            connection.close()

    def once(self, target, *args, key=None, seconds=30):
        """Call a method once."""
        headers = {"Content-Type": "application/json", "Request-Timeout": str(seconds)}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            status, found, body = self.request("POST", f"/{target}", json.dumps(args), headers)
        except (OSError, http.client.HTTPException):
            return Call(0, b"")
        return Call(status, body, found)

    def call(self, target, *args, key=None):
        """Call a method until it is known what became of it."""
        key = key or uuid4().hex
        done = None

        def is_known():
            nonlocal done
            done = self.once(target, *args, key=key)
            return done.outcome in ("done", "raised") or done.status in range(400, 500)

        until(is_known, lambda: f"an answer of {target}, which said {done.status} {done.text}")
        return done
