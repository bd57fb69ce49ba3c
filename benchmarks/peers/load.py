"""The load generator, a process of its own: ``python -m benchmarks.peers.load``.

It reads a plan (JSON) from standard input and writes what it saw to standard output. Clients
are a closed loop: each asks again as soon as it was answered, with a fresh key and a fresh id,
on a connection that is kept. An answer is a 200 with a JSON integer; anything else is counted
as a failure and as an increment that may or may not have happened.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter

import aiohttp
import msgspec

from benchmarks.peers.observation import Increment, Observation, Plan, Repeat, Stage, Target
from benchmarks.peers.services.drawing import key, request_id

__all__ = ["Generator", "main"]

_PAUSE = 0.05
"""Seconds a client waits after a failure, so that a server that is gone is not hammered."""
_TRIES = 5
_READERS = 16


class Generator:
    """Everything that one run does."""

    def __init__(self, plan: Plan, target: Target, session: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._target = target
        self._session = session
        self._rng = random.Random(plan.seed)
        self._increments: list[Increment] = []
        self._failures: Counter[str] = Counter()

    async def run(self) -> Observation:
        """Every stage, then the repeats, then the counts."""
        stages = [await self._stage(*each) for each in enumerate(self._plan.clients)]
        repeats = [*await self._again(), *await self._twins()]
        return Observation(
            stages, self._increments, repeats, await self._counts(), dict(self._failures)
        )

    async def _stage(self, number: int, clients: int) -> Stage:
        begin = time.perf_counter() + self._plan.warm_up
        end = begin + self._plan.seconds

        async def client(rng: random.Random) -> None:
            while (sent := time.perf_counter()) < end:
                made = await self._increment(key(rng, self._plan.keys), request_id(rng))
                answered = time.perf_counter()
                measured = number if begin <= answered < end else -1
                self._increments.append(Increment(*made, seconds=answered - sent, stage=measured))
                if made[2] is None:
                    await asyncio.sleep(_PAUSE)

        seeds = [self._rng.getrandbits(64) for _ in range(clients)]
        await asyncio.gather(*(client(random.Random(seed)) for seed in seeds))
        return Stage(clients, self._plan.seconds)

    async def _again(self) -> list[Repeat]:
        """Some of the requests that were answered, once more, one after the other."""
        answered = [each for each in self._increments if each.answer is not None]
        chosen = self._rng.sample(answered, min(self._plan.repeats, len(answered)))
        found = []
        for each in chosen:
            again = await self._patiently(each.key, each.request)
            found.append(Repeat(each.request, each.answer, again))
        return found

    async def _twins(self) -> list[Repeat]:
        """Fresh requests, each sent twice at the same time."""
        found = []
        for _ in range(self._plan.repeats):
            name, request = key(self._rng, self._plan.keys), request_id(self._rng)
            first, again = await asyncio.gather(
                self._patiently(name, request), self._patiently(name, request)
            )
            answer = again if first is None else first
            self._increments.append(Increment(name, request, answer, 0.0))
            found.append(Repeat(request, first, again))
        return found

    async def _patiently(self, name: str, request: str) -> int | None:
        for _ in range(_TRIES):
            _, _, answer = await self._increment(name, request)
            if answer is not None:
                return answer
            await asyncio.sleep(_PAUSE)
        return None

    async def _increment(self, name: str, request: str) -> tuple[str, str, int | None]:
        url, body = self._target.increment, self._target.increment_body
        answer = await self._ask(url, body, name, {self._target.header: request})
        return name, request, answer

    async def _counts(self) -> dict[str, int]:
        names = [f"key-{number}" for number in range(self._plan.keys)]
        counts: dict[str, int] = {}

        async def reader() -> None:
            while names:
                name = names.pop()
                counts[name] = await self._read(name)

        await asyncio.gather(*(reader() for _ in range(_READERS)))
        return counts

    async def _read(self, name: str) -> int:
        for _ in range(_TRIES):
            count = await self._ask(self._target.read, self._target.read_body, name, {})
            if count is not None:
                return count
            await asyncio.sleep(_PAUSE)
        raise SystemExit(f"cannot read the count of {name}: {dict(self._failures)}")

    async def _ask(self, url: str, body: str, name: str, headers: dict[str, str]) -> int | None:
        data = body.replace("{key}", name).encode() or None
        if data:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            async with self._session.post(
                url.replace("{key}", name), data=data, headers=headers
            ) as response:
                content = await response.read()
                if response.status == 200:
                    return msgspec.json.decode(content, type=int)
                self._failures[f"status {response.status}"] += 1
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, OSError) as error:
            self._failures[type(error).__name__] += 1
        return None


async def _run(plan: Plan) -> Observation:
    assert plan.target is not None, "this load generator asks over HTTP"
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=plan.timeout)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        skip_auto_headers=["Content-Type"],  # Restate refuses one where there is no body
    ) as session:
        return await Generator(plan, plan.target, session).run()


def main() -> None:
    """A plan in, an observation out."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_run(plan))))


if __name__ == "__main__":
    main()
