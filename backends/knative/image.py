"""Builds the image of an application, with docker, podman or buildah, whichever is there.

    build_image("apps/hotel", ["registry.example/hotel:1"], Build(push=True))

The base image must have Python and glibc; FoundationDB's client library is taken out of its own
official image. Either can be replaced, for a registry of one's own or a build without any.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from backends.knative.context import FDB_VERSION, write_context
from backends.knative.errors import ImageProblem

__all__ = ["BUILDERS", "Build", "build_image", "find_builder"]

BUILDERS = ("docker", "podman", "buildah")
_LAST_LINES = 20


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """How to build.

    :ivar builder: one of BUILDERS; empty: the first that works.
    :ivar base: the base image, Debian-like or at least with glibc, with Python 3.11 or newer.
    :ivar python: the interpreter's name in it.
    :ivar fdb_image: the image with FoundationDB's client library, at ``fdb_library``.
    :ivar uid: the user and group that the image's process runs as, never 0.
    :ivar wheels: a folder of wheels, for a build without a network.
    :ivar requirements: a file of what the application imports beyond Python.
    :ivar extras: files of the application beside its modules.
    :ivar push: whether to push every tag.
    :ivar options: for the builder's build command, such as ``--isolation=chroot``.
    """

    builder: str = ""
    base: str = "docker.io/library/python:3.12-slim"
    python: str = "python3"
    fdb_image: str = f"docker.io/foundationdb/foundationdb:{FDB_VERSION}"
    fdb_library: str = "/usr/lib/libfdb_c.so"
    uid: int = 10001
    wheels: Path | None = None
    requirements: Path | None = None
    extras: tuple[Path, ...] = ()
    push: bool = False
    options: tuple[str, ...] = ()


def _unheard(_line: str) -> None:
    """Nobody wants to know."""


def build_image(
    app: str | Path,
    tags: Sequence[str],
    build: Build,
    told: Callable[[str], object] = _unheard,
) -> None:
    """Build the image, and push it if asked to.

    :param tags: at least one name for it.
    :param told: is given the builder's output, line by line.
    :raises ImageProblem: no builder, or it failed: with the last it said.
    :raises MuError: the application cannot be compiled.
    """
    if not tags:
        raise ImageProblem("the image has no name: give a tag, such as registry.example/hotel:1")
    if build.uid < 1:
        raise ImageProblem("the image's process does not run as root: choose a uid above 0")
    builder = find_builder(build.builder)
    with tempfile.TemporaryDirectory(prefix="mu2sls-image-") as folder:
        context = Path(folder) / "context"
        path = write_context(app, context, build.wheels, build.requirements, build.extras)
        _run(_command(builder, tags, build, path, context), told)
    if build.push:
        for tag in tags:
            _run([builder, "push", tag], told)


def find_builder(wanted: str = "") -> str:
    """The builder to use.

    :raises ImageProblem: there is none, and how to get one.
    """
    if wanted and wanted not in BUILDERS:
        raise ImageProblem(f"{wanted} is not known here: choose one of {', '.join(BUILDERS)}")
    troubles = []
    for name in (wanted,) if wanted else BUILDERS:
        trouble = _trouble(name)
        if not trouble:
            return name
        troubles.append(f"{name} {trouble}")
    raise ImageProblem(
        f"no image can be built: {'; '.join(troubles)}. Install one of them (on Debian: "
        "apt-get install buildah), or start docker's daemon"
    )


def _trouble(name: str) -> str:
    """Why a builder cannot be used; empty if it can."""
    if shutil.which(name) is None:
        return "is not installed"
    try:
        found = subprocess.run([name, "info"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not answer ({type(error).__name__})"
    if found.returncode == 0:
        return ""
    said = (found.stderr.strip() or found.stdout.strip() or "no reason given").splitlines()
    return f"cannot be used ({said[-1].strip()})"


def _command(
    builder: str, tags: Sequence[str], build: Build, path: str, context: Path
) -> list[str]:
    arguments = {
        "BASE": build.base,
        "PYTHON": build.python,
        "FDB_IMAGE": build.fdb_image,
        "FDB_LIBRARY": build.fdb_library,
        "UID": str(build.uid),
        "APP": path,
    }
    command = [builder, "build" if builder != "buildah" else "bud", *build.options]
    for tag in tags:
        command += ["--tag", tag]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    return [*command, "--file", str(context / "Containerfile"), str(context)]


def _run(command: Sequence[str], told: Callable[[str], object]) -> None:
    """Run a builder's command; its output goes to ``told`` while it runs."""
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said = [*said, line.rstrip()][-_LAST_LINES:]
            told(line.rstrip())
    if process.returncode != 0:
        last = "\n".join(said)
        raise ImageProblem(
            f"`{command[0]} {command[1]}` ended with status {process.returncode}; the last it "
            f"said:\n{last}"
        )
