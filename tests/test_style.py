"""House rules that neither ruff nor mypy knows."""

import ast
import importlib
import io
import re
import tokenize
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("core", "compiler", "sim", "backends", "figures", "apps", "benchmarks")
MODULES = sorted(
    path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)
MODULE_LINES, FUNCTION_LINES = 450, 60

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OWNED = re.compile(r"TODO\([\w.@-]+\):")


def problems(source):
    """What the house rules have against a module."""
    tree = ast.parse(source)
    found = []
    if source.strip() and not ast.get_docstring(tree):
        found.append("no docstring")
    if source.count("\n") > MODULE_LINES:
        found.append("module too long")
    found += [
        f"function {node.name} too long"
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and node.end_lineno - node.lineno >= FUNCTION_LINES
    ]
    found += [
        f"line {token.start[0]}: TODO without an owner"
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
        if "TODO" in token.string and not OWNED.search(token.string)
    ]
    return found


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_house_rules(module):
    assert problems((ROOT / module).read_text()) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1\n", "no docstring"),
        ('"""Doc."""\n' + "\n" * 450, "module too long"),
        ('"""Doc."""\ndef f():\n' + "    x = 1\n" * 60, "function f too long"),
        ('"""Doc."""\nx = 1  # TODO: later\n', "line 2: TODO without an owner"),
    ],
)
def test_a_broken_rule_is_found(source, problem):
    assert problems(source) == [problem]


def test_what_just_fits_is_let_through():
    source = '"""Doc."""\n# TODO(ada): later\nasync def f():\n' + "    x = 1\n" * 59
    assert problems(source + "\n" * (450 - source.count("\n"))) == []


def test_the_facade_exports_what_it_says():
    facade = importlib.import_module("compiler")
    public = {
        name
        for name, value in vars(facade).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    modules = {name for name in facade.__all__ if isinstance(vars(facade)[name], types.ModuleType)}
    assert len(facade.__all__) == len(set(facade.__all__))
    assert set(facade.__all__) == (public | modules) - {"annotations"}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_what_a_module_says_it_exports_is_there(module):
    """``__all__`` is explicit, and names only what the module defines or imports."""
    tree = ast.parse((ROOT / module).read_text())
    exports = next(
        (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ),
        None,
    )
    if exports is None:
        registered = [node for node in tree.body if isinstance(node, FUNCTIONS)]
        registers = module.parts[:2] == ("sim", "planted") and all(
            node.decorator_list or node.name.startswith("_") for node in registered
        )
        named_for_python = module.name in ("__init__.py", "__main__.py")
        assert named_for_python or registers or module.parts[1].endswith("_paper")
        return
    bound = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, (*FUNCTIONS, ast.ClassDef))}
    bound |= {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(exports) == sorted(set(exports))
    assert set(exports) <= bound
