"""Finds the modules of an application and parses them, comments included.

An application is named by a package (``apps/hotel`` or ``apps.hotel``), a module
(``hotel.py`` or a dotted name), a folder of modules, or a ``.csv`` file with
``ClassName,path`` lines whose paths are relative to that file. Modules of the
same package or folder that these import belong to the application as well.
"""

from __future__ import annotations

import ast
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import ast_comments  # type: ignore[import-untyped]

from compiler.errors import ApplicationNotFound, CompileError, Problems, display_path

__all__ = ["Layout", "Source", "find_layout", "parse_sources"]

OURS = frozenset({"compiler", "core", "sim", "backends", "figures", "tests"})
NOT_COMPILED = ("test_*.py", "conftest.py", "__main__.py", "setup.py", "workload.py")


@dataclass(slots=True, eq=False)
class Source:
    """One parsed module.

    :ivar name: the dotted name under which it is imported.
    :ivar tree: its syntax tree, with :class:`ast_comments.Comment` nodes.
    """

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether this is a package's ``__init__``."""
        return self.path.name == "__init__.py"

    def absolute(self, node: ast.ImportFrom) -> str:
        """The dotted name that a ``from`` statement of this module imports from."""
        if not node.level:
            return node.module or ""
        package = self.name.split(".")
        package = package[: len(package) - node.level + self.is_package]
        return ".".join([*package, *([node.module] if node.module else [])])


@dataclass(slots=True)
class Layout:
    """Where an application's modules are.

    :ivar root: the folder that must be on the module search path.
    :ivar files: module names and their files, in a stable order.
    :ivar listed: classes named by a ``.csv``, with the file and line that name them.
    :ivar workload: the workload module's name and file, if there is one.
    """

    name: str
    root: Path
    files: dict[str, Path] = field(default_factory=dict)
    listed: list[tuple[str, Path, int]] = field(default_factory=list)
    listing: Path | None = None
    workload: tuple[str, Path] | None = None


def find_layout(app: str | Path) -> Layout:
    """The modules of ``app``.

    :raises ApplicationNotFound: there is no such application.
    """
    path = Path(app)
    if path.exists():
        return _layout_of_path(path.resolve())
    dotted = str(app)
    if all(part.isidentifier() for part in dotted.split(".")):
        for folder in [Path.cwd(), *map(Path, sys.path)]:
            base = folder.joinpath(*dotted.split("."))
            for candidate in (base, base.with_suffix(".py")):
                if candidate.exists():
                    return _layout_of_path(candidate.resolve())
    raise ApplicationNotFound(
        f"there is no application {str(app)!r}: neither a file or folder {path.absolute()} nor an "
        "importable module of that name. Give a package (apps/hotel or apps.hotel), a module "
        "(hotel.py), a folder of modules, or a .csv file with ClassName,path lines."
    )


def _layout_of_path(path: Path) -> Layout:
    if path.is_dir():
        return _layout_of_folder(path)
    if path.suffix == ".csv":
        return _layout_of_listing(path)
    if path.suffix == ".py":
        if path.name == "__init__.py":
            return _layout_of_folder(path.parent)
        root, name = _import_name(path)
        return Layout(path.stem, root, {name: path})
    raise ApplicationNotFound(
        f"{display_path(path)} is no application: give a package, a .py module, a folder, or a "
        ".csv file with ClassName,path lines."
    )


def _layout_of_folder(folder: Path) -> Layout:
    package = (folder / "__init__.py").exists()
    files = sorted(folder.rglob("*.py") if package else folder.glob("*.py"))
    files = [file for file in files if not any(file.match(skip) for skip in NOT_COMPILED)]
    if not files:
        raise ApplicationNotFound(f"the folder {display_path(folder)} holds no Python modules.")
    named = {}
    root = folder
    for file in files:
        root, name = _import_name(file)
        named[name] = file
    layout = Layout(folder.name, root, named)
    workload = folder / "workload.py"
    if workload.exists():
        layout.workload = (_import_name(workload)[1], workload)
    return layout


def _layout_of_listing(listing: Path) -> Layout:
    layout = Layout(listing.stem, listing.parent, listing=listing)
    problems = Problems()
    text = listing.read_text()
    for number, row in enumerate(csv.reader(text.splitlines()), start=1):
        if not row or row[0].lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in row]
        error = _listing_error(listing, cells)
        if error:
            line = text.splitlines()[number - 1]
            problems.add_error(CompileError(listing, number, 1, len(line) + 1, line, *error))
            continue
        path = (listing.parent / cells[1]).resolve()
        layout.listed.append((cells[0], path, number))
        if path not in layout.files.values():
            layout.files[_import_name(path)[1]] = path
    problems.raise_if_any()
    if not layout.files:
        raise ApplicationNotFound(f"{display_path(listing)} lists no services.")
    workload = listing.with_name("workload.py")
    if workload.exists():
        layout.workload = (_import_name(workload)[1], workload)
    return layout


def _listing_error(listing: Path, cells: list[str]) -> tuple[str, str] | None:
    if len(cells) != 2 or not cells[0].isidentifier():
        return "this is no ClassName,path line", "Hotel,services/hotel.py"
    if not (listing.parent / cells[1]).is_file():
        return (
            f"there is no file {cells[1]} beside {display_path(listing)}",
            "a path relative to the .csv file",
        )
    return None


def _import_name(path: Path) -> tuple[Path, str]:
    """The folder to search and the dotted name under which ``path`` is imported.

    A file below the working directory, in folders that could be packages, is named from there,
    or from the outermost folder that is a package.
    """
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) > 1 or (path.name != "__init__.py" and _is_free(path.stem)):
        return folder, ".".join(parts)
    if path.name == "__init__.py" and _is_free(path.parent.name):
        return folder, ".".join(parts)
    return folder, "app_" + "".join(c if c.isalnum() else "_" for c in path.stem)


def _is_free(name: str) -> bool:
    """Whether a top-level module may be called ``name`` without hiding another."""
    if not name.isidentifier() or name in sys.stdlib_module_names or name in OURS:
        return False
    known = sys.modules.get(name)
    return known is None or hasattr(known, "__mu2sls_text__") or not hasattr(known, "__file__")


def parse_sources(layout: Layout, problems: Problems) -> list[Source]:
    """Parse the application's modules and those of its folder that they import."""
    sources: dict[str, Source] = {}
    waiting = dict(layout.files)
    while waiting:
        name = next(iter(waiting))
        source = parse(name, waiting.pop(name), problems)
        if source is None:
            continue
        sources[name] = source
        for imported, path in _imported(source, layout):
            if imported not in sources and imported not in waiting:
                waiting[imported] = path
                layout.files[imported] = path
    return list(sources.values())


def parse(name: str, path: Path, problems: Problems) -> Source | None:
    """One parsed module; None if it does not parse, which is recorded."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast_comments.parse(text, str(path))
        ast.parse(text, str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        column = getattr(error, "offset", None) or 1
        shown = getattr(error, "text", None) or ""
        message = getattr(error, "msg", None) or str(error)
        problems.add_error(
            CompileError(
                path,
                line,
                column,
                column + 1,
                shown,
                f"this is no Python: {message}",
                "valid Python",
            )
        )
        return None
    assert isinstance(tree, ast.Module)
    return Source(path, name, text, tree)


def _imported(source: Source, layout: Layout) -> Iterator[tuple[str, Path]]:
    """The modules beside this one that it imports."""
    top = source.name.split(".")[0]
    in_package = "." in source.name or source.is_package
    for node in ast.walk(source.tree):
        for name in _module_names(source, node):
            first = name.split(".")[0]
            if first in OURS or (in_package and first != top):
                continue
            base = layout.root.joinpath(*name.split("."))
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if path.is_file() and path.name != "workload.py":
                    yield name, path


def _module_names(source: Source, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = source.absolute(node)
        return [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]
    return []
