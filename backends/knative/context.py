"""What goes into an image: a build context, written to a folder.

=====================  =====================================================================
in the context         what
=====================  =====================================================================
``Containerfile``      as it stands beside this module
``code/``              our packages that run a node: core, compiler, backends
``application/``       the application's modules, under the paths they have below their root, so
                       that they are imported under the same names
``requirements.txt``   what a node imports, pinned to the versions installed here, and what the
                       application's own requirements say
``constraints.txt``    what those need in turn, pinned likewise, and the application's constraints
``wheels/``            wheels to install from, or nothing: then pip downloads
=====================  =====================================================================

What is not of the application is not in the image: no data, no tests, no credentials. A file
that the application reads when it is imported can be named as an extra.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from backends.knative.errors import ImageProblem
from backends.knative.imports import imported_files
from backends.knative.requirements import Lines, read_requirements
from compiler.application import load
from compiler.module_names import OURS
from compiler.sources import find_layout

__all__ = ["FDB_VERSION", "write_context"]

FDB_VERSION = "7.3.69"
"""Of the bindings: not newer than the client library, see ``docs/fdb.md``."""
_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("core", "compiler", "backends")
_NEEDED = (
    "aiohttp",
    "ast-comments",
    "cronsim",
    "greenlet",
    "msgspec",
    "networkx",
    "rich",
    "sortedcontainers",
)
_WELCOME = ("uvloop",)
"""Installed where it is installed here; a node does without."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write_context(
    app: str | Path,
    folder: Path,
    wheels: Path | None = None,
    requirements: Path | None = None,
    extras: Iterable[Path] = (),
) -> str:
    """Write the build context of an application.

    :param folder: where; it must not exist, or be empty.
    :param wheels: a folder of wheels, for a build without a network.
    :param requirements: a file of what the application imports beyond Python, as pip reads it
        (:mod:`backends.knative.requirements`).
    :param extras: files of the application beside its modules.
    :returns: the application's path below ``application/``.
    :raises ImageProblem: a file or package that is missing, or a folder that is in use.
    :raises MuError: the application cannot be compiled.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ImageProblem(f"{folder} is not empty: give a folder that is")
    files = [*_modules(app), *(extra.resolve() for extra in extras)]
    for file in files:
        if not file.is_file():
            raise ImageProblem(f"there is no file {file}: give one that is there with --extra")
    root = _common_root(app, files)
    folder.mkdir(parents=True, exist_ok=True)
    for package in _PACKAGES:
        shutil.copytree(
            _ROOT / package,
            folder / "code" / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    for file in files:
        target = folder / "application" / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    shutil.copyfile(Path(__file__).with_name("Containerfile"), folder / "Containerfile")
    _write_requirements(folder, requirements)
    _copy_wheels(folder / "wheels", wheels)
    return _path_of(app).relative_to(root).as_posix()


def _path_of(app: str | Path) -> Path:
    """The file or folder that names the application."""
    path = Path(app)
    if path.exists():
        path = path.resolve()
        return path.parent if path.name == "__init__.py" else path
    layout = find_layout(app)
    base = layout.root.joinpath(*str(app).split("."))
    return base if base.is_dir() else base.with_suffix(".py")


def _modules(app: str | Path) -> list[Path]:
    """The application's files: modules, what makes packages of their folders, workload, listing."""
    application, layout = load(app), find_layout(app)
    found = {source.path.resolve() for source in application.sources}
    if layout.workload is not None:
        found.add(layout.workload[1].resolve())
    for root in layout.roots:
        found |= imported_files(found, root.resolve(), OURS)
    if layout.listing is not None:
        found.add(layout.listing.resolve())
    for file in list(found):
        for parent in file.parents:
            if not (parent / "__init__.py").exists():
                break
            found.add(parent / "__init__.py")
    return sorted(found)


def _common_root(app: str | Path, files: list[Path]) -> Path:
    """The folder below which all files keep their places: no package, or names would change."""
    tops = {find_layout(app).root.resolve(), *(file.parent for file in files)}
    root = Path(os.path.commonpath(tops))
    while (root / "__init__.py").exists():
        root = root.parent
    if root == Path(root.anchor):
        raise ImageProblem(f"the files of {app} have no folder in common: put them below one")
    return root


def _write_requirements(folder: Path, requirements: Path | None) -> None:
    lines = [f"{name}=={_version(name)}" for name in _NEEDED]
    lines += [f"{name}=={version}" for name in _WELCOME if (version := _installed(name))]
    lines.append(f"foundationdb=={FDB_VERSION}")
    given = Lines() if requirements is None else read_requirements(requirements)
    lines += given.requirements
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n")
    pinned = sorted(f"{name}=={version}" for name, version in _closure(_NEEDED))
    (folder / "constraints.txt").write_text("\n".join([*pinned, *given.constraints]) + "\n")


def _version(name: str) -> str:
    version = _installed(name)
    if version is None:
        raise ImageProblem(f"the package {name} is not installed here: pip install {name}")
    return version


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _closure(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """All that the packages need, as far as it is installed here: names and versions."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        normal = re.sub(r"[-_.]+", "-", name).lower()
        version = _installed(name)
        if normal in seen or version is None:
            continue
        seen.add(normal)
        yield normal, version
        for requirement in importlib.metadata.requires(name) or ():
            match = _NAME.match(requirement)
            if match and "extra ==" not in requirement:
                waiting.append(match[0])


def _copy_wheels(target: Path, wheels: Path | None) -> None:
    target.mkdir()
    (target / ".keep").touch()  # an empty folder would not be in every builder's context
    if wheels is None:
        return
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if not found:
        raise ImageProblem(
            f"there are no wheels in {wheels}: make them with "
            "`pip wheel -r requirements.txt -c constraints.txt -w DIR`"
        )
    for wheel in found:
        shutil.copyfile(wheel, target / wheel.name)
