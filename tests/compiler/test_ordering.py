"""The order of sets: the same in every process, plain and compiled, and after a crash."""

import ast
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.application import load
from compiler.ordering import Meanings, with_ordered_sets
from core.ids import root_id
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Send
from tests.compiler.driver import compare, compiled
from tests.direct import DirectHost, root_request

ROOT = Path(__file__).parent.parent.parent
APP = "tests/compiler/labels"
WORDS = ["pear", "fig", "apple", "kiwi", "plum"]
METHODS = [
    *("displayed", "by_libraries", "operated", "of_views", "of_libraries", "of_own_classes"),
    *("passed_on", "noted"),
]
SEEDS = ("1", "2", "3")


def run(app, host, method, number=0):
    """The answer of the compiled method."""
    root = root_id(1000, random.Random(number))
    outcome = host.run(root_request(app.program, root, "Labels", method, WORDS)).outcome
    assert isinstance(outcome, Returned), outcome
    return app.program.codec.decode(outcome.value)


def host_of(app):
    store = MemoryStore()
    store.load(sorted(app.initial_state().items()))
    return DirectHost(app.program, store)


def python(*words, seed):
    """What this interpreter prints under a hash seed."""
    command = [sys.executable, *words]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


EVERYTHING = """
from tests.compiler.test_ordering import *
app = load(APP)
host, reference = host_of(app), app.reference()
for number, method in enumerate(METHODS):
    print(method, run(app, host, method, number), reference.run("Labels", method, (WORDS,)))
print([call.args for call in host.calls], sorted(host.store.snapshot().items()))
print([commit.mutations for commit in host.commits])
print(sorted(reference.dump().items()))
"""


def test_answers_calls_and_bytes_are_the_same_whatever_the_hash_seed():
    first, *others = [python("-c", EVERYTHING, seed=seed) for seed in SEEDS]
    assert "kiwi" in first
    assert others == [first] * len(others)


@pytest.mark.parametrize("method", METHODS)
def test_the_plain_classes_give_the_same_order(method):
    app = load(APP)
    expected = app.reference().run("Labels", method, (WORDS,))
    assert repr(run(app, host_of(app), method)) == repr(expected)


def test_the_order_is_that_in_which_elements_were_added():
    """On every interpreter: what stands here was not computed."""
    app = load(APP)
    added = ["fig", "pear", "apple", "kiwi", "plum"]
    assert run(app, host_of(app), "displayed")[:2] == [added, ["first", *added]]
    assert run(app, host_of(app), "operated")[:2] == [
        WORDS,
        ["plum", "kiwi", "apple", "fig", "pear"],
    ]
    assert run(app, host_of(app), "noted") == ["labels:", *WORDS]


def test_what_libraries_make_has_the_order_of_its_keys():
    app = load(APP)
    in_order = ["apple", "fig", "kiwi", "pear", "plum"]
    made = run(app, host_of(app), "of_libraries")
    assert made[2] == [in_order, ["q", "r", "s"]]
    assert made[-1] == ["__future__,_abc,_a"] * 2
    assert run(app, host_of(app), "of_views")[0] == ["apple", "fig", "kiwi", "plum"]


class Killed(BaseException):
    pass


class Mortal(DirectHost):
    """A host that dies instead of sending once too often."""

    left = 4

    def perform(self, effect):
        if isinstance(effect, Send):
            self.left -= 1
            if self.left < 0:
                raise Killed
        return super().perform(effect)


def begin(path):
    """Run ``noted`` until the host dies, and keep what is durable."""
    app = load(APP)
    host = Mortal(app.program, host_of(app).store)
    with pytest.raises(Killed):
        run(app, host, "noted")
    Path(path).write_bytes(pickle.dumps(host.store.snapshot()))


def complete(path):
    """What becomes of the same request over what was durable."""
    app = load(APP)
    store = MemoryStore()
    store.load(sorted(pickle.loads(Path(path).read_bytes()).items()))
    host = DirectHost(app.program, store)
    counts = root_request(app.program, root_id(9, random.Random(1)), "Labels", "counts")
    done = run(app, host, "noted")
    return done, app.program.codec.decode(host.run(counts).outcome.value)


def test_another_process_completes_what_one_began(tmp_path):
    kept = str(tmp_path / "kept")
    load_ = "from tests.compiler.test_ordering import *; import sys; "
    python("-c", f"{load_}begin(sys.argv[1])", kept, seed="1")
    done = python("-c", f"{load_}print(*complete(sys.argv[1]))", kept, seed="2")
    assert done.startswith(f"{['labels:', *WORDS]} (1, 1)")


# --- what is changed before a module is executed


def executed(source):
    tree = ast.parse(source)
    meanings = Meanings(tree, {"apps.own"}, ["SyncInvoke"])
    body = with_ordered_sets(ast.parse(source).body, meanings)
    return ast.unparse(ast.Module(body, []))


@pytest.mark.parametrize(
    "source",
    [
        "def f(set):\n    return set()",
        "def f():\n    from apps.own import set\n    return set()",
        "set = list\n\ndef f():\n    return set()",
        "def f():\n    global set\n    set = list\nx = set()",
        "f = lambda set, x: set(x)",
        "class A:\n\n    def set(self):\n        pass\n    x = set(1)",
    ],
)
def test_a_name_with_another_meaning_is_left_alone(source):
    assert executed(source) == source


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: set[str], *y: set) -> frozenset[str]:\n    z: set = x",
        "Names = dict[str, set[str]]\nMaybe = set | None",
        "from typing import Optional\nMaybe = Optional[set]",
        "ok = x in {1, 2}",
        "x = 5 - y\nz = len(y) - w\nv = a / b - c",
        "x -= 1\ny.total -= 2",
        "from json import loads\nimport apps.own\nx = loads(y)\nz = apps.own.f(y)",
        "from apps.own import f\nfrom .near import g\nx = [f(y), g(y), SyncInvoke(y)]",
        "async def f():\n    x = await _mu.call(y)",
        "x = y.strip().split(',')",
        "import ast\nmatch x:\n    case ast.Load | set(y) if y:\n        pass",
        "from __future__ import annotations\nfrom __future__ import division",
    ],
)
def test_what_makes_no_set_is_left_alone(source):
    assert executed(source) == source


def test_methods_may_be_called_set(tmp_path):
    """A class's own names are not those of its methods."""
    application = compiled(
        tmp_path,
        """
        @service
        class S:
            def __init__(self):
                self.n: Persistent[int] = 0

            def set(self, words):
                kept = set(words)
                kept.add("z")
                self.n = len(kept)
                return ",".join(kept), [*{"b", "a"}, *frozenset("cb")]
        """,
    )
    answers = compare(application, [("S.set", ["q", "a"])])
    assert answers == [("returned", ("q,a,z", ["b", "a", "c", "b"]))]


def test_types_go_on_naming_python_s_own(tmp_path):
    application = compiled(
        tmp_path,
        """
        import msgspec
        from dataclasses import dataclass

        @dataclass
        class Order:
            labels: set[str]
            kinds: frozenset[str] = frozenset()

        @service
        class S:
            def read(self, data):
                order = msgspec.json.decode(data, type=Order)
                words = msgspec.json.decode(data, type=dict[str, set[str]])
                return ",".join(order.labels), ",".join(words["labels"])
        """,
    )
    data = b'{"labels": ["b", "c", "a"]}'
    assert compare(application, [("S.read", data)]) == [("returned", ("a,b,c", "a,b,c"))]
