"""The load generator, a process of its own: ``python -m backends.local.measuring.generator``.

It reads lines of JSON from standard input, first a :class:`Setting`, then one :class:`Stage`
after the other, and answers each stage with one line, a :class:`Seen`. When standard input ends,
so does it. Requests go to the gateway's public interface, each under a fresh UUIDv7; an answer is
a result, or an exception that the method raised.

Latency counts from when a request was to start. So that it does start then, the event loop waits
for its ``epoll`` in ``select``, whose time-outs are not rounded up to milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
import selectors
import sys
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from backends.local.measuring.usage import busy_seconds, cpu_seconds
from backends.runtime.http import Broken, Client, Unreachable

__all__ = ["GENERATOR", "Seen", "Setting", "Stage", "Target", "calmest", "main"]

GENERATOR = "load generator"
"""Its name among the kinds of processes."""

_PAUSE = 0.05
"""Seconds a client waits after a failure, so that a server that is gone is not hammered."""
_CONNECTIONS = 1024
_ANSWERS = (200, 422, 500)
_RAISED = b'"outcome":"raised"'


class Target(msgspec.Struct, frozen=True):
    """Where requests go, and what they are.

    :ivar processes: the process ids of its nodes by their kind.
    :ivar requests: paths and bodies, of which each request is one, drawn at random.
    """

    url: str
    processes: dict[str, list[int]]
    requests: list[tuple[str, str]]


class Setting(msgspec.Struct, frozen=True):
    """What all stages have in common.

    :ivar timeout: seconds after which a request counts as failed.
    """

    targets: list[Target]
    timeout: float = 10.0


class Stage(msgspec.Struct, frozen=True):
    """One piece of load; what happens while it warms up is not measured.

    :ivar target: the number of the target.
    :ivar clients: so many clients ask again as soon as they were answered, if there is no rate.
    :ivar rate: requests per second, at even intervals, whatever became of the earlier ones.
    """

    target: int = 0
    clients: int = 0
    rate: float = 0.0
    warm_up: float = 1.0
    seconds: float = 5.0


class Seen(msgspec.Struct, frozen=True):
    """What became of a stage.

    :ivar seconds: how long it was measured; ``latencies`` (in microseconds, in order),
        ``answered``, ``raised`` of these, and ``failures`` are of that time.
    :ivar asked: all requests, those of the warm-up included.
    :ivar cpu: processor time in seconds by the kind of process, the generator's included.
    :ivar others: processor time of everything else on the machine, apart from what gives way.
    """

    seconds: float
    asked: int
    answered: int
    raised: int
    failures: dict[str, int]
    latencies: list[int]
    cpu: dict[str, float]
    others: float

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency in seconds that ``percent`` of the answers did not exceed."""
        if not self.latencies:
            return 0.0
        rank = max(1, -(-len(self.latencies) * percent // 100))
        return self.latencies[int(rank) - 1] * 1e-6


def calmest(rounds: Sequence[Seen], count: int) -> list[Seen]:
    """The rounds in which everything else on the machine did least."""
    return sorted(rounds, key=lambda seen: seen.others / seen.seconds)[:count]


class _Load:
    """One stage under way."""

    def __init__(self, setting: Setting, stage: Stage, client: Client) -> None:
        self._stage = stage
        self._target = setting.targets[stage.target]
        self._timeout = setting.timeout
        self._client = client
        self._rng = random.Random()
        self._begin = time.perf_counter() + stage.warm_up
        self._end = self._begin + stage.seconds
        self._asked = self._raised = 0
        self._latencies = array("q")
        self._failures: Counter[str] = Counter()

    async def run(self) -> Seen:
        stage = self._stage
        measuring = asyncio.ensure_future(self._measure())
        if stage.rate:
            await self._by_the_clock()
        else:
            await asyncio.gather(*(self._one_by_one() for _ in range(stage.clients)))
        seconds, cpu, others = await measuring
        return Seen(
            seconds=seconds,
            asked=self._asked,
            answered=len(self._latencies),
            raised=self._raised,
            failures=dict(self._failures),
            latencies=sorted(self._latencies),
            cpu=cpu,
            others=others,
        )

    async def _measure(self) -> tuple[float, dict[str, float], float]:
        await asyncio.sleep(self._begin - time.perf_counter())
        began, before, busy = time.perf_counter(), self._cpu(), busy_seconds()
        await asyncio.sleep(self._end - time.perf_counter())
        seconds, after = time.perf_counter() - began, self._cpu()
        cpu = {kind: after[kind] - before[kind] for kind in after}
        return seconds, cpu, max(0.0, busy_seconds() - busy - sum(cpu.values()))

    def _cpu(self) -> dict[str, float]:
        kinds = {**self._target.processes, GENERATOR: [os.getpid()]}
        return {kind: cpu_seconds(processes) for kind, processes in kinds.items()}

    async def _one_by_one(self) -> None:
        while (now := time.perf_counter()) < self._end:
            if not await self._request(now):
                await asyncio.sleep(_PAUSE)

    async def _by_the_clock(self) -> None:
        interval, begin = 1.0 / self._stage.rate, time.perf_counter()
        open_: set[asyncio.Task[bool]] = set()
        number = 0
        while (due := begin + number * interval) < self._end:
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            task = asyncio.ensure_future(self._request(due))
            open_.add(task)
            task.add_done_callback(open_.discard)
            number += 1
        if open_:
            await asyncio.wait(open_)

    async def _request(self, intended: float) -> bool:
        """Ask once; whether there was an answer."""
        path, body = self._rng.choice(self._target.requests)
        self._asked += 1
        headers = {"Idempotency-Key": _uuid7(self._rng), "Content-Type": "application/json"}
        try:
            status, _, text = await self._client.request(
                "POST", self._target.url + path, body.encode(), headers, self._timeout
            )
            failure = "" if status in _ANSWERS and _is_answer(status, text) else f"status {status}"
        except (Broken, Unreachable) as error:
            status, failure = 0, str(error)
        now = time.perf_counter()
        if self._begin <= now < self._end:
            if failure:
                self._failures[failure] += 1
            else:
                self._latencies.append(int((now - intended) * 1e6))
                self._raised += status != 200
        return not failure


def _is_answer(status: int, text: bytes) -> bool:
    return status == 200 or _RAISED in text.replace(b" ", b"")


def _uuid7(rng: random.Random) -> str:
    """A fresh UUIDv7 (RFC 9562, section 5.7)."""
    bits = rng.getrandbits(74)
    value = f"{time.time_ns() // 1_000_000:012x}7{bits >> 62:03x}"
    last = f"{(2 << 62) | (bits & (1 << 62) - 1):016x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:]}-{last[:4]}-{last[4:]}"


async def _serve(answer: Callable[[bytes], object]) -> None:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    def listen() -> None:
        while line := sys.stdin.buffer.readline():
            loop.call_soon_threadsafe(lines.put_nowait, line)
        os._exit(0)  # who measures is gone, perhaps in the middle of a stage

    threading.Thread(target=listen, daemon=True).start()
    setting = msgspec.json.decode(await lines.get(), type=Setting)
    client = Client(_CONNECTIONS)
    while True:
        stage = msgspec.json.decode(await lines.get(), type=Stage)
        answer(msgspec.json.encode(await _Load(setting, stage, client).run()) + b"\n")


class _Precise(selectors.EpollSelector):
    """Waits no longer than it is told to."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0.0:
            select.select([self.fileno()], [], [], timeout)
        return super().select(0)


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(_Precise())


def main() -> None:
    """Stages in, what was seen out, until standard input ends."""

    def answer(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(answer))


if __name__ == "__main__":
    main()
