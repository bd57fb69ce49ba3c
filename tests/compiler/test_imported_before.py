"""An application whose modules somebody has imported before, as tests do."""

import importlib
import sys

import pytest

from compiler import application

TEXT = """
from compiler import Persistent, service


def spelled(names):
    return [name for name in {*names}]


class Names(list):
    def apart(self):
        return list({*self})


@service
class Board:
    def __init__(self) -> None:
        self.told: Persistent[list[str]] = []

    def tell(self, names: list[str]) -> list[str]:
        for name in set(names):
            self.told.append(name)
        return [*self._first(names), *spelled(names), *Names(names).apart()]

    @staticmethod
    def _first(names: list[str]) -> list[str]:
        return list(set(names))
"""
NAMES = [f"name-{number}" for number in range(40)]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The services of a package ``imported_before``, imported by Python itself."""
    package = tmp_path / "imported_before"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "services.py").write_text(TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("imported_before.services")
    for name in ("imported_before", "imported_before.services"):
        sys.modules.pop(name)


def test_its_sets_keep_the_order_in_which_they_are_made(module, tmp_path):
    assert module.spelled(NAMES) != NAMES
    reference = application.load(str(tmp_path / "imported_before")).reference()
    assert reference.run("Board", "tell", (NAMES,)) == NAMES * 3
    assert module.spelled(NAMES) == NAMES


def test_its_classes_stay_the_same(module, tmp_path):
    board = module.Board
    assert application.load(str(tmp_path / "imported_before")).classes["Board"] is board
    assert module.Board is board
