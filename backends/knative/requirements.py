r"""An application's requirements files as lines that pip understands inside the image.

Only lines go into a build context, no files beside them. So what a file includes is put in its
place: ``-r`` among the requirements, ``-c`` among the constraints, each relative to the file that
names it. What pip could not do in there is refused, with file and line: packages that lie in a
folder of this machine, and hashes, since pip then wants them for every package.

The format is pip's own (pip documentation, "Requirements File Format"): lines that end in ``\``
go on, and what follows a ``#`` at the beginning or after a space is a comment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backends.knative.errors import ImageProblem

__all__ = ["Lines", "read_requirements"]

_COMMENT = re.compile(r"(^|\s+)#.*$")
_REMOTE = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]*://")
_LOCAL = re.compile(r"file:|[./~]|[^@\s]*[/\\]|.*\.(whl|zip|tar(\.\w+)?|tgz)$", re.IGNORECASE)
"""What pip takes for a path, at the beginning of a requirement or after its ``@``."""
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
"""Whether what is included are constraints, by option."""
_WITH_PATH = {"-e", "--editable", "-f", "--find-links"}


@dataclass(slots=True)
class Lines:
    """What pip is given: lines of a requirements file, and of a constraints file."""

    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)


def read_requirements(path: Path) -> Lines:
    """The lines of a requirements file and of all that it includes.

    :raises ImageProblem: a file cannot be read or includes itself, or a line would fail in the
        image.
    """
    lines = Lines()
    _read(path, False, lines, (), set())
    return lines


def _read(
    path: Path, constraint: bool, into: Lines, above: tuple[Path, ...], seen: set[tuple[Path, bool]]
) -> None:
    """:param above: the files that include this one, the outermost first."""
    here = path.resolve()
    if (here, constraint) in seen:
        return
    seen.add((here, constraint))
    for number, line in _logical_lines(_text(path)):
        place = f"{path}:{number}"
        option, value = _option(line, place)
        included = _INCLUDES.get(option)
        if included is None or _REMOTE.match(value):
            _check(line, option, value, place)
            (into.constraints if constraint else into.requirements).append(line)
            continue
        target = path.parent / value
        if target.resolve() in (*above, here):
            raise ImageProblem(f"{place}: {line} includes a file in itself: leave that line out")
        if not target.is_file():
            raise ImageProblem(
                f"{place}: {line} includes {target}, which is no file: write its path as seen from "
                f"{path.parent}"
            )
        _read(target, included, into, (*above, here), seen)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise ImageProblem(
            f"{path} cannot be read ({error.strerror}): give a file for pip with --requirements"
        ) from None
    except UnicodeDecodeError:
        raise ImageProblem(
            f"{path} is not text in UTF-8: save it so, or give another file with --requirements"
        ) from None


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines as pip counts them, without comments: the number of the first, and the whole."""
    begun, begin = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        begin = begin if begun else number
        goes_on = line.endswith("\\") and not _COMMENT.match(line)
        begun += line[:-1] if goes_on else line
        if not goes_on:
            if found := _COMMENT.sub("", begun).strip():
                yield begin, found
            begun = ""
    if found := _COMMENT.sub("", begun).strip():
        yield begin, found


def _option(line: str, place: str) -> tuple[str, str]:
    """The option at the beginning of a line and its value; both empty for a requirement."""
    if not line.startswith("-"):
        return "", ""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ImageProblem(f"{place}: {line}: {error}: close every quote") from None
    if not words[0].startswith("--") and len(words[0]) > 2:  # -rmore.txt
        words[:1] = [words[0][:2], words[0][2:].removeprefix("=")]
    name, equals, value = words[0].partition("=")
    words = [value, *words[1:]] if equals else words[1:]
    if name in _INCLUDES and (len(words) != 1 or not words[0]):
        raise ImageProblem(f"{place}: {line} includes no file, or several: write '-r FILE' for one")
    return name, words[0] if words else ""


def _check(line: str, option: str, value: str, place: str) -> None:
    """:raises ImageProblem: pip would fail on the line, in the image."""
    if option == "--require-hashes" or "--hash=" in line or "--hash " in line:
        raise ImageProblem(
            f"{place}: with a hash anywhere pip wants hashes for our packages, too: leave them "
            "out (pip-compile writes none with --no-generate-hashes), and keep the versions"
        )
    if option in _WITH_PATH:
        local = not _REMOTE.match(value)
    else:
        name, at, source = line.partition("@")
        wanted = line if _REMOTE.match(line) or not at or _LOCAL.match(name) else source.strip()
        wanted = re.split(r"\s*;|\s+--", wanted)[0]
        local = not option and not _REMOTE.match(wanted) and bool(_LOCAL.match(wanted))
    if local:
        raise ImageProblem(
            f"{place}: {line} names a folder or file of this machine, which is not in the image: "
            "write the package's name instead and give wheels of all with --wheels, or name its "
            "files with --extra"
        )
