"""Which files below a folder a program's modules import, directly or not.

The compiler knows an application's services; what a workload imports beside them, or a service
from a library in the same tree, is found here, in the import statements alone. What is imported
by other means has to be named.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["imported_files"]


def imported_files(files: Iterable[Path], root: Path, ours: Iterable[str]) -> set[Path]:
    """The Python files that ``files`` import, themselves included.

    :param root: where modules are looked for, beside the folder of the importing package.
    :param ours: top-level packages that are not followed.
    """
    found: set[Path] = set()
    waiting = [file for file in files if file.suffix == ".py"]
    skipped = frozenset(ours)
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        top = _above_packages(file)
        package = file.relative_to(top).parent.parts
        for name in _names(ast.parse(file.read_bytes(), str(file)), package):
            if name[0] not in skipped:
                waiting += [*_files(name, top), *_files(name, root)]
    return found


def _above_packages(file: Path) -> Path:
    """The folder that holds the outermost package that the file is in."""
    folder = file.parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def _names(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted names that a module imports, and what may be modules below them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield (*base, alias.name)


def _files(name: tuple[str, ...], root: Path) -> Iterator[Path]:
    """The module of that name, if it is below ``root``, and the packages around it."""
    for length in range(1, len(name) + 1):
        base = root.joinpath(*name[:length])
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                yield file
