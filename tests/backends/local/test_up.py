"""``up`` from end to end: processes are killed in the middle, and every request happens once."""

import contextlib
import itertools
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from backends.runtime.wire import Call as WireCall
from backends.runtime.wire import Wire
from core.codec import Codec
from core.ids import RequestId, root_id
from core.messages import Origin, Request, Travel
from core.store import Set
from tests.backends.local.running import COMMAND, ROOT, Up, alive, command, environment
from tests.patience import patience, until

pytestmark = pytest.mark.real

CLIENTS = 8
KILLS = 4

SLOW = '''"""A call in another process than the one that is asked."""

from compiler import Persistent, call, service

__all__ = ["Front", "Slow"]


@service
class Slow:
    """Counts naps."""

    def __init__(self) -> None:
        self.naps: Persistent[dict[str, int]] = {}

    def nap(self, name: str) -> int:
        """Count."""
        self.naps[name] = self.naps.get(name, 0) + 1
        return self.naps[name]


@service
class Front:
    """Asks."""

    def nap(self, name: str) -> int:
        """Ask for a nap."""
        return call(Slow.nap, name)
'''


@pytest.fixture
def up(tmp_path):
    """Starts applications, and leaves nothing of them."""
    with contextlib.ExitStack() as stack:

        def start(app, data=None, *options, **others):
            started = Up(app, data or tmp_path / "data", *options, **others)
            stack.callback(started.end)
            return started

        yield start


@pytest.fixture(scope="module")
def hotel(tmp_path_factory):
    running = Up("apps/hotel", tmp_path_factory.mktemp("hotel") / "data", "--workers", "Hotel=2")
    yield running
    running.end()


@pytest.fixture
def slow(tmp_path):
    path = tmp_path / "slow.py"
    path.write_text(SLOW)
    return path


def together(act, items):
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(act, items))


@contextlib.contextmanager
def under_way(running, *names):
    """Naps that have come as far as the node that takes them, which stands still meanwhile."""
    with ThreadPoolExecutor(len(names)) as clients, running.stopped("Slow-0"):
        naps = []
        for count, name in enumerate(names, 1):
            naps.append(clients.submit(running.once, "Front.nap", name, key=name))
            until(lambda count=count: running.calls("Slow") >= count, f"{count} calls of Slow")
        yield naps


# --- a first look


def test_a_call_its_key_and_its_state(hotel):
    before = hotel.call("Hotel.free", "hotel-02").value
    done = hotel.call("Frontend.book", "ada", "flight-02", "hotel-02", key="my first key")
    assert done.status == 200
    again = hotel.call("Frontend.book", "ada", "flight-02", "hotel-02", key="my first key")
    assert again.answer == done.answer
    assert hotel.call("Hotel.free", "hotel-02").value == before - 1
    other = hotel.call("Frontend.book", "bob", "flight-02", "hotel-02", key="my first key")
    assert (other.status, other.outcome) == (422, "definite")
    assert "belongs to another request" in other.text


def test_what_a_method_raises_is_its_answer(hotel):
    key = uuid4().hex
    hotel.call("Hotel.reserve", "hotel-10")
    done = hotel.call("Frontend.book", "ada", "flight-02", "hotel-10", key=key)
    assert (done.status, done.outcome) == (422, "raised")
    assert done.value["exception"] == "TransactionException"
    assert (
        hotel.call("Frontend.book", "ada", "flight-02", "hotel-10", key=key).answer == done.answer
    )


def test_health(hotel):
    for port in (hotel.port, *ports(hotel).values()):
        assert hotel.request("GET", "/healthz", port=port)[0] == 200
        assert hotel.request("GET", "/readyz", port=port)[0] == 200


def test_every_node_is_a_process_of_its_own(hotel):
    nodes = hotel.nodes()
    assert list(nodes) == [
        "Hotel-0", "Hotel-1", "Flight-0", "Order-0", "Frontend-0", "gateway-0", "upkeep-0",
    ]  # fmt: skip
    assert sorted({*nodes.values(), hotel.pid}) == sorted(hotel.members())


# --- kill -9, in mid-request


def book(running, number, hotel="hotel-03"):
    key = f"{hotel} {number}"
    return running.call("Frontend.book", f"guest-{number}", "flight-03", hotel, key=key)


class Striker(threading.Thread):
    """Kills one of the nodes after the other, as soon as they are back, while there is load."""

    def __init__(self, running, *names):
        super().__init__()
        self.running, self.names = running, names
        self.killed, self.over = [], threading.Event()

    def run(self):
        rng = random.Random(0)
        while len(self.killed) < KILLS and not self.over.wait(rng.uniform(0.1, 0.2)):
            name = rng.choice(self.names)
            pid = self.running.nodes().get(name)
            if pid is not None and alive(pid):
                self.running.kill(name)
                self.killed.append((name, pid))
                until(lambda pid=pid: not alive(pid), f"the end of {name}")
        self.over.set()


def load(act, *striker):
    """``act`` for one number after the other, side by side, until enough nodes were killed."""
    striker = Striker(*striker)
    numbers, answers = itertools.count(), {}

    def client():
        while not striker.over.is_set():
            number = next(numbers)
            answers[number] = act(number)

    striker.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            for each in [clients.submit(client) for _ in range(CLIENTS)]:
                each.result()
    finally:
        striker.over.set()
        striker.join()
    return answers, striker.killed


def check_again(act, answers):
    """Asked again with the same keys, everybody is told the same."""
    again = together(act, sorted(answers))
    assert [done.answer for done in again] == [answers[number].answer for number in sorted(answers)]


@pytest.mark.parametrize(
    ("name", "hotel_name"),
    [
        ("Frontend-0", "hotel-12"),
        ("Hotel-0", "hotel-13"),
        ("Order-0", "hotel-14"),
        ("gateway-0", "hotel-15"),
        ("upkeep-0", "hotel-16"),
    ],
)
def test_a_node_is_killed_again_and_again(hotel, name, hotel_name):
    before = hotel.call("Hotel.free", hotel_name).value
    answers, killed = load(lambda number: book(hotel, number, hotel_name), hotel, name)
    assert {done.status for done in answers.values()} == {200}
    assert len({done.text for done in answers.values()}) == len(answers) >= CLIENTS
    check_again(lambda number: book(hotel, number, hotel_name), answers)
    assert hotel.call("Hotel.free", hotel_name).value == before - len(answers)
    assert not any(alive(pid) for _, pid in killed)
    assert f"{name} (process {killed[0][1]}) was killed by signal 9: started anew" in hotel.output()


def test_nothing_is_oversold_whoever_dies(hotel):
    """Ten rooms, any number of guests, and every node is killed meanwhile."""
    answers, _ = load(lambda number: book(hotel, number, "hotel-11"), hotel, *hotel.nodes())
    assert Counter(done.status for done in answers.values())[200] == min(10, len(answers))
    assert {done.status for done in answers.values()} <= {200, 422}
    check_again(lambda number: book(hotel, number, "hotel-11"), answers)
    assert hotel.call("Hotel.free", "hotel-11").value == max(0, 10 - len(answers))


def test_money_is_neither_made_nor_lost(up):
    bank = up("apps/bank")
    accounts = ["north-00", "north-01", "south-00", "south-01"]

    def plan(number):
        rng = random.Random(number)
        return (*rng.sample(accounts, 2), rng.randint(1, 9_000))

    def move(number):
        return bank.call("Bank.transfer", *plan(number), key=f"move {number}")

    answers, _ = load(move, bank, *bank.nodes())
    assert {done.status for done in answers.values()} <= {200, 422}
    check_again(move, answers)
    assert bank.call("Bank.audit").value == 200 * 10_000
    expected = Counter(dict.fromkeys(accounts, 10_000))
    for number, done in answers.items():
        if done.status == 200:
            source, target, amount = plan(number)
            expected[source] -= amount
            expected[target] += amount
    north = 98 * 10_000 + expected["north-00"] + expected["north-01"]
    assert bank.call("North.total").value == north


def test_the_supervisor_is_killed_and_another_goes_on(up):
    first = up("apps/hotel")
    with ThreadPoolExecutor(CLIENTS) as clients:
        under_way = [
            clients.submit(
                first.once,
                "Frontend.book",
                f"guest-{n}",
                "flight-03",
                "hotel-03",
                key=f"hotel-03 {n}",
            )
            for n in range(60)
        ]
        until(lambda: sum(each.done() for each in under_way) > 10, "ten answers")
        first.signal(signal.SIGKILL)
        first.wait()
        second = up("apps/hotel", first.data)
        before = [each.result() for each in under_way]
    assert not first.members()
    assert second.pid != first.pid
    answers = together(lambda number: book(second, number), range(60))
    assert [done.status for done in answers] == [200] * 60
    for early, late in zip(before, answers, strict=True):
        assert early.status != 200 or early.answer == late.answer
    assert second.call("Hotel.free", "hotel-03").value == 100_000 - 60


def test_nodes_leave_when_their_supervisor_is_killed(up):
    running = up("apps/counter")
    nodes = running.nodes().values()
    running.signal(signal.SIGKILL)
    running.wait()
    until(lambda: not any(map(alive, nodes)), "the nodes' end")
    shown = command("status", "--data", running.data)
    assert shown.returncode == 1
    assert "not up" in shown.stdout


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_another_is_started_right_after_one_ended(up, slow, number):
    """It waits for what still leaves, which holds the folder and the port, and says so."""
    first = up(slow)
    told = f" supervisor WARNING {first.data}: waiting for what ran here to end"

    def is_waiting():
        logs = first.data.parent.glob(f"{first.data.name}-*.log")
        return any(told in log.read_text() for log in logs)

    with ThreadPoolExecutor(2) as clients:
        with first.stopped("Slow-0"):
            nap = clients.submit(first.once, "Front.nap", "a", key="a")
            until(lambda: first.calls("Slow"), "the call")
            first.signal(number)  # and nobody asks how it ended, so a killed one stays as a zombie
            starting = clients.submit(up, slow, first.data, "--port", str(first.port))
            until(is_waiting, "the wait")
        second = starting.result()
        assert nap.result().status == (200 if number == signal.SIGTERM else 0)
    assert second.output().count(told) == 1
    assert second.port == first.port
    assert second.call("Front.nap", "a", key="a" if number == signal.SIGKILL else "b").value
    first.wait()
    assert not first.members()


# --- the line to try


POST = '''"""An application that says little of how it is called."""

from compiler import Persistent, service

__all__ = ["Post"]


@service
class Post:
    """Parcels by city."""

    def __init__(self) -> None:
        self.parcels: Persistent[dict[str, int]] = {}

    def send(self, city: str, grams: int, note: str = "") -> int:
        """Take a parcel."""
        self.parcels[city] = grams
        return grams
'''
COUNT = '''
    def count(self) -> int:
        """How many there are."""
        return len(self.parcels)


MIX = {"Post.send": 2, "Post.count": 1}
'''


def tried(running):
    """The address and the arguments of the line that `up` prints."""
    line = until(
        lambda: re.search(r"^  try +(.*)\n", running.output(), re.MULTILINE), "the line to try"
    )
    curl, url, option, data = shlex.split(line[1])
    assert (curl, option) == ("curl", "--json")
    return url.removeprefix(running.url + "/"), json.loads(data)


def test_the_line_to_try_prefers_a_method_whose_arguments_are_known(up, tmp_path, hotel):
    (tmp_path / "post.py").write_text(POST + COUNT)
    running = up(tmp_path / "post.py")
    assert tried(running) == ("Post.count", [])
    assert running.once("Post.count").status == 200
    target, arguments = tried(hotel)
    assert hotel.once(target, *arguments).status == 200


def test_the_line_to_try_names_the_arguments_that_nobody_knows(up, tmp_path):
    (tmp_path / "post.py").write_text(POST)
    assert tried(up(tmp_path / "post.py")) == ("Post.send", ["<city>", "<grams>"])


# --- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_finished(up, slow, number):
    running = up(slow)
    nodes = running.nodes()
    with under_way(running, "a", "b") as naps:
        running.signal(number)
        until(running.refuses, "the end of listening")
        assert running.process.poll() is None
    assert [(nap.result().status, nap.result().value) for nap in naps] == [(200, 1)] * 2
    assert running.wait() == 0
    assert running.output().endswith("stopped\n")
    assert "Traceback" not in running.output()
    assert not any(map(alive, nodes.values()))
    assert not running.members()
    assert not (running.data / "up.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_under_load(up, number):
    running = up("apps/hotel")
    stop, told = threading.Event(), []

    def client(name):
        count = 0
        while not stop.is_set():
            count += 1
            key = f"{name} {count}"
            done = running.once("Frontend.book", key, "flight-04", "hotel-04", key=key)
            told.append((key, done))

    clients = [threading.Thread(target=client, args=(name,)) for name in "abcd"]
    for each in clients:
        each.start()
    until(lambda: len(told) > 20, "twenty answers")
    running.signal(number)
    status = running.wait()
    stop.set()
    for each in clients:
        each.join()
    assert status == 0
    assert running.output().endswith("stopped\n")
    assert "Traceback" not in running.output()
    assert not running.members()
    assert {done.status for _, done in told} <= {200, 503, 0}
    second = up("apps/hotel", running.data)
    for key, done in told[:30] + told[-10:]:
        if done.status == 200:
            again = second.call("Frontend.book", key, "flight-04", "hotel-04", key=key)
            assert again.answer == done.answer
    booked = 100_000 - second.call("Hotel.free", "hotel-04").value
    known = sum(done.status == 200 for _, done in told)
    assert known <= booked <= known + len(clients)


def test_a_signal_to_the_whole_group_as_ctrl_c_sends_it(up, slow):
    running = up(slow)
    with under_way(running, "a") as naps:
        for pid in running.members():
            os.kill(pid, signal.SIGINT)
        until(running.refuses, "the end of listening")
    assert naps[0].result().value == 1
    assert running.wait() == 0
    assert not running.members()


def test_a_second_signal_ends_it_at_once(up, slow):
    running = up(slow)
    with under_way(running, "a") as naps:
        running.signal(signal.SIGTERM)
        until(running.refuses, "the end of listening")
        running.signal(signal.SIGTERM)
        running.wait()
    assert naps[0].result().status == 0
    assert "did not end within" not in running.output()
    assert not running.members()
    assert "Traceback" not in running.output()


def test_a_terminal_that_closes(up, slow):
    """The kernel and the shell tell the whole group, perhaps both of them."""
    running = up(slow)
    with under_way(running, "a") as naps:
        for _ in range(2):
            for pid in running.members():
                os.kill(pid, signal.SIGHUP)
        until(running.refuses, "the end of listening")
    assert naps[0].result().value == 1
    assert running.wait() == 0
    assert not running.members()


def test_nohup(up):
    running = up("apps/counter", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    running.signal(signal.SIGHUP)
    first = running.kill("Counter-0")
    until(lambda: running.nodes().get("Counter-0", first) != first, "another Counter-0")
    assert running.call("Counter.increment", "a").value == 1
    assert running.process.poll() is None


@pytest.mark.parametrize("deaf", ["disk", "pipe"])
def test_nodes_go_on_when_nobody_hears_what_is_told(tmp_path, deaf):
    """Standard output is on a full disk, or a pipe whose reader left."""
    data, errors = tmp_path / "data", tmp_path / "errors"
    if deaf == "disk":
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "up", "apps/counter", "--port", "0", "--data", str(data)],
            cwd=ROOT, env=environment(), stdout=output, stderr=log,
        )  # fmt: skip
    os.close(output)
    try:
        until((data / "up.json").exists, "the nodes")
        first = json.loads((data / "up.json").read_text())["nodes"][0]["pid"]
        os.kill(first, signal.SIGKILL)
        until(
            lambda: json.loads((data / "up.json").read_text())["nodes"][0]["restarts"] == 1,
            "another node in its place",
        )
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(patience())
    assert "Traceback" not in errors.read_text()
    assert not (data / "up.json").exists()


def test_a_stopped_node_does_not_hold_up_the_end(up):
    running = up("apps/counter")
    os.kill(running.nodes()["Counter-0"], signal.SIGSTOP)
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    assert "did not end within" not in running.output()
    assert not running.members()


def test_a_node_that_is_told_to_end_is_started_anew(up):
    running = up("apps/counter")
    assert running.call("Counter.increment", "a", key="1").value == 1
    first = running.nodes()["Counter-0"]
    os.kill(first, signal.SIGTERM)
    until(lambda: running.nodes().get("Counter-0", first) != first, "another Counter-0")
    assert running.call("Counter.increment", "a", key="2").value == 2
    assert "ended with status 0: started anew" in running.output()


HOWEVER_SLOW = """
import sys
from backends.local import cli, supervisor
supervisor._QUICK = 3600.0
sys.exit(cli.main(sys.argv[1:]))
"""
"""``python -m backends.local``, on whatever machine: what ends by itself has ended at once."""


def test_what_dies_at_once_is_started_after_longer_and_longer_pauses(up):
    running = up("apps/counter", program=(sys.executable, "-c", HOWEVER_SLOW))
    store = running.data / "store.db"
    store.rename(running.data / "aside.db")
    for rest in running.data.glob("store.db-*"):
        rest.unlink()
    store.write_bytes(b"this is no database" * 1_000)
    running.kill("Counter-0")

    def told():
        """What was told of the node; others meet the damage sooner or later, too."""
        line = r"^[-\d]+ [:,\d]+ supervisor WARNING Counter-0 .* started anew(.*)$"
        return re.findall(line, running.output(), re.MULTILINE)

    until(lambda: " in 0.4 s" in told(), "a longer pause")
    assert told()[:5] == ["", " in 0.05 s", " in 0.1 s", " in 0.2 s", " in 0.4 s"]
    output = running.output()
    assert f"store {store} is not a SQLite database" in output
    assert "Traceback" not in output
    running.signal(signal.SIGTERM)
    assert running.wait() == 0


# --- who may say what


def ports(running):
    return {
        service: int(address.rpartition(":")[2])
        for service, address in running.state()["addresses"].items()
    }


def envelope(key, service="Hotel", method="free", args=("hotel-05",), **fields):
    data = Codec().encode((args, {}))
    root = RequestId(root_id(time.time_ns() // 1_000_000, random.Random()))
    origin = Origin(service, method, data)
    return Wire(key).seal(WireCall(Request(root, service, method, data, origin, **fields)))


def test_an_envelope_needs_the_key(hotel):
    before = hotel.call("Hotel.free", "hotel-05").value
    forged, _ = envelope(b"x" * 32, "Hotel", "reserve")
    for port in (hotel.port, ports(hotel)["Hotel"]):
        status, _, body = hotel.request("POST", "/call", forged, port=port)
        assert status == 401
        assert b"not sealed with this application's key" in body
        assert hotel.request("POST", "/call", b"junk", port=port)[0] == 400
        assert hotel.request("POST", "/call", b"", port=port)[0] == 400
        assert hotel.request("GET", "/call", port=port)[0] == 405
    assert hotel.call("Hotel.free", "hotel-05").value == before


def test_with_the_key_it_is_opened_once_and_by_its_own_service(hotel):
    key = (hotel.data / "wire.key").read_bytes()
    sealed, nonce = envelope(key)
    status, _, body = hotel.request("POST", "/call", sealed)
    assert status == 200
    assert Codec().decode(Wire(key).open_answer(body, nonce).reply.outcome.value) == 100_000
    assert hotel.request("POST", "/call", sealed)[0] == 401
    other, _ = envelope(key, "Flight", "free")
    assert hotel.request("POST", "/call", other, port=ports(hotel)["Hotel"])[0] == 421
    nowhere, _ = envelope(key, "Nowhere", "free")
    assert hotel.request("POST", "/call", nowhere)[0] == 421


def test_the_public_side_drops_what_is_internal(hotel):
    """A client that sends the fields of a message gets them refused, not obeyed."""
    before = hotel.call("Hotel.free", "hotel-06").value
    travel = {"version": 1, "writes": [["s", "d", "x"]]}
    for extra in ("travel", "origin", "intent_recorded", "last", "deadline", "id"):
        body = json.dumps({"hotel": "hotel-06", extra: travel})
        status, _, answer = hotel.request(
            "POST", "/Hotel.reserve", body, {"Content-Type": "application/json"}
        )
        assert (status, json.loads(answer)["outcome"]) == (400, "definite")
    raw = Codec().encode((("hotel-06",), {}))
    for kind in ("application/msgpack", "application/octet-stream", ""):
        headers = {"Content-Type": kind} if kind else {}
        assert hotel.request("POST", "/Hotel.reserve", raw, headers)[0] == 415
    forged, _ = envelope(b"x" * 32, travel=Travel(1, [Set(b"d", b"x")]))
    assert hotel.request("POST", "/Hotel.reserve", forged)[0] == 415
    assert hotel.request("POST", "/Hotel.free?travel=1", b"", {})[0] == 400
    assert hotel.call("Hotel.free", "hotel-06").value == before


def test_a_private_method_is_private(up):
    bank = up("apps/bank")
    done = bank.once("Bank._deposit", "north-00", 5)
    assert done.status == 404
    assert "private" in done.text


def test_a_body_over_the_limit(hotel):
    body = json.dumps(["x" * 1_000_100])
    headers = {"Content-Type": "application/json"}
    status, found, answer = hotel.request("POST", "/Hotel.free", body, headers)
    assert status == 413
    assert found["content-type"] == "application/problem+json"
    assert json.loads(answer)["outcome"] == "definite"


def test_a_body_far_over_the_limit(hotel):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        status, found, answer = hotel.request("POST", "/Hotel.free", b" " * 80_000_000)
        assert status == 413
        assert found["content-type"] == "application/problem+json"
        assert json.loads(answer)["outcome"] == "definite"
    assert hotel.request("GET", "/healthz")[0] == 200


def test_what_a_stranger_sends_to_a_worker_is_not_read(hotel):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        port = ports(hotel)["Hotel"]
        assert hotel.request("POST", "/call", b" " * 64_000_001, port=port)[0] == 401
    assert hotel.request("GET", "/healthz", port=ports(hotel)["Hotel"])[0] == 200


# --- nodes listen on loopback only


def test_every_socket_is_on_loopback(hotel):
    inodes = set()
    for pid in hotel.members():
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                name = os.readlink(f"/proc/{pid}/fd/{number}")
                if name.startswith("socket:"):
                    inodes.add(name[8:-1])
    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in list(file)[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert len(listening) == 5
    assert {address.partition(":")[0] for address in listening} == {loopback}
