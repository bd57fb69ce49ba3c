"""Finds the modules of an application and parses them.

An application is named by a package (``apps/hotel`` or ``apps.hotel``), a module
(``hotel.py`` or a dotted name), a folder of modules, or a ``.csv`` file with
``ClassName,path`` lines whose paths are relative to that file's folder, to one
above it, or to the working directory. Modules of the same package or folder that
these import belong to the application as well.
"""

from __future__ import annotations

import ast
import csv
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import decode_source
from pathlib import Path

from compiler.comments import Comment, attach, comments_in
from compiler.errors import ApplicationNotFound, CompileError, Problems, display_path
from compiler.module_names import OURS, identifier, import_name, is_ours, owner_of

__all__ = ["Layout", "Source", "find_layout", "imported_modules", "parse", "parse_sources"]

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
    :ivar tree: its syntax tree, with the comments attached.
    :ivar comments: all of them, in their order.
    """

    path: Path
    name: str
    text: str
    tree: ast.Module
    comments: list[Comment]

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

    :ivar root: the folder from which modules are named, and ``others`` that are searched as well.
    :ivar files: module names and their files, in a stable order.
    :ivar listed: classes named by a ``.csv``, with the file and line that name them.
    :ivar workload: the workload module's name and file, if there is one.
    """

    name: str
    root: Path
    others: list[Path] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    listed: list[tuple[str, Path, int]] = field(default_factory=list)
    listing: Path | None = None
    workload: tuple[str, Path] | None = None

    @property
    def shown(self) -> str:
        """The application as a person would name it: its listing, file or folder."""
        files = list(self.files.values())
        one = self.listing or (files[0] if len(files) == 1 else None)
        return display_path(one) if one else self.name

    @property
    def roots(self) -> list[Path]:
        """The folders that must be on the module search path."""
        return list(dict.fromkeys([self.root, *self.others]))


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
        root, name = import_name(path)
        return Layout(path.stem, root, files={name: path})
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
    if package and owner_of(folder.name) and not is_ours(folder):
        raise ApplicationNotFound(
            f"the package {display_path(folder)} has the name of a module of "
            f"{owner_of(folder.name)}",
            "give the folder another name",
        )
    named = {}
    root = folder
    for file in files:
        root, name = import_name(file)
        named[name] = file
    layout = Layout(folder.name, root, files=named)
    workload = folder / "workload.py"
    if workload.exists():
        layout.workload = (import_name(workload)[1], workload)
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
        folder = _folder_of_listed(listing, cells[1])
        assert folder is not None
        path = (folder / cells[1]).resolve()
        layout.others += [folder, import_name(path)[0]]
        layout.listed.append((cells[0], path, number))
        if path not in layout.files.values():
            layout.files[_free_name(path, layout)] = path
    problems.raise_if_any()
    if not layout.files:
        raise ApplicationNotFound(
            f"{display_path(listing)} lists no services",
            "write a line for each: Hotel,services/hotel.py",
        )
    workload = listing.with_name("workload.py")
    if workload.exists():
        layout.workload = (import_name(workload)[1], workload)
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
    if _folder_of_listed(listing, cells[1]) is None:
        return (
            f"there is no file {cells[1]}, from the folder of the .csv file, those above it or the "
            "working directory",
            "a path relative to one of these folders",
        )
    return None


def _folder_of_listed(listing: Path, path: str) -> Path | None:
    """The folder from which a ``.csv`` names a file: the nearest that has it."""
    folders = (*listing.parents, Path.cwd())
    return next((folder for folder in folders if (folder / path).is_file()), None)


def _free_name(path: Path, layout: Layout) -> str:
    """The name under which a listed file is imported: with its folders, if it needs them."""
    name = import_name(path)[1]
    for folder in path.parents:
        if name not in layout.files:
            break
        name = f"{identifier(folder.name)}_{name}"
    return name


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
        for imported, path in imported_modules(source, layout, problems):
            if imported not in sources:
                waiting[imported] = path
                layout.files[imported] = path
    return list(sources.values())


def imported_modules(
    source: Source, layout: Layout, problems: Problems
) -> Iterator[tuple[str, Path]]:
    """The modules beside this one that it imports; whose names are taken is recorded."""
    for name, path, node in _imported(source, layout):
        known = layout.files.get(name, path)
        if owner := owner_of(name.partition(".")[0]):
            what = f"{path.name} has the name of a module of {owner}, which is imported here"
            problems.add(source.path, source.text, node, what, "another name for the file")
        elif known != path:
            what = f"two modules are called {name}: {display_path(known)} is the other"
            problems.add(source.path, source.text, node, what, "another name for one of them")
        else:
            yield name, path


def parse(name: str, path: Path, problems: Problems) -> Source | None:
    """One parsed module; None if it does not parse, which is recorded."""
    text = _text(path, problems)
    if text is None:
        return None
    try:
        tree = ast.parse(text, str(path))
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
    comments = comments_in(text)
    attach(tree, text, comments)
    return Source(path, name, text, tree, comments)


def _text(path: Path, problems: Problems) -> str | None:
    """What stands in a file, as Python reads its own; None if it cannot be, which is recorded."""
    try:
        return decode_source(path.read_bytes())
    except (UnicodeDecodeError, SyntaxError) as error:  # of the line that names the encoding
        unknown = isinstance(error, SyntaxError) and error.msg.startswith("unknown encoding")
        what = str(error) if unknown else "this is not text in UTF-8, nor in an encoding it names"
        remedy = "a file that is saved as UTF-8"
    except OSError as error:
        what, remedy = f"cannot be read: {error.strerror}", "a file that can be read"
    problems.add_error(CompileError(path, 0, 0, 0, "", what, remedy))
    return None


def _imported(source: Source, layout: Layout) -> Iterator[tuple[str, Path, ast.AST]]:
    """The modules beside this one that it imports, and where."""
    top = source.name.split(".")[0]
    in_package = "." in source.name or source.is_package
    roots = dict.fromkeys([import_name(source.path)[0], *layout.roots])
    for node in ast.walk(source.tree):
        for name in _module_names(source, node):
            first = name.split(".")[0]
            if in_package and first != top:
                continue
            path = _module_file(name, roots)
            if path is not None and not (first in OURS and is_ours(path)):
                yield name, path, node


def _module_file(name: str, roots: Iterable[Path]) -> Path | None:
    for root in roots:
        base = root.joinpath(*name.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file() and path.name != "workload.py":
                return path
    return None


def _module_names(source: Source, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = source.absolute(node)
        return [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]
    return []
