"""A method cannot end its process: what it raises is its answer, once, and whoever stops a host
is not mistaken for it."""

import pytest

from compiler.stopping import Stopped
from core.memory import MemoryStore
from core.messages import Raised
from core.unsafe import unsafe
from tests.core.programs import increment, program
from tests.direct import DirectHost, root_request

ROOT = b"r" * 16


class Farewell(BaseException):
    pass


def raising(error):
    async def leave(self, key):
        await increment(self, key)
        raise error

    return program(("Desk", {"leave": leave}))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyboardInterrupt(), "KeyboardInterrupt left a method"),
        (SystemExit(3), "SystemExit left a method: 3"),
        (GeneratorExit(), "GeneratorExit left a method"),
        (Farewell("so long"), "Farewell left a method: so long"),
    ],
)
def test_it_is_an_answer_that_is_remembered(error, text):
    app = raising(error)
    host = DirectHost(app, MemoryStore())
    for _ in range(2):
        outcome = host.run(root_request(app, ROOT, "Desk", "leave", "k")).outcome
        assert isinstance(outcome, Raised)
        assert (outcome.type, outcome.text) == ("RuntimeError", text)
    assert len(host.commits) == 1


def test_without_a_protocol_it_is_one_as_well():
    app = raising(KeyboardInterrupt())
    host = DirectHost(app, MemoryStore())
    reply = host.drive(unsafe(app, root_request(app, ROOT, "Desk", "leave", "k"), "x"))
    assert isinstance(reply.outcome, Raised)


def test_a_process_without_memory_answers_nothing_and_another_does():
    store = MemoryStore()
    request = root_request(raising(MemoryError()), ROOT, "Desk", "leave", "k")
    with pytest.raises(MemoryError):
        DirectHost(raising(MemoryError()), store).run(request)
    assert not store.snapshot()
    assert isinstance(DirectHost(raising(ValueError()), store).run(request).outcome, Raised)


def test_who_stops_the_host_is_heard():
    app = raising(Stopped())
    with pytest.raises(Stopped):
        DirectHost(app, MemoryStore()).run(root_request(app, ROOT, "Desk", "leave", "k"))
