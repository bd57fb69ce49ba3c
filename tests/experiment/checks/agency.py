"""The hand-written programs as an application with a workload, to run without a compiler."""

from types import SimpleNamespace

from core.codec import Codec
from core.keys import encode_key
from core.layout import data_prefix
from experiment.scenario.model import Load, Recovery, Retention, Scenario
from tests.core.programs import ALL

CODEC = Codec()
ROOMS = 100_000


def _key(rng):
    return (f"k{rng.randrange(100)}",)


class Application:
    """What ``run`` asks of a compiled application."""

    program = ALL
    workload = SimpleNamespace(
        callers={},
        mix={"Agency.book": 9.0, "Counter.look": 1.0},
        arguments={
            "Agency.book": lambda rng: (f"f{rng.randrange(100)}", f"h{rng.randrange(100)}"),
            "Counter.look": _key,
            "Counter.increment": _key,
            "Tree.both": _key,
            "Tree.wander": _key,
            "Front.forward": _key,
            "Front.forward_twice": _key,
        },
    )

    def initial_state(self):
        state = {}
        for service, letter in (("Flight", "f"), ("Hotel", "h")):
            for number in range(100):
                key = data_prefix(service, "values") + encode_key(f"{letter}{number}")
                state[key] = CODEC.encode(ROOMS)
        return state


def scenario(**changes):
    """A short scenario: fifty requests a second for two seconds."""
    content = {
        "name": "test",
        "app": "agency",
        "seed": 7,
        "heal": 15.0,
        "retention": Retention(period=30.0, interval=2.0),
        "recovery": Recovery(interval=0.5, stale=1.0),
        "load": [Load(name="steady", executor="constant-arrival-rate", rate=50.0, duration=2.0)],
    }
    return Scenario(**{**content, **changes})


def value(content, service, element):
    """The value of an element of ``Service.values`` in a store's content, or None."""
    found = content.get(data_prefix(service, "values") + encode_key(element))
    return None if found is None else CODEC.decode(found)
