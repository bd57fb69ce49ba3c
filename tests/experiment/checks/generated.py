"""Random applications whose effects sit wherever a program can put them, run under all checks.

    python -m tests.experiment.checks --help    tries many seeds

What the plain program may do is right by definition, so a check that fails here cried wolf, or
there is a bug in what runs the program. Either way the seed is to be understood, and kept.
"""

from __future__ import annotations

import random
import textwrap
from pathlib import Path

from compiler.application import Application, load
from experiment.checks import check
from experiment.record.run import Run
from experiment.scenario.model import Fault, Load, Recovery, Retention, Retry, Scenario
from experiment.verdict import Verdict
from sim.run import run

FRAME = '''
import random
import time
import uuid

from compiler import (
    Persistent, TransactionException, abort, call, gather, service, spawn, transaction, wait,
)


class Oops(Exception):
    """An exception of the program's own."""


def shared(k: str, t: int) -> int:
    return call(Base.put, k, t)


def glance(k: str) -> int:
    return call(Base.look, k)
'''

BASE = '''
@service
class Base:
    """Callees of every kind: read-only, writing, raising, deleting, scanning, reading a clock."""

    def __init__(self) -> None:
        self.d: Persistent[dict[str, int]] = {"a": 1}
        self.log: Persistent[list[int]] = []

    def look(self, k: str) -> int:
        return self.d.get(k, 0)

    def total(self) -> int:
        return sum(self.d.values()) + len(self.log)

    def put(self, k: str, t: int) -> int:
        self.d[k] = self.d.get(k, 0) + t % 5
        return self.d[k]

    def flip(self, k: str, t: int) -> int:
        self.d[k] = self.d.get(k, 0) + 1
        if self.d[k] % 2:
            raise Oops(k)
        return self.d[k]

    def drop(self, k: str, t: int) -> int:
        return self.d.pop(k, 0)

    def scan(self, k: str, t: int) -> int:
        if len(self.d) > 4:
            self.d.clear()
        else:
            self.d[k + str(t % 3)] = t
        return len(self.d)

    def stamp(self, k: str, t: int) -> float:
        now = time.time()
        if int(now * 1000) % 2:
            self.log.append(t)
        return now

    def forward(self, k: str, t: int) -> int:
        return call(Base.put, k, t)

    def idle(self, k: str, t: int) -> int:
        return t % 3

    def empty(self, k: str, t: int) -> int:
        if not self.log:
            raise Oops("empty")
        return self.log.pop()

'''

LEAVES = ("put", "flip", "drop", "scan", "forward", "idle", "empty")
KEYS = ('"a"', '"b"', "k", "k", 'k + "x"')


class Writer:
    """Writes the methods of one random application.

    :ivar names: services in order; methods call those of later services, or of ``Base``.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names = ["A", "B", "C"][: self.rng.randint(1, 3)]
        self.callees: list[str] = []
        self.handles = 0
        self.within = 0  # transactions
        self.helpers: list[str] = []

    def source(self) -> str:
        """The application's text."""
        frame = self.frame()
        services = [self.service(name) for name in reversed(self.names)]
        mix = ", ".join(f'"{name}.m{i}": 1.0' for name in self.names for i in range(2))
        arguments = ", ".join(f'"{name}.m{i}": draw' for name in self.names for i in range(2))
        return "\n".join(
            [
                frame, BASE, *services,
                "def draw(rng: random.Random):",
                '    return rng.choice("abcd"), rng.randrange(9)',
                f"MIX = {{{mix}}}",
                f"ARGUMENTS = {{{arguments}}}",
            ]
        )  # fmt: skip

    def frame(self) -> str:
        """What stands before the services."""
        return FRAME

    def service(self, name: str) -> str:
        helpers = [self.helper(name, number) for number in range(2)]
        methods = [self.method(f"m{number}") for number in range(2)]
        self.callees += [f"{name}.m{number}" for number in range(2)]
        body = "\n".join([*helpers, *methods])
        self.helpers = []
        head = [
            "@service",
            f"class {name}:",
            "    def __init__(self) -> None:",
            '        self.d: Persistent[dict[str, int]] = {"b": 2}',
            "        self.xs: Persistent[list[int]] = [1]",
            '        self.s: Persistent[set[str]] = {"a"}',
            "        self.n: Persistent[int] = 0",
            "    def inc(self, k: str, t: int) -> int:",
            "        self.d[k] = self.d.get(k, 0) + 1",
            "        return self.d[k]",
            "    def peek(self, k: str) -> int:",
            "        return self.d.get(k, 0) + self.n",
        ]
        return "\n".join([*head, textwrap.indent(body, "    ")])

    def helper(self, service: str, number: int) -> str:
        is_async = self.rng.random() < 0.5
        head = f"{'async ' if is_async else ''}def _h{number}(self, k: str, t: int) -> int:"
        body = self.block(self.rng.randint(1, 3), 1, is_async)
        self.helpers.append(f"{'await ' if is_async else ''}self._h{number}")
        return "\n".join([head, "    seen = []", *_indented(body), "    return t"])

    def method(self, name: str) -> str:
        body = self.block(self.rng.randint(1, 5), 2, True)
        end = "return t, seen"
        if self.rng.random() < 0.25:
            end = f"return {self.effect()}"
        return "\n".join(
            [
                f"async def {name}(self, k: str, t: int):",
                "    seen = []",
                "    fs = []",
                *_indented(body),
                *(["    seen += await gather(*fs)"] if self.rng.random() < 0.5 else []),
                f"    {end}",
            ]
        )

    def block(self, count: int, depth: int, is_async: bool) -> list[str]:
        return [line for _ in range(count) for line in self.statement(depth, is_async)]

    # --- expressions

    def key(self) -> str:
        return self.rng.choice(KEYS)

    def callee(self) -> str:
        if self.callees and self.rng.random() < 0.4:
            return self.rng.choice(self.callees)
        return f"Base.{self.rng.choice(LEAVES)}"

    def effect(self) -> str:
        """A call that may write, of type int or tuple."""
        return f"call({self.callee()}, {self.key()}, t)"

    def number(self) -> str:
        return self.rng.choice(
            [
                "t", str(self.rng.randrange(9)), f"self.d.get({self.key()}, 0)", "self.n",
                "len(self.xs)", "len(self.s)", "sum(self.d.values())", "len(self.d)",
                f"call(Base.look, {self.key()})", "call(Base.total)", f"glance({self.key()})",
                f"call({self.rng.choice(self.names)}.peek, {self.key()})",
                "random.randrange(5)", "int(time.time() * 1000) % 7",
                "max(self.xs, default=0)", "sum(1 for x in self.xs if x < t)",
                "int(time.perf_counter_ns()) % 5",
            ]
        )  # fmt: skip

    # --- statements

    def statement(self, depth: int, is_async: bool) -> list[str]:
        rng, key, number = self.rng, self.key(), self.number()
        simple = [
            [f"self.d[{key}] = {number}"],
            [f"self.d[{key}] = self.d.get({key}, 0) + 1"],
            [f"t += {number}"],
            [f"t += {number}"],
            [f"self.d.pop({key}, None)"],
            [f"if {key} in self.d:", f"    del self.d[{key}]"],
            [f"self.xs.append({number})"],
            ["if len(self.xs) > 3:", "    self.xs.clear()"],
            [f"self.n += {number}"],
            [f"self.s.add({key})"],
            [f"self.s.discard({key})"],
            ["seen.append(time.time())"],
            ["seen.append(str(uuid.uuid4()))"],
            ["seen.append(random.random())"],
            [
                f"some = {{{key}, str(t), 'z'}}",
                "for each in some:",
                "    seen.append(each)",
            ],
            [f"some = set({key}) | {{'y', 'w'}}", "seen.append(' '.join(some))"],
            ["t += len([each for each in self.s if each > 'a'])"],
            [f"seen.append({self.effect()})"],
            [f"seen.append({self.effect()})"],
            [f"seen.append(call(Base.stamp, {key}, t))"],
            [f"spawn({self.callee()}, {key}, t)"],
            [f"seen.append(wait(spawn({self.callee()}, {key}, t)))"],
            [f"t += shared({key}, t)"],
            [f"seen.append([call(Base.put, each, t) for each in ('a', {key})])"],
            [f"if {number} % 3 == 1:", "    raise Oops(str(t))"],
            [f"seen.append(call({rng.choice(self.names)}.inc, {key}, t))"],
        ]
        if is_async:
            simple += [
                [f"f = spawn({self.callee()}, {key}, t)",
                 *self.statement(0, False), "seen.append(await f)"],
                [f"seen += await gather(spawn({self.callee()}, {key}, t),",
                 f"    spawn({self.callee()}, {self.key()}, 1), spawn(Base.look, {key}))"],
            ]  # fmt: skip
        if self.helpers:
            name = rng.choice([h for h in self.helpers if is_async or "await" not in h] or [""])
            if name:
                simple += [[f"t += {name}({key}, t)"]] * 2
        if not depth or rng.random() < 0.6:
            return rng.choice(simple)
        body = _indented(self.block(rng.randint(1, 3), depth - 1, is_async))
        more = _indented(self.block(rng.randint(1, 2), depth - 1, is_async))
        return rng.choice(
            [
                [f"if {number} % 2:", *body],
                [f"if {number} > 3:", *body, "else:", *more],
                ["for each in ('a', 'c'):", *body],
                ["try:", *body, "except Oops as oops:", "    seen.append(str(oops))", *more],
                ["try:", *body, "finally:", *more],
                ["try:", *body, "except (Oops, TransactionException):", *more],
                [f"match {number} % 3:", "    case 0:", *_indented(body), "    case 1:",
                 *_indented(more), "    case _:", "        t += 1"],
                ["with transaction():", *body],
                ["with transaction():", *body],
                ["try:", "    with transaction():", *_indented(body),
                 f"        if {number} % 2: abort('no')",
                 "except TransactionException as no:", "    seen.append(str(no))", *more],
                ["try:", "    with transaction():", *_indented(body), "        raise Oops('out')",
                 "except Oops:", *more],
            ]
        )  # fmt: skip


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def generated(seed: int, folder: Path, writer: type[Writer] = Writer) -> Application:
    """The application of a seed, compiled.

    :raises CompileErrors: the compiler refuses it.
    """
    path = folder / f"made{seed}.py"
    path.write_text(writer(seed).source())
    return load(path)


HARSH = [
    Fault("crash", at="any", probability=0.004),
    Fault("crash", at="after_commit", probability=0.02),
    Fault("kill", schedule=0.7),
    Fault("pause", at="before_commit", duration=1.0, probability=0.02),
    Fault("pause", at="any", duration=2.0, probability=0.002),
    Fault("store_error", error="commit_unknown_result_applied", probability=0.02),
    Fault("store_error", error="commit_unknown_result_not_applied", probability=0.02),
    Fault("store_error", error="commit_unknown_result_late", probability=0.03),
    Fault("store_error", error="not_committed", probability=0.02),
    Fault("store_error", error="store_unavailable", probability=0.01),
    Fault("duplicate", duration=5.0, probability=0.04),
    Fault("drop", probability=0.01),
    Fault("partition", between=["*", "store"], schedule=1.5, duration=0.4),
]


def scenario(seed: int, faults: list[Fault], seconds: float) -> Scenario:
    """Few clients and fewer keys, so that requests meet."""
    steady = Load("steady", "poisson-arrival-rate", rate=20.0, duration=seconds)
    if not faults:
        return Scenario("calm", "", seed, load=[steady])
    return Scenario(
        "harsh", "", seed, load=[steady], faults=faults, heal=60.0,
        retry=Retry(attempts=3, timeout=0.9), recovery=Recovery(0.7, 2.0),
        retention=Retention(*((3.0, 0.5) if seed % 3 == 0 else (3600.0, 60.0))),
    )  # fmt: skip


NOTHING = ("nothing to examine", "what only reads has no journal")
"""What a check says that has nothing to judge."""


def judged(
    seed: int,
    faults: list[Fault],
    folder: Path,
    writer: type[Writer] = Writer,
    seconds: float = 2.0,
) -> tuple[Run, list[Verdict]]:
    """A run of the seed's application, and what is to be said against it."""
    application = generated(seed, folder, writer)
    said = scenario(seed, faults, seconds)
    done = run(said, application)
    wrong = [v for v in check(done, application, said) if v.status != "holds"]
    return done, [v for v in wrong if not v.detail.startswith(NOTHING)]
