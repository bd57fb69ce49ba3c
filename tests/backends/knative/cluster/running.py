"""Runs commands as a person would, and gives back what they see."""

import contextlib
import io
from dataclasses import dataclass

from backends.knative.cli import main

TWO = """
from compiler import Persistent, call, service


@service
class Stock:
    def __init__(self):
        self.items: Persistent[dict[str, int]] = {}

    def add(self, name: str) -> int:
        self.items[name] = self.items.get(name, 0) + 1
        return self.items[name]


@service
class Shop:
    def buy(self, name: str) -> int:
        return call(Stock.add, name)
"""
ONE = TWO[: TWO.index("\n@service\nclass Shop")]
IMAGE = "registry.example/shop:1"
CLUSTER_FILE = b"docker:docker@10.0.0.7:4500\n"


@dataclass
class Seen:
    status: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    def ending(self, word):
        """The objects whose line ends so."""
        lines = [line for line in self.lines if ": " not in line]  # without the summary
        return {line[: -len(word) - 1] for line in lines if line.endswith(" " + word)}


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as end:
            status = end.code
    assert "Traceback" not in err.getvalue()
    return Seen(status, out.getvalue(), err.getvalue())


class Shop:
    """A small application in a folder, and a cluster file for it."""

    def __init__(self, folder, namespace):
        self.path = folder / "shop.py"
        self.cluster_file = folder / "fdb.cluster"
        self.cluster_file.write_bytes(CLUSTER_FILE)
        self.namespace = namespace
        self.write(TWO)

    def write(self, source):
        self.path.write_text(source)

    def deploy(self, *more, image=IMAGE, waiting=False):
        wait = () if waiting else ("--no-wait",)
        given = ("--image", image, "--cluster-file", self.cluster_file, *wait, *more)
        return run("deploy", self.path, "--namespace", self.namespace, *given)

    def run(self, command, *more):
        return run(command, self.path, "--namespace", self.namespace, *more)
