"""What is fitted of a profile, in which bounds, and the file that it stands in.

Each parameter is a time that a machine of that kind plausibly takes. What is known stays as it is:
cores, pods and workers, Linux's delayed acknowledgement, the back-off of FoundationDB's client.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from figures.errors import BadResult
from figures.marked import replace

__all__ = ["FOLDER", "PARAMETERS", "Parameter", "Profile"]

FOLDER: Final = Path(__file__).parents[2] / "sim" / "profiles"
"""Profiles that have names."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One time, in seconds, by the keys that lead to it.

    :ivar low: the least that makes sense; ``high`` the most.
    """

    path: tuple[str, ...]
    low: float
    high: float
    meaning: str

    @property
    def name(self) -> str:
        """``store.commit``."""
        return ".".join(self.path)


PARAMETERS: Final = (
    Parameter(("cpu",), 1e-3, 15e-3, "one request in Quart and Hypercorn"),
    Parameter(("call_cpu",), 0.3e-3, 15e-3, "a call to another service, on a new connection"),
    Parameter(("ingress_cpu",), 50e-6, 3e-3, "a request in Kourier and the queue proxy"),
    Parameter(("store", "read_version"), 100e-6, 3e-3, "a read version"),
    Parameter(("store", "read"), 50e-6, 2e-3, "a read of one key"),
    Parameter(("store", "commit"), 300e-6, 8e-3, "a commit, which is durable then"),
    Parameter(("ack_recent",), 1e-3, 40e-3, "a connection used less long ago acknowledges late"),
)

_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_DURATION = re.compile(r"([0-9.]+)(us|ms|s)")


class Profile:
    """A profile's file.

    :raises BadResult: it cannot be read, or lacks a value that is fitted.
    """

    def __init__(self, name: str) -> None:
        named = FOLDER / f"{name}.yaml"
        self.path = named if named.is_file() else Path(name)
        try:
            self._content: Any = YAML().load(self.path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
            raise BadResult(
                f"{name}: the profile cannot be read: {error}; give {known}, or a file"
            ) from None
        except YAMLError as error:
            raise BadResult(f"{self.path}: is no YAML: {error}; mend the file") from None
        self.values = {each: self._value(each) for each in PARAMETERS}

    def _value(self, parameter: Parameter) -> float:
        found = self._content
        for key in parameter.path:
            found = found.get(key) if isinstance(found, dict) else None
        match = _DURATION.fullmatch(str(found))
        if found is None or match is None:
            what = "has no" if found is None else f"has '{found}' as"
            raise BadResult(
                f"{self.path}: the profile {what} {parameter.name} ({parameter.meaning}); "
                f"write a time, such as '{parameter.path[-1]}: 1ms'"
            )
        return float(match[1]) * _UNITS[match[2]]

    def text(self, values: Mapping[Parameter, float]) -> str:
        """The file with other values, rounded to microseconds; all else as it was."""
        yaml = YAML()
        content = yaml.load(self.path.read_text(encoding="utf-8"))
        for parameter, seconds in values.items():
            place = content
            for key in parameter.path[:-1]:
                place = place[key]
            place[parameter.path[-1]] = f"{seconds * 1e6:.0f}us"
        made = io.StringIO()
        yaml.dump(content, made)
        return made.getvalue()

    def write(self, values: Mapping[Parameter, float]) -> None:
        """Put other values into the file.

        :raises CannotRun: it cannot be written.
        """
        replace(self.path, self.text(values))
