"""What code reads of the machine, in whatever way: while a method runs, and outside of methods."""

import datetime
import email.utils
import os
import random
import secrets
import socket
import ssl
import sys
import textwrap
import time
import types
import uuid

import pytest

from compiler.api import moments
from compiler.machine.execution import Execution
from compiler.machine.installing import install
from compiler.machine.reading import reading
from core import effects
from core.chance import Chance

MOMENT = 1_700_000_000_123_456_789
UTC = datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, datetime.UTC)
LOCAL = UTC.astimezone().replace(tzinfo=None)

EARLY = """
    import datetime as dt
    from datetime import date, datetime
    from os import urandom
    from random import choice, randint
    from time import monotonic as now
    from uuid import uuid1

    utcnow = datetime.utcnow

    class Timer:
        clock = now
        def take(self, clock=now, *, also=now):
            return self.clock(), clock(), also()

    class Stamp(datetime):
        pass

    class Day(date):
        pass
"""


class Machine:
    """Says the same time again and again, and counts how often it is asked."""

    is_here = True

    def __init__(self):
        self.chance, self.asked = Chance(b"k"), 0

    def clock(self):
        self.asked += 1
        return MOMENT

    def random(self):
        return self.chance


def a_library():
    """A module that was imported before the substitutes were there, and holds what it found."""
    module = types.ModuleType("a_library")
    exec(textwrap.dedent(EARLY), vars(module))
    return module


@pytest.fixture(scope="module")
def library():
    """See EARLY; imported after the substitutes were installed."""
    install()
    return a_library()


CLOCKS = [
    ("time.time()", MOMENT / 1e9),
    ("time.time_ns()", MOMENT),
    ("time.monotonic(), time.perf_counter(), time.process_time()", (MOMENT / 1e9,) * 3),
    ("time.monotonic_ns(), time.perf_counter_ns(), time.thread_time_ns()", (MOMENT,) * 3),
    ("time.clock_gettime(time.CLOCK_REALTIME)", MOMENT / 1e9),
    ("time.clock_gettime_ns(time.CLOCK_MONOTONIC)", MOMENT),
    ("time.gmtime()", time.gmtime(MOMENT // 10**9)),
    ("time.gmtime(None)", time.gmtime(MOMENT // 10**9)),
    ("time.localtime()", time.localtime(MOMENT // 10**9)),
    ("time.ctime()", time.ctime(MOMENT // 10**9)),
    ("time.asctime()", time.asctime(time.localtime(MOMENT // 10**9))),
    ("time.strftime('%Y %H:%M:%S')", time.strftime("%Y %H:%M:%S", time.localtime(MOMENT / 1e9))),
    ("datetime.datetime.now()", LOCAL),
    ("datetime.datetime.now(datetime.UTC)", UTC),
    ("datetime.datetime.now(tz=datetime.UTC)", UTC),
    ("datetime.datetime.utcnow()", UTC.replace(tzinfo=None)),
    ("datetime.datetime.today()", LOCAL),
    ("datetime.date.today()", LOCAL.date()),
    ("library.datetime.now(), library.dt.datetime.now(), library.date.today()",
     (LOCAL, LOCAL, LOCAL.date())),
    ("library.utcnow()", UTC.replace(tzinfo=None)),
    ("library.now()", MOMENT / 1e9),
    ("library.Timer().take()", (MOMENT / 1e9,) * 3),
    ("email.utils.formatdate()", "Tue, 14 Nov 2023 22:13:20 -0000"),
    ("email.utils.localtime()", UTC.astimezone()),
    ("uuid.uuid1().time", MOMENT // 100 + 0x01B21DD213814000),
]  # fmt: skip

CHANCE = [
    ("random.random()", lambda drawn: drawn.random()),
    ("library.randint(1, 10**9)", lambda drawn: drawn.randint(1, 10**9)),
    ("library.choice('abcdef')", lambda drawn: drawn.choice("abcdef")),
    ("random.gauss(mu=1, sigma=2)", lambda drawn: drawn.gauss(1, 2)),
    ("os.urandom(7)", lambda drawn: drawn.randbytes(7)),
    ("library.urandom(0)", lambda _: b""),
    ("os.getrandom(16)", lambda drawn: drawn.randbytes(16)),
    ("ssl.RAND_bytes(16)", lambda drawn: drawn.randbytes(16)),
    ("uuid.uuid4()", moments.uuid4),
    ("secrets.token_bytes(9)", lambda drawn: drawn.randbytes(9)),
    ("secrets.token_hex(9)", lambda drawn: drawn.randbytes(9).hex()),
    ("random.SystemRandom().getrandbits(64)",
     lambda drawn: int.from_bytes(drawn.randbytes(8), "big")),
]  # fmt: skip

DRAWN = [
    *("secrets.choice(range(10**9))", "secrets.randbelow(10**9)", "random.Random().random()"),
    *("random.Random(None).random()", "random.SystemRandom().random()", "uuid.uuid1()"),
    *("email.utils.make_msgid()", "secrets.token_urlsafe()", "random.sample(range(10**9), 3)"),
]

ALWAYS = [
    ("os.getpid()", 1 << 22),
    ("socket.gethostname(), socket.getfqdn(), socket.getfqdn('')", ("localhost",) * 3),
    ("uuid.getnode()", 1 << 40),
]


@pytest.fixture
def ask(library):
    """Evaluates an expression for a machine."""
    names = {
        **{each.__name__: each for each in (datetime, os, random, secrets, socket, ssl, time)},
        "uuid": uuid,
        "email": email,
        "library": library,
    }

    def evaluate(expression, machine=None):
        with reading(machine or Machine()):
            return eval(expression, names)

    return evaluate


@pytest.mark.parametrize(("expression", "value"), CLOCKS)
def test_clocks(ask, expression, value):
    machine = Machine()
    assert ask(expression, machine) == value
    assert machine.asked


@pytest.mark.parametrize(("expression", "value"), CHANCE)
def test_chance(ask, expression, value):
    assert ask(expression) == value(Chance(b"k"))


@pytest.mark.parametrize("expression", DRAWN)
def test_what_is_drawn_follows_from_the_chance_of_the_request(ask, expression):
    machine = Machine()
    assert ask(expression, machine) == ask(expression)
    assert ask(expression, machine) != ask(expression)


@pytest.mark.parametrize(("expression", "value"), ALWAYS)
def test_what_tells_machines_apart(ask, expression, value):
    assert ask(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("time.gmtime(0)", time.gmtime(0)),
        ("time.localtime(0)", time.localtime(0)),
        ("time.ctime(0)", time.ctime(0)),
        ("time.strftime('%Y', time.gmtime(0))", "1970"),
        ("random.Random(5).random()", random.Random(5).random()),
        ("uuid.UUID(int=5)", uuid.UUID(int=5)),
        ("datetime.datetime.fromtimestamp(0, datetime.UTC).year", 1970),
        ("socket.getfqdn('127.0.0.1')", socket.getfqdn("127.0.0.1")),
    ],
)
def test_what_is_given_is_not_read(ask, expression, value):
    machine = Machine()
    assert ask(expression, machine) == value
    assert not machine.asked
    assert machine.chance.random() == Chance(b"k").random()


def test_subclasses_make_their_own(ask, library):
    now = ask("library.Stamp.now(datetime.UTC)")
    assert (type(now), now) == (library.Stamp, UTC)
    assert type(ask("library.Stamp.today()")) is library.Stamp
    day = ask("library.Day.today()")
    assert (type(day), day) == (library.Day, LOCAL.date())


def test_classes_stay_the_very_same():
    install()
    assert type(datetime.datetime.now()) is datetime.datetime
    assert type(UTC) is datetime.datetime
    assert type(datetime.date.today()) is datetime.date


@pytest.mark.parametrize("wrong", ["os.urandom(-1)", "secrets.token_bytes(-1)"])
def test_mistakes_stay_mistakes(ask, wrong):
    with pytest.raises(ValueError, match="negative"):
        ask(wrong)


def test_the_chance_of_a_request_cannot_be_seeded(ask):
    with pytest.raises(NotImplementedError, match=r"random\.Random\(seed\)"):
        ask("random.seed(5)")


def test_outside_of_methods_everything_is_the_machines(library):
    before = time.time_ns()
    assert before <= time.time_ns() <= before + 10**13
    assert library.datetime.now() >= datetime.datetime.fromtimestamp(before // 10**9)
    assert abs(library.utcnow() - datetime.datetime.fromtimestamp(
        before / 1e9, datetime.UTC).replace(tzinfo=None)) < datetime.timedelta(days=1)  # fmt: skip
    assert uuid.uuid4() != uuid.uuid4()
    assert os.urandom(16) != os.urandom(16)
    assert random.Random().random() != random.Random().random()
    assert os.getpid() != 1 << 22
    assert socket.gethostname() == os.uname().nodename
    assert library.Timer().take()[0] <= time.monotonic()


def test_what_is_read_for_the_process_and_not_for_the_request(ask, library, tmp_path, monkeypatch):
    """A log's time, and what a module does when it is imported in the middle of a method."""
    import logging

    (tmp_path / "imported_late.py").write_text("import random\nNUMBER = random.Random().random()\n")
    monkeypatch.syspath_prepend(tmp_path)
    machine = Machine()
    with reading(machine):
        logging.getLogger("tests").warning("something")
        record = logging.LogRecord("a", 10, "b", 1, "c", (), None)
        import imported_late  # noqa: F401
    assert record.created != MOMENT / 1e9
    assert not machine.asked
    assert machine.chance.random() == Chance(b"k").random()


def test_what_was_imported_before_is_found_in_a_new_process(tmp_path):
    """In one where the substitutes come after the library."""
    import subprocess

    (tmp_path / "a_library.py").write_text(textwrap.dedent(EARLY))
    script = tmp_path / "script.py"
    script.write_text(
        "import a_library as library, datetime\n"
        "from compiler.machine.installing import install\n"
        "from tests.compiler.machine.test_substitutes import Machine, LOCAL, MOMENT, UTC\n"
        "from compiler.machine.reading import reading\n"
        "install()\n"
        "machine = Machine()\n"
        "with reading(machine):\n"
        "    assert library.now() == MOMENT / 1e9\n"
        "    assert library.Timer().take() == (MOMENT / 1e9,) * 3\n"
        "    assert library.datetime.now() == LOCAL\n"
        "    assert library.utcnow() == UTC.replace(tzinfo=None)\n"
        "    drawn = library.urandom(8), library.randint(1, 10**9), library.uuid1().node\n"
        "with reading(Machine()):\n"
        "    again = library.urandom(8), library.randint(1, 10**9), library.uuid1().node\n"
        "assert drawn == again\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# --- executions


def drive(execution, answers):
    """What it asks for, and how it ends."""
    asked, answer = [], None
    while True:
        try:
            effect = execution.send(answer)
        except StopIteration as stop:
            return asked, stop.value
        asked.append(type(effect).__name__)
        answer = answers[type(effect)]()


async def method(first):
    """As a compiled one."""
    here = time.time_ns()
    read = await effects.perform(effects.Get(b"k"))
    return first, here, read, email.utils.formatdate(), random.random()


ANSWERS = {
    effects.Clock: lambda: MOMENT,
    effects.Random: lambda: Chance(b"k"),
    effects.Get: lambda: b"value",
}


def test_an_execution_asks_for_what_a_library_reads():
    install()
    asked, value = drive(Execution(method(5)), ANSWERS)
    assert asked == ["Clock", "Get", "Clock", "Random"]
    assert value == (5, MOMENT, b"value", "Tue, 14 Nov 2023 22:13:20 -0000", Chance(b"k").random())


def test_executions_that_stand_still_in_a_library_do_not_know_of_each_other():
    install()
    executions = [Execution(method(number)) for number in range(3)]
    for each in executions:
        assert isinstance(each.send(None), effects.Clock)
    for number, each in enumerate(executions):
        assert isinstance(each.send(number), effects.Get)
    found = []
    for each in executions:
        assert isinstance(each.send(b""), effects.Clock)
        assert isinstance(each.send(MOMENT), effects.Random)
        with pytest.raises(StopIteration) as stop:
            each.send(Chance(b"k"))
        found.append(stop.value.value[:2])
    assert found == [(0, 0), (1, 1), (2, 2)]


def test_where_it_stands_in_a_library():
    install()
    execution = Execution(method(5))
    execution.send(None)
    assert execution.cr_frame.f_code.co_filename == __file__
    assert execution.cr_frame.f_lineno == method.__code__.co_firstlineno + 2
    execution.send(MOMENT)
    assert (execution.cr_frame, execution.cr_await.cr_frame.f_lineno) == (
        None, method.__code__.co_firstlineno + 3,
    )  # fmt: skip
    execution.close()


def test_exceptions_go_both_ways():
    async def catches():
        try:
            await effects.perform(effects.Get(b"k"))
        except KeyError as error:
            raise ValueError(str(error)) from error

    execution = Execution(catches())
    execution.send(None)
    with pytest.raises(ValueError, match="gone"):
        execution.throw(KeyError("gone"))
    with pytest.raises(RuntimeError, match="has ended"):
        execution.send(None)
    execution.close()


@pytest.mark.parametrize("steps", range(4))
def test_one_that_is_dropped_leaves_wherever_it_stands(steps):
    install()
    left = []

    async def tidy():
        try:
            return await method(1)
        finally:
            left.append(steps)

    execution = Execution(tidy())
    answers = [None, MOMENT, b"v", MOMENT]
    for answer in answers[: steps + 1]:
        execution.send(answer)
    execution.close()
    assert left == [steps]


def test_one_that_reads_while_it_is_dropped_does_not_go_on():
    install()

    async def clings():
        try:
            time.time()
        finally:
            time.time()

    execution = Execution(clings())
    execution.send(None)
    with pytest.raises(RuntimeError, match="ignored"):
        execution.close()
    execution.close()


def test_one_that_never_began_is_dropped():
    execution = Execution(method(1))
    execution.close()
    execution.close()
