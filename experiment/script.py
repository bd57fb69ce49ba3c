"""Scripts: what each call is to give, and whether it did, in whatever world it was made.

Values are compared as JSON has them, so that a script can be written in YAML: tuples are lists,
objects of the application's classes have their fields, sets are sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from experiment.scenario.model import Step

__all__ = ["Came", "misfit", "shown"]

_LONGEST = 200
_REFUSED = ("BadRequest", "Forbidden")
"""What the plain classes raise for what they refuse."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a call.

    :ivar value: the answer; ``raised``: the class of the exception that was the answer instead.
    :ivar failed: why there was no answer, if there was none.
    """

    value: Any = None
    raised: str = ""
    text: str = ""
    failed: str = ""

    def __str__(self) -> str:
        if self.failed:
            return f"there was no answer: {self.failed}"
        if self.raised:
            return (
                f"it raised {self.raised}: {self.text}" if self.text else f"it raised {self.raised}"
            )
        return f"it gave {_short(_json(self.value))}"


def shown(step: Step) -> str:
    """A step as it is written in a call."""
    who = f" as {step.caller}" if step.caller else ""
    return f"{step.call}({', '.join(_short(_json(arg)) for arg in step.args)}){who}"


def misfit(step: Step, came: Came) -> str:
    """What is wrong about what came of a call; empty if it is what the script says."""
    if step.refused:
        told = came.failed or came.raised in _REFUSED
        return "" if told else f"{shown(step)} should be refused, but {came}"
    if step.raises:
        fits = came.raised == step.raises and not came.failed
        return "" if fits else f"{shown(step)} should raise {step.raises}, but {came}"
    if step.gives:
        (meant,) = step.gives
        fits = not (came.raised or came.failed) and _json(came.value) == _json(meant)
        return "" if fits else f"{shown(step)} should give {_short(_json(meant))}, but {came}"
    return f"{shown(step)}: {came}" if came.raised or came.failed else ""


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, ValueError, OverflowError):
        return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
