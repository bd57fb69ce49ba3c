"""The compiled application as readable Python, comments kept.

Each module of the application becomes one file: the module as it was, with the
compiled functions in place of the plain ones. It is written from the very tree
that is executed.
"""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.comments import leading, put_above, unparse
from compiler.errors import display_path
from compiler.inherited_names import InheritedNames
from compiler.model import Declared, Service
from compiler.modules import PAPER_NAMES, PlainModule
from compiler.program import inherited_from
from compiler.rewrite.nodes import RUNTIME
from own_files import MARK, see_free, write

if TYPE_CHECKING:
    from compiler.application import Application

__all__ = ["emit", "emit_module"]


def emit(application: Application, folder: Path) -> list[Path]:
    """Write the compiled modules of ``application`` below ``folder``; the files written.

    :raises OSError: one cannot be written, or is there and not ours; then none is.
    """
    modules = {}
    for plain in application.declared.plain_modules:
        path = folder.joinpath(*plain.source.name.split("."))
        path = path / "__init__.py" if plain.source.is_package else path.with_suffix(".py")
        see_free(path)
        modules[path] = emit_module(plain, application.declared)
    for path, text in modules.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text)
    return list(modules)


def emit_module(plain: PlainModule, declared: Declared) -> str:
    """One compiled module as source."""
    compiled: dict[int, ast.stmt] = {
        id(function.written): function.compiled
        for function in declared.all_functions()
        if function.compiled is not None
        and (function.service is None or function.owner is function.service.cls)
    }
    services = {id(service.node): service for service in declared.services.values()}
    names = InheritedNames(plain, declared)
    body = []
    for statement in plain.source.tree.body:
        shown = _emitted(statement, compiled)
        if id(statement) in services:
            body += names.imports(services[id(statement)])
            shown = _with_inherited(shown, services[id(statement)], names)
        body.append(shown)
    body = [_without_paper_module(statement) for statement in body]
    first, body = leading(body)
    interpreter = first[:1] if first and first[0].startswith("#!") else []
    header = [
        *interpreter,
        f"# Compiled from {display_path(plain.source.path)}; change that file, not this one.",
        f"# {MARK}",
        "# It needs: the packages compiler and core of mu2sls.",
        "# Sets keep the order in which they are made, as everywhere in an application.",
        *first[len(interpreter) :],
    ]
    module = ast.Module(_with_imports(body, _needed(body)), [])
    return "\n".join([*header, unparse(module, plain.source.text), ""])


def _emitted(statement: ast.stmt, compiled: dict[int, ast.stmt]) -> ast.stmt:
    replacement = compiled.get(id(statement))
    if replacement is not None:
        return replacement
    if isinstance(statement, ast.ClassDef):
        shown = copy.copy(statement)
        shown.body = [_emitted(each, compiled) for each in statement.body]
        return shown
    return statement


def _with_inherited(shown: ast.stmt, service: Service, names: InheritedNames) -> ast.stmt:
    """A service's class with the methods that it inherits, as they are compiled for it."""
    assert isinstance(shown, ast.ClassDef)
    for cls, plain, _ in [(service.cls, service.plain, service.node), *service.bases]:
        for number, method in enumerate(inherited_from(service, cls)):
            definition = names.shown(method)
            if number == 0:
                put_above(definition, f"# of {cls.__name__}, in {display_path(plain.source.path)}")
            shown.body.append(definition)
    return shown


def _without_paper_module(statement: ast.stmt) -> ast.stmt:
    """The paper's module of exceptions does not exist here."""
    if isinstance(statement, ast.ImportFrom) and statement.module == (
        "runtime.transaction_exception"
    ):
        shown = copy.copy(statement)
        shown.module, shown.level = "compiler", 0
        return shown
    return statement


def _needed(body: list[ast.stmt]) -> list[str]:
    """The names of the paper's vocabulary that are used without being imported."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    bound = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return sorted((used & PAPER_NAMES.keys()) - bound)


def _with_imports(body: list[ast.stmt], paper: list[str]) -> list[ast.stmt]:
    """The body with the imports that compiled code needs, after what must come first."""
    first = 0
    while first < len(body) and _comes_first(body[first]):
        first += 1
    imports: list[ast.stmt] = []
    if paper:
        imports.append(ast.ImportFrom("compiler", [ast.alias(name) for name in paper], 0))
    imports.append(ast.ImportFrom("compiler", [ast.alias("runtime", RUNTIME)], 0))
    return [*body[:first], *imports, *body[first:]]


def _comes_first(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
