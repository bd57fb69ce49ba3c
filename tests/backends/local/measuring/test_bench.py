"""``bench``: what it counts is what happened, and nothing is left of it."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from backends.local.cli import main
from backends.local.measuring import generator
from backends.local.measuring.bench import Bench, Report, bench, temporary
from backends.local.measuring.driving import Driver, draw_requests, driver
from backends.local.measuring.generator import GENERATOR, Seen, Setting, Stage, Target
from backends.local.measuring.meter import OPERATIONS, Meter
from backends.local.measuring.saturation import SaturationReport, saturation
from backends.local.measuring.usage import busy_seconds, cpu_seconds, memory
from backends.local.supervisor import listen
from backends.runtime.http import Outgoing, Server
from backends.runtime.public.keys import _UUID7
from compiler.application import load
from core.errors import MuError
from tests import leaping
from tests.backends.local.running import COMMAND, ROOT, alive, environment, session
from tests.patience import LONGER_AND_LONGER, patience, until

pytestmark = pytest.mark.real

APP = str(ROOT / "apps" / "counter")
QUICK = {"seconds": 2.5, "warm_up": 0.5}


# --- what is measured with


def test_a_meter_counts_what_processes_did():
    meter = Meter(2)
    child = os.fork()
    if child == 0:
        for nanoseconds in (100_000, 200_000, 400_000):
            meter.took(1, OPERATIONS.index("commit"), nanoseconds)
        meter.refused(1)
        os._exit(0)
    os.waitpid(child, 0)
    meter.took(0, OPERATIONS.index("commit"), 100_000)
    assert meter.counts() == {"read_version": 0, "read": 0, "commit": 4, "refused": 1}
    quantiles = [meter.quantile("commit", share) for share in (0.5, 0.75, 1.0)]
    assert quantiles == pytest.approx([1e-4, 2e-4, 4e-4], rel=0.03)
    assert meter.quantile("read", 0.5) == 0.0
    meter.reset()
    assert set(meter.counts().values()) == {0}


def test_processor_time_and_memory_of_a_process():
    begun, everybody = cpu_seconds([os.getpid()]), busy_seconds()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    assert 0.15 <= cpu_seconds([os.getpid()]) - begun < 1.0
    assert busy_seconds() - everybody >= 0.15
    resident, private = memory(os.getpid())
    assert 1 << 20 < private <= resident
    assert cpu_seconds([2**22 + 1]) == 0.0


def test_keys_are_what_the_gateway_takes_as_root_ids():
    rng = generator.random.Random(3)
    keys = [generator._uuid7(rng) for _ in range(500)]
    assert all(_UUID7.fullmatch(key) for key in keys)
    assert len(set(keys)) == 500
    parsed = uuid.UUID(keys[0])
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert abs((parsed.int >> 80) / 1e3 - time.time()) < 5.0


def test_requests_follow_the_applications_own_mix():
    requests = draw_requests(load(APP))
    increments = sum(path == "/Counter.increment" for path, _ in requests)
    assert increments / len(requests) == pytest.approx(0.9, abs=0.03)
    assert re.fullmatch(r'\["key-\d{3}"\]', requests[0][1])


def test_an_application_without_a_load_cannot_be_asked(tmp_path):
    path = tmp_path / "lonely.py"
    path.write_text(
        "from compiler import service\n\n\n@service\nclass Lonely:\n"
        "    def hello(self) -> str:\n        return 'hello'\n"
    )
    with pytest.raises(MuError, match=r"lonely has no load of its own: write MIX"):
        draw_requests(load(str(path)))


# --- the generator, against servers that misbehave


@contextlib.contextmanager
def serving(handler):
    """A server in a thread; its address."""
    loop, listener = asyncio.new_event_loop(), listen()
    server = Server(handler, listener, 1 << 20)
    host, port = listener.getsockname()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield f"http://{host}:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(0.0), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def ask(url, stage, requests=(("/A.b", "[]"),)):
    """What a generator sees of a server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "backends.local.measuring.generator"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        made = Driver(process)
        made._tell(Setting([Target(url, {"me": [os.getpid()]}, list(requests))]))
        try:
            return made.run(stage)
        finally:
            process.stdin.close()
            assert process.wait(patience()) == 0  # it ends when nobody is left to tell it anything


def answering(*answers):
    async def handle(incoming):
        seen.append(incoming)
        return answers[len(seen) % len(answers)]

    seen = []
    handle.seen = seen
    return handle


def test_only_answers_count_as_answers():
    raised = Outgoing(422, b'{"outcome": "raised"}')
    reused = Outgoing(422, b'{"outcome": "definite"}')
    handler = answering(Outgoing(200, b"1"), raised, reused, Outgoing(503))
    with serving(handler) as url:
        seen = ask(url, Stage(clients=4, warm_up=0.1, seconds=1.0))
    assert set(seen.failures) == {"status 422", "status 503"}
    failed = sum(seen.failures.values())
    assert seen.answered == len(seen.latencies)
    assert seen.answered == pytest.approx(failed, abs=6)  # every other answer is one
    assert seen.raised == pytest.approx(seen.answered / 2, abs=6)
    assert seen.asked == len(handler.seen) > seen.answered + failed
    keys = [incoming.headers["idempotency-key"] for incoming in handler.seen]
    assert len(set(keys)) == len(keys)
    assert {(each.method, each.path, each.body) for each in handler.seen} == {
        ("POST", "/A.b", b"[]")
    }
    assert set(seen.cpu) == {"me", GENERATOR}
    assert seen.cpu[GENERATOR] > 0.0


def test_a_server_that_is_gone_is_told_and_not_hammered():
    url = f"http://127.0.0.1:{listen_and_close()}"
    with pytest.raises(MuError, match="no request was answered"):
        ask(url, Stage(clients=2, warm_up=0.0, seconds=0.4))


def listen_and_close():
    listener = listen()
    port = listener.getsockname()[1]
    listener.close()
    return port


def seen_by(request, stage):
    """What a generator sees of a server that takes its time, in a time of its own."""
    client = SimpleNamespace(request=request)
    setting = Setting([Target("", {"me": [os.getpid()]}, [("/A.b", "[]")])])

    async def main():
        return await generator._Load(setting, stage, client).run()

    return leaping.run(main())


def test_latency_counts_from_when_a_request_was_to_start():
    """A server that stands still for 0.6 s makes all that come meanwhile wait."""
    begun = []

    async def stands_still(*_):
        begun.append(time.monotonic())
        await asyncio.sleep(max(0.0, begun[0] + 0.6 - time.monotonic()))
        return 200, {}, b"1"

    seen = seen_by(stands_still, Stage(rate=100.0, warm_up=0.0, seconds=1.195))
    assert (seen.asked, seen.answered) == (120, 120)
    slow = [latency for latency in seen.latencies if latency > 105_000]
    assert len(slow) == 50  # a closed loop would have seen one


def test_an_open_load_keeps_its_rate():
    async def slow(*_):
        await asyncio.sleep(0.3)
        return 200, {}, b"1"

    seen = seen_by(slow, Stage(rate=200.0, warm_up=0.5, seconds=1.0))
    assert seen.per_second == pytest.approx(200.0, rel=0.01)


def test_an_open_load_is_answered():
    with serving(answering(Outgoing(200, b"1"))) as url:
        seen = ask(url, Stage(rate=100.0, warm_up=0.0, seconds=1.0))
    assert seen.asked == 100
    assert seen.answered + sum(seen.failures.values()) <= 100


def test_percentiles_are_of_the_nearest_rank():
    seen = Seen(1.0, 4, 4, 0, {}, [1_000, 2_000, 3_000, 4_000], {}, 0.0)
    assert [seen.percentile(p) for p in (1, 25, 50, 75, 99)] == pytest.approx(
        [0.001, 0.001, 0.002, 0.003, 0.004]
    )


# --- applications


def test_with_and_without_the_protocol_in_turns():
    """One commit for each of nine increments in ten, either way; and no process is left."""
    wanted = Bench(APP, ("mu2sls", "unsafe"), (4,), **QUICK)
    report = bench(load(APP), wanted, lambda _: None)
    assert [side.protocol for side in report.sides] == ["mu2sls", "unsafe"]
    for side in report.sides:
        (figures,) = side.figures
        assert len(figures.rounds) == 5
        assert figures.per_second > 0
        assert 0.0 < figures.p50 <= figures.p99
        assert figures.commits == pytest.approx(0.9, abs=0.12)
        assert figures.failures == {}
        assert set(figures.cpu) == {"Counter", "gateway", "upkeep", GENERATOR}
        assert figures.cpu["Counter"] > 0.0
        assert {each.kind for each in side.memory} == {"Counter", "gateway", "upkeep"}
        assert all(0 < each.private <= each.resident for each in side.memory)
    assert report.forked > 0.0
    assert report.start_up > 0.0
    assert report.workers == {"Counter": 1}


def test_the_command_writes_what_it_measured(tmp_path, capsys):
    out = tmp_path / "bench.json"
    words = ["bench", APP, "--clients", "1,2", "--workers", "2", "--out", str(out)]
    assert any(main([*words, "--seconds", str(seconds)]) == 0 for seconds in LONGER_AND_LONGER)
    report = msgspec.json.decode(out.read_bytes(), type=Report)
    assert [each.clients for each in report.sides[0].figures] == [1, 2]
    assert report.workers == {"Counter": 2}
    assert {(each.kind, each.processes) for each in report.sides[0].memory} >= {("Counter", 2)}
    assert (report.store, report.durability) == ("sqlite", "synchronous=normal")
    printed = capsys.readouterr().out
    assert "answers, and commits of each" in printed
    assert "load generator" in printed


def test_the_saturation_is_written_down_too(tmp_path, capsys):
    out = tmp_path / "saturation.json"
    words = ["bench", APP, "--saturation", "--seconds", "0.4", "--out", str(out)]
    assert main([*words, "--protocol", "mu2sls", "--protocol", "unsafe"]) == 0
    report = msgspec.json.decode(out.read_bytes(), type=SaturationReport)
    assert [side.protocol for side in report.sides] == ["mu2sls", "unsafe"]
    for side in report.sides:
        assert side.per_second == max(step.per_second for step in side.steps)
    assert "p50 at half of it" in capsys.readouterr().out


def test_clients_become_more_until_that_brings_nothing_more():
    application = load(APP)
    with temporary(application, Bench(APP)) as up:
        processes = [pid for pids in up.processes().values() for pid in pids]
        folder = up.folder.path
        with driver([(up, draw_requests(application))]) as asks:
            steps = saturation(asks, 0, 0.3)
    assert [step.clients for step in steps] == [1, 2, 4, 8, 16, 32, 64][: len(steps)]
    best = max(step.per_second for step in steps)
    assert len(steps) == 7 or all(step.per_second <= best for step in steps[-2:])
    assert not any(alive(process) for process in processes)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([APP, "--workers", "Nope=2"], "there is no service Nope: --workers takes one of Counter"),
        (["apps/no_such"], "there is no application"),
        ([APP, "--out", "/no/such/folder/x.json"], "cannot be written"),
        ([APP, "--store", "redis"], "there is no store 'redis'"),
    ],
)
def test_bad_input_is_told_in_one_message(words, told, capsys):
    assert main(["bench", *words, "--seconds", "0.2"]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


@pytest.mark.parametrize("option", [["--clients", "0"], ["--seconds", "x"], ["--clients", "1,,2"]])
def test_numbers_that_are_none(option, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", APP, *option])
    assert ended.value.code == 2
    assert "give" in capsys.readouterr().err


def test_nothing_outlives_who_measures(tmp_path):
    """SIGKILL for the command: nodes, supervisor and generator see that they are alone."""
    process = subprocess.Popen(
        [*COMMAND, "bench", APP, "--seconds", "300", "--compare"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=environment(PYTHONPATH=str(ROOT), TMPDIR=str(tmp_path)),
    )  # fmt: skip
    try:
        until(lambda: len(list(tmp_path.glob("mu2sls-bench-*/up.json"))) == 2, "the start")
        until(lambda: cpu_seconds(generators(process.pid)) > 0.7, "load")
        assert len(session(process.pid)) >= 9
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    until(lambda: not session(process.pid), "the end of all of it")


def generators(leader):
    """The load generators of a session."""
    found = []
    for process in session(leader):
        with contextlib.suppress(OSError):
            if (
                b"backends.local.measuring.generator"
                in Path(f"/proc/{process}/cmdline").read_bytes()
            ):
                found.append(process)
    return found
