"""Protocols whose requests are many store transactions (:mod:`core.popl23`): what belongs together.

A *part* is what one transaction does in one service: accesses that each are a commit, or only a
read, under locks, up to the commit that ends it. All of it must be as if it had happened at that
end: what the accesses saw then still is so (:mod:`experiment.checks.joining`), it happens once
(:func:`twice`), all parts of a transaction end alike (:func:`halves`), and none is left
(:func:`left`).

Accesses outside of transactions promise less. But whoever writes what it has read before must not
overwrite what came in between (:func:`overwritten`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from core.ids import RequestId
from core.layout import LOCKS, OBJECTS, PARTS, object_key, part_of
from core.popl23.objects import data_of
from experiment.checks.joining import (
    PartId,
    end_after,
    ends_of,
    part_ended,
    part_read,
    step_of,
    within,
    written,
)
from experiment.checks.subject import Subject
from experiment.record.history import Committed, Unit

__all__ = ["halves", "left", "overwritten", "twice"]

# --- strict serializability


def overwritten(subject: Subject) -> list[str]:
    """What a request read outside of transactions, and then wrote although it had changed."""
    content = dict(subject.history.initial)
    earlier = _outside(subject.history.units)
    since_when: dict[str, int] = {}
    evidence = []
    for commit in subject.commits:
        changes = _changes(commit, content)
        if changes and part_ended(commit) is None and commit.request is not None:
            now = step_of(commit.units[0])
            since = since_when.get(now.execution, 0)
            for step, unit in earlier.get(now.execution, {}).items():
                if since < step < now.step:
                    for key in _outdated(unit, content, changes):
                        who = subject.describe(commit.request)
                        what = subject.readable.key(key)
                        evidence.append(
                            f"{who} read {what} at version {unit.version}, and wrote it at "
                            f"{commit.version}, though it had been changed in between"
                        )
            since_when[now.execution] = now.step
        content.update((each.key, each.value) for each in written(commit, OBJECTS))
    return evidence


def _changes(commit: Committed, content: Mapping[bytes, bytes]) -> dict[bytes, set[bytes]]:
    """The keys of data that a commit gives other values, by object; none if it writes it back."""
    found: dict[bytes, set[bytes]] = {}
    for each in written(commit, OBJECTS):
        before = content.get(each.key)
        if before != each.value:
            was, is_ = data_of(before), data_of(each.value)
            keys = {key for key in {**was, **is_} if was.get(key) != is_.get(key)}
            if keys:
                found[each.key] = keys
    return found


def _outside(units: Mapping[str, Unit]) -> dict[str, dict[int, Unit]]:
    """The last tries of steps outside of transactions, by execution and step."""
    found: dict[str, dict[int, Unit]] = defaultdict(dict)
    for unit in units.values():
        if unit.reads or unit.scans:
            name = step_of(unit.name)
            found[name.execution][name.step] = unit  # tries come in their order
    return {
        execution: {step: unit for step, unit in sorted(steps.items()) if part_read(unit) is None}
        for execution, steps in found.items()
    }


def _outdated(
    unit: Unit, content: Mapping[bytes, bytes], changes: Mapping[bytes, set[bytes]]
) -> list[bytes]:
    """Keys that are changed, and that are not as ``unit`` had seen them."""
    found: list[bytes] = []
    seen = dict(unit.reads)
    for begin, end, _, pairs in unit.scans:
        seen |= {name: None for name in changes if begin <= name < end} | dict(pairs)
    for name, keys in changes.items():
        if name in seen and seen[name] != content.get(name):
            was, is_ = data_of(seen[name]), data_of(content.get(name))
            found += sorted(key for key in keys if was.get(key) != is_.get(key))
    return found


# --- exactly once


def _copies(commit: Committed) -> Iterator[tuple[PartId, bytes, bytes]]:
    """The shadow copies that a commit writes: part, object's key, value."""
    for mutation in written(commit, PARTS):
        transaction, service, element = part_of(mutation.key)
        if element.startswith(b"o"):
            yield (transaction, service), object_key(element[1:]), mutation.value


class _Changing:
    """Which commits change data, at once or by copies that are committed, in their order."""

    def __init__(self, subject: Subject) -> None:
        self._content = dict(subject.history.initial)
        self._copied: dict[PartId, dict[bytes, bytes]] = defaultdict(dict)
        self._ends = ends_of(subject.commits)

    def next(self, commit: Committed) -> bool:
        """Whether ``commit`` does."""
        ended = part_ended(commit)
        changes = bool(_changes(commit, self._content)) and ended is None
        self._content.update((each.key, each.value) for each in written(commit, OBJECTS))
        for part, name, value in _copies(commit):
            copied = self._copied[part]
            before = copied.get(name, self._content.get(name))
            end = end_after(self._ends.get(part, ()), commit.version)
            applied = end is not None and any(written(end, OBJECTS))
            changes |= applied and data_of(before) != data_of(value)
            copied[name] = value
        if ended is not None:
            self._copied.pop(ended, None)
        return changes


def twice(subject: Subject) -> list[str]:
    """Requests of which two executions changed data, without the second knowing of the first.

    Where steps are remembered, an execution knows of them; where not, it begins from nothing.
    """
    changing = _Changing(subject)
    first: dict[tuple[RequestId, int], tuple[str, int]] = {}
    evidence = []
    for commit in subject.commits:
        if not changing.next(commit) or commit.request is None:
            continue
        name = step_of(commit.units[0])
        key = commit.request, name.step if subject.protocol.remembers else 0
        execution, version = first.setdefault(key, (name.execution, commit.version))
        if execution != name.execution:
            evidence.append(
                f"{subject.describe(commit.request)} was executed twice, and both changed data, "
                f"at {version} and at {commit.version}"
            )
    return evidence


# --- what ends alike


def halves(subject: Subject) -> tuple[int, list[str]]:
    """How many transactions wrote, and those of which one part was committed and another not."""
    committed: dict[PartId, bool] = {}
    for commit in subject.commits:
        for part, _, _ in _copies(commit):
            committed.setdefault(part, False)
        ended = part_ended(commit)
        if ended in committed:
            committed[ended] |= any(written(commit, OBJECTS))
    transactions: dict[bytes, dict[str, bool]] = defaultdict(dict)
    for (transaction, service), done in committed.items():
        transactions[transaction][service.decode()] = done
    evidence = []
    for transaction, services in transactions.items():
        if len(set(services.values())) > 1:
            whole = ", ".join(service for service, is_done in services.items() if is_done)
            missing = ", ".join(service for service, is_done in services.items() if not is_done)
            who = subject.describe(RequestId(transaction[:16]))
            evidence.append(f"a transaction of {who} is committed in {whole}, but not in {missing}")
    return len(transactions), evidence


def left(subject: Subject) -> list[str]:
    """What transactions still hold in the end."""
    held: dict[PartId, int] = {}
    for key in subject.run.final:
        if within(PARTS, key):
            held.setdefault(part_of(key)[:2], 0)
    for key, value in subject.run.final.items():
        if within(LOCKS, key):
            part = value, key[1:].split(b"\x00", 1)[0]
            held[part] = held.get(part, 0) + 1
    return [
        f"a transaction of {subject.describe(RequestId(transaction[:16]))} never ended in "
        f"{service.decode()}, and holds {locks} of its locks"
        for (transaction, service), locks in sorted(held.items())
    ]
