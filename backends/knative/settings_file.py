"""The file for ``--settings``: YAML under the names of :class:`backends.knative.settings.Settings`.

Whatever is wrong in it is told with file and line, also what is found out later only, because the
application has to be known (:meth:`SettingsFile.place`).
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node

from backends.knative.errors import KnativeError
from backends.knative.settings import Settings

__all__ = ["ChoiceProblem", "SettingsFile", "read_file"]

_SECRET = {"cluster_file": "--cluster-file", "wire_key": "--wire-key-file"}
"""What is not for settings files, and how it is given instead."""


class ChoiceProblem(KnativeError):
    """What was given on the command line cannot work."""


class SettingsFile:
    """What a settings file says, and where.

    :ivar content: by name, each value of its setting's type as :func:`msgspec.convert` takes it.
    :raises ChoiceProblem: it cannot be read, or has what there is not.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        text = read_file(path, "settings file", "--settings").decode(errors="replace")
        self.content, self._root = self._parse(text)
        for name, option in _SECRET.items():
            if name in self.content:
                self._refuse([name], f"{name} is a secret", f"give it with {option}, in its file")
        self._check(self.content, Settings, [])

    def place(self, setting: Iterable[str]) -> str:
        """``file:line`` of a setting, or of what is around it; the file's if it is not there."""
        node, line = self._root, 0
        for name in setting:
            found = [
                (key, value)
                for key, value in (node.value if isinstance(node, MappingNode) else ())
                if key.value == name
            ]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        return f"{self.path}:{line}" if line else self.path

    def _parse(self, text: str) -> tuple[dict[str, Any], Node | None]:
        try:
            content, root = YAML(typ="safe").load(text), YAML().compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark else ""
            said = error.problem or error.context or "it cannot be parsed"
            raise ChoiceProblem(
                f"{self.path}{line}: this is not YAML: {said}: correct it there"
            ) from None
        except (YAMLError, ValueError) as error:  # such as a date that is none
            said = " ".join(str(error).split())
            raise ChoiceProblem(
                f"{self.path}: this is not YAML: {said}: correct it there"
            ) from None
        except RecursionError:
            raise ChoiceProblem(f"{self.path} is nested too deeply: write it flatter") from None
        if not isinstance(content, dict):
            raise ChoiceProblem(
                f"{self.path} holds no settings: write lines of the form name: value"
            )
        return content, root

    def _check(
        self, content: Mapping[str, Any], kind: type[msgspec.Struct], above: list[str]
    ) -> None:
        """:raises ChoiceProblem: the first name or value that does not fit ``kind``."""
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        for name, value in content.items():
            place = [*above, str(name)]
            wanted = fields.get(name)
            if wanted is None:
                known = [each for each in fields if each not in _SECRET or above]
                self._refuse(place, f"there is no setting {'.'.join(place)}", _choice(name, known))
            elif _is_struct(wanted) and isinstance(value, dict):
                self._check(value, wanted, place)
            elif typing.get_origin(wanted) is dict and isinstance(value, dict):
                for key, item in value.items():
                    self._check_value(key, str, [*place, str(key)])
                    self._check_item(item, typing.get_args(wanted)[1], [*place, str(key)])
            else:
                self._check_value(value, wanted, place)

    def _check_item(self, item: Any, wanted: Any, place: list[str]) -> None:
        """One of several that a setting holds by name."""
        if _is_struct(wanted) and isinstance(item, dict):
            self._check(item, wanted, place)
        else:
            self._check_value(item, wanted, place)

    def _check_value(self, value: Any, wanted: Any, place: list[str]) -> None:
        try:
            msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            said = str(error).partition(" - at ")[0]
            self._refuse(place, f"{'.'.join(place)}: {said}", "correct it there")

    def _refuse(self, setting: list[str], what: str, remedy: str) -> NoReturn:
        raise ChoiceProblem(f"{self.place(setting)}: {what}: {remedy}")


def read_file(path: str, what: str, option: str) -> bytes:
    """The content of a file that an option names.

    :raises ChoiceProblem: it cannot be read, or is empty.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ChoiceProblem(
            f"the {what} {path} cannot be read: {error.strerror}: give another with {option}"
        ) from None
    except ValueError:  # a path with a null byte
        raise ChoiceProblem(f"the {what} {path!r} is no path: give another with {option}") from None
    if not content.strip():
        raise ChoiceProblem(f"the {what} {path} is empty: give another with {option}")
    return content


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _choice(name: object, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    return (f"did you mean {near[0]}? " if near else "") + f"there are {', '.join(known)}"
