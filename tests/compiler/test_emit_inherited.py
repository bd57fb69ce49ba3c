"""What is shown of inherited code runs as shown: each name is what it is where it was written."""

import importlib
import sys

import pytest

from compiler.application import load
from compiler.emit import emit
from tests.compiler.driver import compare

MODULES = {
    "base": """
        K = "base"
        STEP = 1
        LATER = "base"
        ONLY = "base"
        def max(*values): return "base"
        def tell(): return "base"
        class Base:
            def k(self, given: str = K) -> tuple: return given, K, [K for _ in range(2)], STEP
            def builtin(self) -> tuple: return max(1, 2), min(1, 2), len("four")
            def local(self) -> str:
                _base_K = "mine"
                return _base_K + LATER
            def told(self) -> str: return tell()
            def only(self) -> str: return ONLY
            @staticmethod
            def still() -> str: return K
            def stays(self) -> str: return self.still()
            def above(self) -> str: return K
    """,
    "other": """
        K = "other"
        ONLY = "other"
        class Other:
            def others(self) -> tuple: return K, ONLY
    """,
    "shop": """
        from compiler import *
        from base import STEP, Base
        from other import Other
        K = "shop"
        def min(*values): return "shop"
        def tell(): return "shop"
        @service
        class Shop(Base):
            def mine(self) -> tuple: return K, max(1, 2), min(1, 2), tell()
            def above(self) -> str: return super().above() + K
        LATER = "shop"
        @service
        class Both(Base, Other): pass
    """,
}
COMMON = ["k", "builtin", "local", "told", "only", "stays", "above"]
ASKED = [f"Shop.{name}" for name in [*COMMON, "mine"]]
ASKED += [f"Both.{name}" for name in [*COMMON, "others"]]


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """The application, and its emitted module ``shop``, imported."""
    folder, out = tmp_path / "app", tmp_path / "out"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text("\n".join(line[8:] for line in text.splitlines()))
    application = load(folder)
    emit(application, out)
    monkeypatch.syspath_prepend(str(out))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield application, importlib.import_module("shop"), (out / "shop.py").read_text()
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_what_is_shown_gives_what_the_program_gives(shown):
    application, module, _ = shown
    answers = compare(application, [(call,) for call in ASKED])
    assert answers[0] == ("returned", ("base", "base", ["base", "base"], 1))
    assert answers[ASKED.index("Shop.mine")] == ("returned", ("shop", 2, "shop", "shop"))
    assert answers[ASKED.index("Both.others")] == ("returned", ("other", "other"))
    for call, answer in zip(ASKED, answers, strict=True):
        service, method = call.split(".")
        with pytest.raises(StopIteration) as stop:
            getattr(getattr(module, service)(), method)().send(None)
        assert ("returned", stop.value.value) == answer, call


def test_names_are_imported_once_and_plainly_where_they_can_be(shown):
    _, _, text = shown
    imports = [line for line in text.splitlines() if line.startswith("from ")]
    assert len(set(imports)) == len(imports)
    assert "from base import ONLY" in imports
    assert not any("STEP" in line for line in imports if line != "from base import STEP, Base")
