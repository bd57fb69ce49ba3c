import datetime
import random
import textwrap
import time
import uuid

import pytest

from compiler.api.substitutes import substitute
from tests.compiler.travel import travel

MOMENT = 1_700_000_000_123_456_789
SOURCE = """
    import datetime
    import datetime as dt
    import random
    import time
    import uuid
    from datetime import date
    from datetime import datetime as DateTime
    from random import choice, randint
    from time import time as now
    from uuid import uuid1, uuid4
"""


@pytest.fixture
def module():
    namespace = {}
    exec(textwrap.dedent(SOURCE), namespace)
    substitute(namespace)
    return namespace


@pytest.fixture
def in_run(module):
    with travel(clock=lambda: MOMENT, rng=random.Random(7)):
        yield module


def ask(module, expression):
    return eval(expression, module)


def test_the_clock_is_the_runs(in_run):
    assert ask(in_run, "time.time_ns(), now(), time.monotonic(), time.perf_counter_ns()") == (
        *(MOMENT, MOMENT / 1e9, MOMENT / 1e9, MOMENT),
    )
    utc = datetime.datetime(2023, 11, 14, 22, 13, 20, 123456)
    assert ask(in_run, "DateTime.utcnow()") == utc
    assert ask(in_run, "dt.datetime.now(dt.timezone.utc)") == utc.replace(tzinfo=datetime.UTC)
    local = utc.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)
    assert ask(in_run, "datetime.datetime.now(), DateTime.today()") == (local, local)
    assert ask(in_run, "date.today(), dt.date.today()") == (local.date(), local.date())
    assert ask(in_run, "time.gmtime()") == time.gmtime(1_700_000_000)
    assert ask(in_run, "time.gmtime(0)") == time.gmtime(0)


def test_random_numbers_are_the_runs(in_run):
    stream = random.Random(7)
    assert ask(in_run, "random.random()") == stream.random()
    assert ask(in_run, "randint(1, 10**9)") == stream.randint(1, 10**9)
    assert ask(in_run, "choice('abcdef')") == stream.choice("abcdef")
    assert ask(in_run, "random.gauss(mu=1, sigma=2)") == stream.gauss(1, 2)
    expected = uuid.UUID(int=stream.getrandbits(128), version=4)
    assert ask(in_run, "uuid4()") == expected
    first, second = ask(in_run, "uuid1()"), ask(in_run, "uuid.uuid1()")
    assert first != second
    assert (first.version, first.variant, first.time) == (1, uuid.RFC_4122, second.time)
    nanoseconds = (first.time - 0x01B21DD213814000) * 100
    assert nanoseconds == MOMENT // 100 * 100


def test_what_is_not_replaced_passes_through(in_run):
    assert ask(in_run, "uuid.UUID(int=5)") == uuid.UUID(int=5)
    assert ask(in_run, "time.strftime('%Y', time.gmtime(0))") == "1970"
    assert ask(in_run, "random.Random(5).random()") == random.Random(5).random()
    assert ask(in_run, "DateTime.fromisoformat('2024-01-01').year") == 2024
    with pytest.raises(AttributeError, match="nothing"):
        ask(in_run, "time.nothing")


def test_stand_in_classes_make_and_know_the_real_ones(in_run):
    made = ask(in_run, "DateTime(2024, 1, 2)")
    assert type(made) is datetime.datetime
    in_run["made"] = made
    assert ask(in_run, "isinstance(made, DateTime) and isinstance(made, date)")
    assert not ask(in_run, "isinstance(1, DateTime)")
    assert ask(in_run, "DateTime.max") == datetime.datetime.max
    assert ask(in_run, "DateTime.max - DateTime.min") > datetime.timedelta(1)


def test_outside_of_a_run_everything_is_the_machines(module):
    before = time.time_ns()
    assert before <= ask(module, "time.time_ns()") <= time.time_ns()
    assert ask(module, "DateTime.now()") >= datetime.datetime.fromtimestamp(before // 10**9)
    assert ask(module, "uuid4()") != ask(module, "uuid4()")
    assert ask(module, "uuid1()").node == uuid.getnode()
    assert 1 <= ask(module, "randint(1, 3)") <= 3


def test_every_random_function_is_replaced(module):
    functions = [
        name
        for name in random.__all__
        if isinstance(getattr(getattr(random, name), "__self__", None), random.Random)
    ]
    assert len(functions) > 20
    assert [n for n in functions if getattr(module["random"], n) is getattr(random, n)] == []
