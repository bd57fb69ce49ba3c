"""Applications as they are found, loaded, emitted and shown."""

import ast
import importlib.util
import json
import linecache
import random
import subprocess
import sys
import traceback
from pathlib import Path

import networkx as nx
import pytest

from compiler import cli
from compiler.application import load
from compiler.emit import emit
from tests.compiler.driver import Driver, compare, compiled, write_app

SHOP = '''
    """A shop."""
    import time

    LIMIT = 3

    class Empty(Exception):
        """Nothing left."""

    # About the shop
    @service
    class Shop:
        """Sells."""

        def __init__(self):
            self.stock: Persistent[dict[str, int]] = {"tea": 2}  # what there is
            self.names = ["a", "b"]

        def buy(self, what: str, count: int = 1) -> int:
            # look first
            if self.stock.get(what, 0) < count:
                # too few
                raise Empty(what)  # sorry
            self.stock[what] -= count
            return self._left(what)  # the rest

        def _left(self, what):
            return (self.stock[what] +
                    self.stock["nothing such"])

        def when(self):
            return time.time(), LIMIT
'''


@pytest.fixture
def shop(tmp_path):
    return compiled(tmp_path, SHOP, "shop")


def test_tracebacks_show_the_users_lines(shop):
    driver = Driver(shop.program, shop.initial_state(), None)
    with pytest.raises(KeyError) as raised:
        driver.run("Shop", "buy", ("tea",))
    frames = traceback.extract_tb(raised.value.__traceback__)
    path = str(shop.sources[0].path)
    mine = [(f.name, f.line) for f in frames if f.filename == path]
    assert mine == [
        ("buy", "return self._left(what)  # the rest"),
        ("_left", 'self.stock["nothing such"])'),
    ]
    assert linecache.getline(path, frames[-2].lineno).strip() == 'self.stock["nothing such"])'


def test_compiled_functions_know_their_place(shop):
    method = shop.program.method("Shop", "buy")
    assert (
        method.function.__wrapped__.__code__.co_filename == str(shop.sources[0].path) == method.file
    )
    assert method.function.__wrapped__.__code__.co_firstlineno == method.line == 20
    assert method.function.__qualname__ == "Shop.buy"
    assert method.public
    assert not shop.program.method("Shop", "_left").public
    method.check("tea", count=2)
    with pytest.raises(TypeError):
        method.check("tea", nope=2)


def test_what_the_program_holds(shop):
    instance = shop.program.services["Shop"].instance
    assert instance.names == ["a", "b"]
    assert shop.persistent == {"Shop": {"stock": "dict"}}
    assert shop.program.initial == shop.initial_state() == shop.reference().dump()
    assert shop.name == "shop"
    named_by_the_star = {"Caller", "Started"}
    assert {kind.__name__ for kind in shop.types} == {"Empty"} | named_by_the_star


def test_exceptions_are_the_same_class_in_both_runs(shop):
    (empty,) = [kind for kind in shop.types if kind.__name__ == "Empty"]
    with pytest.raises(empty):
        Driver(shop.program, {}, None).run("Shop", "buy", ("tea", 7))
    (empty,) = [kind for kind in shop.types if kind.__name__ == "Empty"]
    with pytest.raises(empty):
        shop.reference().run("Shop", "buy", ("tea", 7))


def test_emitted_modules_keep_comments_and_can_be_imported(shop, tmp_path):
    (path,) = emit(shop, tmp_path / "out")
    text = path.read_text()
    for comment in ("# About the shop", "# what there is", "# look first", "# too few", "# sorry"):
        assert comment in text
    assert text.startswith("# Compiled from ")
    assert "async def buy(self, what: str, count: int=1) -> int:" in text
    assert "await self.stock.get(what, 0)" in text
    spec = importlib.util.spec_from_file_location("emitted_shop", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.Shop.buy.__code__.co_flags & 0x80  # a coroutine function


def test_what_is_emitted_is_what_runs(shop, tmp_path):
    """Both come from one tree."""
    (path,) = emit(shop, tmp_path / "out")
    emitted = {
        node.name: ast.dump(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef)
    }
    compiled_methods = shop.declared.services["Shop"].methods.values()
    assert {each.name: ast.dump(each.compiled) for each in compiled_methods} == emitted


PACKAGE = {
    "__init__.py": "from .services import Box\n",
    "services.py": (
        "from compiler import *\n@service\nclass Box:\n    def __init__(self):\n"
        "        self.d: Persistent[dict[str, int]] = {}\n"
        "    def put(self, k, v):\n        self.d[k] = v\n"
    ),
    "workload.py": (
        "from compiler import call, instance\nfrom bx.services import Box\n"
        "def setup():\n    instance(Box).d['a'] = 1\n    call(Box.put, 'b', 2)\n"
        "MIX = {'Box.put': 1.0}\nARGUMENTS = {'Box.put': lambda rng: ('k', rng.randint(0, 9))}\n"
        "def all_positive():\n    assert all(v > 0 for v in instance(Box).d.values())\n"
        "def _helper():\n    pass\n"
    ),
}


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "bx"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    return folder


def test_a_package_with_a_workload(package):
    application = load(package)
    assert application.name == "bx"
    assert application.workload.mix == {"Box.put": 1.0}
    assert application.workload.arguments["Box.put"](random.Random(1))[0] == "k"
    assert list(application.workload.invariants) == ["all_positive"]
    assert len(application.initial_state()) == 2
    assert application.initial_state(set_up=False) == {}
    assert application.program.initial == application.initial_state()
    with application.reference(set_up=True):
        application.workload.invariants["all_positive"]()
    with application.reference(set_up=True) as reference:
        reference.run("Box", "put", ("c", -1))
        with pytest.raises(AssertionError):
            application.workload.invariants["all_positive"]()
    compare(application, [("Box.put", "z", 3)])


def test_a_package_by_its_dotted_name(package, monkeypatch):
    monkeypatch.chdir(package.parent)
    assert load("bx").classes["Box"].__module__ == "bx.services"
    assert load("bx.services").name == "services"


def test_loading_again_shares_the_classes_until_the_source_changes(package):
    first = load(package)
    assert load(package).classes["Box"] is first.classes["Box"]
    path = package / "services.py"
    path.write_text(path.read_text().replace("= v", "= v + 1"))
    changed = load(package)
    assert changed.classes["Box"] is not first.classes["Box"]
    compare(changed, [("Box.put", "z", 3)])


def test_a_single_file_with_a_workload(tmp_path):
    application = compiled(
        tmp_path,
        SHOP + "\n    MIX = {'Shop.buy': 1}\n    ARGUMENTS = {'Shop.buy': lambda rng: ('tea',)}\n"
        "    def setup():\n        instance(Shop).stock['x'] = 3\n"
        "    def sane():\n        assert instance(Shop).stock\n",
    )
    assert list(application.workload.invariants) == ["sane"]
    assert len(application.initial_state()) == 2


def test_a_folder_that_is_no_package(tmp_path):
    (tmp_path / "one.py").write_text("from compiler import *\n@service\nclass One:\n    pass\n")
    (tmp_path / "two.py").write_text(
        "from compiler import *\nfrom one import One\n@service\nclass Two:\n"
        "    def m(self):\n        return 1\n"
    )
    assert set(load(tmp_path).classes) == {"One", "Two"}
    assert set(load(tmp_path / "two.py").classes) == {"One", "Two"}


def test_names_that_clash_with_the_library(tmp_path):
    for name in ("random", "my-service"):
        application = compiled(
            tmp_path, "@service\nclass S:\n    def m(self):\n        return 1\n", name
        )
        compare(application, [("S.m",)])
    assert sys.modules["random"] is random


def test_annotations_that_nobody_evaluates(tmp_path):
    path = tmp_path / "hinted.py"
    path.write_text(
        "from __future__ import annotations\nfrom compiler import Persistent, service\n"
        "@service\nclass S:\n    def __init__(self):\n        self.n: Persistent[Hint] = 1\n"
        "    def m(self, x: Hint = None) -> Hint:\n        return self._n(x)\n"
        "    def _n(self, x: Hint) -> Hint:\n        return x, self.n\n"
    )
    assert compare(load(path), [("S.m", 2)]) == [("returned", (2, 1))]


# --- the command line


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_check(shop, capsys):
    assert run("check", shop.sources[0].path) == 0
    out = capsys.readouterr().out
    assert "buy" in out
    assert "shop compiles" in out


def test_check_shows_errors(tmp_path, capsys):
    path = write_app(tmp_path, "@service\nclass S:\n    def m(self):\n        self.x = 1\n")
    assert run("check", path) == 2
    err = capsys.readouterr().err
    assert "S has no field x" in err
    assert "        self.x = 1\n    ^^^^^^"[8:] in err
    assert "to keep it, self.x: Persistent[...] = ... in __init__" in err
    assert "1 error" in err


def test_build(shop, tmp_path, capsys):
    assert run("build", shop.sources[0].path, "-o", tmp_path / "b") == 0
    assert (tmp_path / "b/shop.py").exists()
    assert "wrote" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["dot", "graphml", "json", "png", "svg"])
def test_graph(shop, tmp_path, suffix):
    path = tmp_path / f"g.{suffix}"
    assert run("graph", shop.sources[0].path, "-o", path) == 0
    if suffix == "json":
        assert json.loads(path.read_text())["nodes"]
    elif suffix == "graphml":
        read = nx.read_graphml(path)
        assert set(read.nodes) == set(shop.graph.nodes)
        assert read.nodes["Shop.buy"]["footprint"] == "Shop.stock"
    elif suffix == "dot":
        assert path.read_text().startswith("digraph")
    elif suffix == "svg":
        assert ">Shop<" in path.read_text()
    else:
        assert path.stat().st_size > 5000


def test_graph_on_the_screen(shop, capsys):
    assert run("graph", shop.sources[0].path) == 0
    assert '"Shop.buy"' in capsys.readouterr().out


def test_run(shop, capsys):
    assert run("run", shop.sources[0].path, "Shop.when", "--seed", 3) == 0
    out = capsys.readouterr().out
    assert "result" in out
    assert "Shop.stock =" in out


def test_run_shows_sets_in_order(tmp_path, capsys):
    path = write_app(
        tmp_path,
        """
        @service
        class S:
            def __init__(self):
                self.s: Persistent[set] = {"pear", "fig", "apple"}
            def m(self):
                return [{"z", "a", "q", "c"}], {1: frozenset({"y", "b"})}
        """,
    )
    assert run("run", path, "S.m") == 0
    out = capsys.readouterr().out
    assert "([{'a', 'c', 'q', 'z'}], {1: frozenset({'b', 'y'})})" in out
    assert "{'apple', 'fig', 'pear'}" in out


def test_run_shows_the_users_exception(shop, capsys):
    assert run("run", shop.sources[0].path, "Shop.buy", "tea", "count=1") == 1
    out = capsys.readouterr().out
    assert "Shop.buy raised KeyError: 'nothing such'" in out
    assert "in _left" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Shop.by", "tea"], "did you mean Shop.buy?"),
        (["Shop._left", "tea"], "Shop._left: what begins with an underscore is private"),
        (["Shop"], "there is no method Shop"),
        (["Shop.buy"], "Shop.buy is not given what: give buy(what: str, count: int=1)"),
        (["Shop.buy", "a", "b", "c"], "at most 2"),
        (["Shop.buy", "what=tea", "what=tea"], "Shop.buy is given what twice: give it once"),
        (
            ["Shop.buy", "[" * 50_000],
            "the argument [[[[[[[[[[[[[[[[[[[[... is too long a number or",
        ),
        (["Shop.buy", "1" * 5000], "the argument 11111111111111111111... is too long a number or"),
        (["Shop.buy", "tea", "cuont=2"], "has no parameter cuont: give buy(what: str"),
    ],
)
def test_run_with_wrong_input(shop, capsys, arguments, message):
    assert run("run", shop.sources[0].path, *arguments) == 2
    assert message in capsys.readouterr().err


WRONG_FILES = [
    (
        "a.py",
        b"\xff",
        "a.py: this is not text in UTF-8, nor in an encoding it names\n"
        "    instead: a file that is saved",
    ),
    (
        "a.csv",
        b"\xff",
        "a.csv: this is not text in UTF-8, nor in an encoding it names\n"
        "    instead: a file that is saved",
    ),
    (
        "a.py",
        b"# coding: none\n",
        "a.py: unknown encoding: none\n    instead: a file that is saved",
    ),
    ("a.csv", b"S,'b.py'\nS,\"b.py", "a.csv:2:1: this is no line of a .csv file: unexpected"),
    ("a.csv", b"S," + b"x" * 200_000, "a.csv:1:1: this is no line of a .csv file: field larger"),
    ("a.csv", b"", "a.csv lists no services; write a line for each: "),
    ("a.txt", b"", "a.txt is no application; give a package"),
    ("a.py", b"x = " + b"-" * 50_000 + b"1", "a.py: this is nested too deeply for Python"),
    ("a.py", b"import sys\nsys.exit(0)", "a.py:2:1: importing the module fails here: SystemExit"),
    ("a/b.py/c", b"", "a/b.py: cannot be read: Is a directory\n    instead: a file that can"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG_FILES)
def test_a_file_that_is_no_application(tmp_path, monkeypatch, capsys, name, content, message):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content)
    assert run("check", name.partition("/")[0]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
    assert max(map(len, said.err.splitlines())) < 300


def test_a_set_up_that_exits(tmp_path, capsys):
    path = write_app(
        tmp_path, "@service\nclass S:\n    pass\ndef setup():\n    raise SystemExit(0)\n"
    )
    assert run("check", path) == 2
    assert ":6:5: setup() raised SystemExit: 0\n    raise SystemExit(0)" in capsys.readouterr().err


def test_a_byte_order_mark_and_lines_as_in_windows_are_let_through(tmp_path):
    text = "\ufefffrom compiler import service\r\n@service\r\nclass S:\r\n    pass\r\n"
    (tmp_path / "a.py").write_text(text, encoding="utf-8", newline="")
    (tmp_path / "a.csv").write_text("\ufeffS,a.py\r\n", encoding="utf-8", newline="")
    assert run("check", tmp_path / "a.py") == 0
    assert run("check", tmp_path / "a.csv") == 0


def test_a_place_that_cannot_be_written(shop, tmp_path, capsys):
    (tmp_path / "file").touch()
    for command, out in (("build", "file"), ("graph", "file/x.dot"), ("graph", "none/x.svg")):
        assert run(command, shop.sources[0].path, "-o", tmp_path / out) == 2
        said = capsys.readouterr().err
        assert f"error: {tmp_path / out}: cannot be written: " in said
        assert said.endswith(": give another place with -o\n")


def test_interrupted(tmp_path, capsys):
    ctrl_c = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    assert run("check", write_app(tmp_path, ctrl_c)) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_wrong_input(tmp_path, shop, capsys, monkeypatch):
    assert run("check", tmp_path / "nope") == 2
    assert "no application" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "compiler.drawing", raising=False)
    assert run("graph", shop.sources[0].path, "-o", tmp_path / "x.svg") == 2
    assert "pip install 'mu2sls[graph]'" in capsys.readouterr().err
    assert run("graph", shop.sources[0].path, "-o", "x.jpg") == 2
    assert "not as '.jpg'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        run("chekc", "x")
    assert stopped.value.code == 2


def test_help():
    shown = subprocess.run(
        [sys.executable, "-m", "compiler", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "ClassName,path" in shown
    assert "python -m compiler run apps/hotel" in shown
