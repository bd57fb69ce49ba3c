"""Finds the modules of an application and parses them, comments included.

An application is named by a package (``apps/hotel`` or ``apps.hotel``), a module
(``hotel.py`` or a dotted name), a folder of modules, or a ``.csv`` file with
``ClassName,path`` lines whose paths are relative to that file. Modules of the
same package or folder that these import belong to the application as well.
"""

from __future__ import annotations

import ast
import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import ast_comments  # type: ignore[import-untyped]

from compiler.errors import ApplicationNotFound, CompileError, Problems, display_path

__all__ = ["Layout", "Source", "find_layout", "parse_sources"]

OURS = frozenset(
    {"backends", "command_line", "compiler", "core", "experiment", "figures", "sim", "tests"}
)
_KINDS = (
    "give a package (apps/hotel or apps.hotel), a module (hotel.py), a folder of modules, or a "
    ".csv file with ClassName,path lines"
)
_CLOSE = 0.7
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
    if str(app) and os.path.exists(path):
        return _layout_of_path(path.resolve())
    dotted = str(app)
    if all(part.isidentifier() for part in dotted.split(".")):
        for folder in [Path.cwd(), *map(Path, sys.path)]:
            base = folder.joinpath(*dotted.split("."))
            for candidate in (base, base.with_suffix(".py")):
                if os.path.exists(candidate):
                    return _layout_of_path(candidate.resolve())
        path = Path(*dotted.split("."))
    near = _nearest(path)
    raise ApplicationNotFound(
        f"there is no application {dotted!r}: neither a file or folder {Path(app).absolute()} nor "
        "an importable module of that name",
        f"did you mean {near}? Else {_KINDS}" if near else _KINDS,
    )


def _nearest(path: Path) -> str:
    """What could have been meant by ``path``: of a similar name beside it, or of its name in
    another folder of the working directory; empty if there is nothing.
    """
    try:
        beside = {
            each.stem: each
            for each in sorted(path.parent.iterdir() if path.parent.is_dir() else ())
            if _may_be_application(each)
        }
        close = get_close_matches(path.stem, beside, 1, _CLOSE)
        if close:
            return str(beside[close[0]])
        for folder in sorted(Path().iterdir()) if path.name else ():
            for each in (folder / path.name, (folder / path.name).with_suffix(".py")):
                if _may_be_application(each):
                    return str(each)
    except (OSError, ValueError):
        pass  # what cannot be looked at is no help
    return ""


def _may_be_application(path: Path) -> bool:
    if path.name.startswith((".", "_")) or any(path.match(skip) for skip in NOT_COMPILED):
        return False
    if path.is_dir():
        return next(path.glob("*.py"), None) is not None
    return path.suffix in (".py", ".csv") and path.is_file()


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
    raise ApplicationNotFound(f"{display_path(path)} is no application", _KINDS)


def _layout_of_folder(folder: Path) -> Layout:
    package = (folder / "__init__.py").exists()
    files = sorted(folder.rglob("*.py") if package else folder.glob("*.py"))
    files = [file for file in files if not any(file.match(skip) for skip in NOT_COMPILED)]
    if not files:
        raise ApplicationNotFound(
            f"the folder {display_path(folder)} holds no Python modules to compile",
            "give a folder with a module whose classes are decorated with @service",
        )
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
    text = _text(listing, problems)
    problems.raise_if_any()
    assert text is not None
    for number, row in enumerate(_rows(listing, text, problems), start=1):
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
        raise ApplicationNotFound(
            f"{display_path(listing)} lists no services",
            "write a line for each: Hotel,services/hotel.py",
        )
    workload = listing.with_name("workload.py")
    if workload.exists():
        layout.workload = (_import_name(workload)[1], workload)
    return layout


def _rows(listing: Path, text: str, problems: Problems) -> Iterator[list[str]]:
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        yield from reader
    except csv.Error as error:
        line = text.splitlines()[reader.line_num - 1]
        what = f"this is no line of a .csv file: {error}"
        end = len(line) + 1
        problems.add_error(
            CompileError(listing, reader.line_num, 1, end, line, what, "Hotel,services/hotel.py")
        )


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
    text = _text(path, problems)
    if text is None:
        return None
    try:
        tree = ast_comments.parse(text, str(path))
        ast.parse(text, str(path))
    except (RecursionError, MemoryError):
        what, remedy = "this is nested too deeply for Python", "shorter expressions"
        problems.add_error(CompileError(path, 0, 0, 0, "", what, remedy))
        return None
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


def _text(path: Path, problems: Problems) -> str | None:
    """What stands in a file; None if it cannot be read, which is recorded."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        what, remedy = "this is not text in UTF-8", "a file that is saved as UTF-8"
    except OSError as error:
        what, remedy = f"cannot be read: {error.strerror}", "a file that can be read"
    problems.add_error(CompileError(path, 0, 0, 0, "", what, remedy))
    return None


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
