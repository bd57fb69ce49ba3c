"""What an oracle says about a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

__all__ = ["EVIDENCE_LIMIT", "Status", "Verdict", "count", "judge"]

Status = Literal["holds", "fails", "inconclusive", "not applicable"]

EVIDENCE_LIMIT = 5
"""How many violations of one kind are told: the first explains the others."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one check.

    :ivar name: the check's name as scenarios write it.
    :ivar detail: how much was examined, or why nothing could be.
    :ivar evidence: one readable line for each violation found, the first few.
    """

    name: str
    status: Status
    detail: str
    evidence: list[str] = field(default_factory=list)


def count(number: int, noun: str) -> str:
    """``1,204 reads``, ``1 commit``: a number with its noun."""
    plural = noun + ("es" if noun.endswith(("s", "ch")) else "s")
    if noun.endswith("try"):
        plural = noun.removesuffix("y") + "ies"
    return f"{number:,} {noun if number == 1 else plural}"


def judge(
    name: str,
    examined: dict[str, int],
    evidence: Sequence[str],
    left_out: Mapping[str, int] = MappingProxyType({}),
) -> Verdict:
    """``fails`` if there is evidence, ``inconclusive`` if nothing was examined, else ``holds``.

    :param examined: how many of what were looked at, by noun in the singular; ``left_out``
        likewise, of what could not be judged.
    """
    detail = ", ".join(count(number, noun) for noun, number in examined.items())
    for noun, number in left_out.items():
        if number:
            detail += f"; {count(number, noun)} left out"
    if evidence:
        lines = list(evidence[:EVIDENCE_LIMIT])
        if len(evidence) > EVIDENCE_LIMIT:
            lines.append(f"and {len(evidence) - EVIDENCE_LIMIT:,} more")
        return Verdict(name, "fails", detail, lines)
    if not any(examined.values()):
        return Verdict(name, "inconclusive", f"nothing to examine: {detail}")
    return Verdict(name, "holds", detail)
