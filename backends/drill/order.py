"""A total order of commits where a store gives several of them the same version.

FoundationDB commits in batches, and the commits of a batch share its version. They are
serializable in the order of the log all the same: a commit conflicts with earlier ones of its
own batch, and a read version is always that of a whole batch. The checks want an order of
plain numbers. So where versions tie, each is multiplied, the commits of a batch are numbered
in it, and what was read at a version stands behind the last place there can be::

    commit   version v, place n  ->  v * 65,536 + n
    read     version v           ->  v * 65,536 + 65,535

A batch has no more than 65,536 commits: a versionstamp has two bytes for the place. Where no
versions tie, all stay as they are.
"""

from __future__ import annotations

from itertools import pairwise

from experiment.record.history import History

__all__ = ["PLACES", "separate"]

PLACES = 65_536
"""How many places there are at one version."""


def separate(history: History) -> None:
    """Give the commits of ``history`` versions of their own, and let what was read follow.

    :param history: with its commits in the order of the log, and complete.
    """
    versions = [commit.version for commit in history.commits]
    if all(one != other for one, other in pairwise(versions)):
        return
    last = place = -1
    for commit in history.commits:
        place = place + 1 if commit.version == last else 0
        last = commit.version
        commit.version = last * PLACES + place
        commit.read_version = _behind(commit.read_version)
    for unit in history.units.values():
        unit.version = _behind(unit.version)
    for answer in history.answers:
        answer.version = _behind(answer.version)


def _behind(version: int) -> int:
    """Where something stands that was read at a version; 0, for none, stays."""
    return version * PLACES + PLACES - 1 if version else 0
