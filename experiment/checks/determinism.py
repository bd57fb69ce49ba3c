"""Replay determinism: executing a request again from its journal asks for the same effects.

For every commit of a request tree, the tree is driven again from its root on the
store as it was just before that commit, with the clock readings of the units that
won. What is durable is replayed, what is not is executed; the attempt must then
ask for the very commit that was recorded: same region, same end, same data, same
journal record. A child asked for with other arguments shows too: its journal
holds a fingerprint of those it was called with.

Only intents are left out: whether a commit has to record one depends on what the
attempt was told, not on the program. So are lines, and whom they call: these depend on the time,
and :mod:`experiment.checks.queue` judges them.

A request that was set aside because its replay went astray is evidence as it is.

Driving a whole tree for each of its commits is the dearest of all checks, so in a
long run only some trees, evenly spaced, are driven; the verdict says how many.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import NondeterminismError
from core.ids import RequestId
from core.layout import ALARMS, INTENTS, LINES, alarmed, resting_key
from core.memory import MemoryStore
from core.store import Clear, ClearRange, Mutation, Set
from experiment.checks.redrive import Driven, redrive
from experiment.checks.subject import Subject
from experiment.record.history import Committed
from experiment.verdict import Verdict, judge

__all__ = ["MOST_TREES", "determinism"]

MOST_TREES = 20
"""How many request trees are driven again from each of their journal's prefixes."""


def determinism(subject: Subject) -> Verdict:
    """Check that re-execution from the journal asks for what was recorded."""
    chosen = _chosen(subject)
    store = MemoryStore(clock=lambda: 0.0, window=0.0)
    store.load(subject.history.initial.items())
    evidence = _set_aside(subject)
    driven = 0
    remaining = sum(len(subject.trees[root]) for root in chosen)
    for commit in subject.commits:
        if not remaining:
            break
        request = commit.request
        if request is not None and request.root in chosen and subject.acts(commit):
            remaining -= 1
            driven += 1
            evidence += _judge(subject, commit, _drive(subject, store, commit))
        store.commit(store.read_version(), (), commit.mutations)
    if not evidence and not chosen and _only_reads(subject):
        return Verdict("determinism", "not applicable", "what only reads has no journal")
    examined = {"request tree": len(chosen), "re-execution": driven}
    return judge("determinism", examined, evidence)


def _only_reads(subject: Subject) -> bool:
    """Whether something was asked for, and all of it is proven to change nothing."""
    methods = {(sent.service, sent.method) for sent in subject.sent.values()}
    found = [subject.program.method(*each) for each in methods]
    return bool(found) and all(each is not None and each.facts.read_only for each in found)


def _set_aside(subject: Subject) -> list[str]:
    """Requests whose replay went astray while the system ran."""
    return [
        f"request {RequestId(root)} was set aside: {note.reason}"
        for root, note in subject.run.set_aside.items()
        if note.cause == NondeterminismError.__name__
    ]


def _chosen(subject: Subject) -> dict[bytes, None]:
    """The roots to drive again: all, or MOST_TREES evenly spaced."""
    roots = [root for root in subject.trees if root in subject.sent]
    step = max(len(roots) / MOST_TREES, 1.0)
    return {roots[int(i * step)]: None for i in range(min(len(roots), MOST_TREES))}


def _drive(subject: Subject, store: MemoryStore, commit: Committed) -> Driven:
    assert commit.request is not None
    clocks: dict[RequestId, list[int]] = {}
    for name in commit.units:
        unit = subject.history.units.get(name)
        if unit is not None and unit.clocks:
            clocks.setdefault(unit.request, []).extend(unit.clocks)
    request = subject.request(subject.sent[commit.request.root])
    wanted, heard = (commit.request, commit.place), subject.heard(commit)
    return redrive(subject.program, store, request, wanted, clocks, heard=heard)


def _judge(subject: Subject, commit: Committed, driven: Driven) -> list[str]:
    assert commit.request is not None
    readable = subject.readable
    who = f"{subject.describe(commit.request)}, driven again up to its region {commit.place}"
    if driven.found is None:
        if driven.reply is not None:
            return [f"{who}, {readable.outcome(driven.reply.outcome)} instead of committing it"]
        if driven.trouble:
            return [f"{who}, {driven.trouble[0]}"]
        asked = [f"region {c.place} of request {c.request}" for c in driven.blocked]
        return [f"{who}, asks to commit {', '.join(asked) or 'nothing'} instead"]
    if driven.found.end != commit.end:
        return [f"{who}, ends it at {driven.found.end}, not at {commit.end}"]
    recorded, again = _overlay(commit.mutations), _overlay(driven.found.mutations)
    if recorded == again:
        return []
    keys = [key for key in {**recorded, **again} if recorded.get(key, 0) != again.get(key, 0)]
    return [
        f"{who}, gives {readable.key(key)} {_written(subject, again, key)}, "
        f"not {_written(subject, recorded, key)}"
        for key in keys[:1]
    ]


def _overlay(mutations: Sequence[Mutation]) -> dict[bytes, object]:
    """What mutations leave of each key; a cleared range stands under both its bounds."""
    begin, end = INTENTS
    overlay: dict[bytes, object] = {}
    for mutation in mutations:
        if _is_of_lines(mutation, mutations):
            continue
        if isinstance(mutation, ClearRange):
            if begin <= mutation.begin < end:
                continue
            for key in [k for k in overlay if mutation.begin <= k < mutation.end]:
                del overlay[key]
            overlay[b"%b..%b" % (mutation.begin, mutation.end)] = "cleared"
        elif begin <= mutation.key < end:
            continue
        elif isinstance(mutation, Set):
            overlay[mutation.key] = mutation.value
        elif isinstance(mutation, Clear):
            overlay[mutation.key] = None
        else:
            overlay[mutation.key] = (mutation.operation, mutation.operand)
    return overlay


def _is_of_lines(mutation: Mutation, mutations: Sequence[Mutation]) -> bool:
    """Whether a mutation changes a line, or calls somebody who waits in it."""
    if isinstance(mutation, ClearRange):
        return False
    if mutation.key[:1] != ALARMS.begin:
        return mutation.key[:1] == LINES.begin
    keys = [each.key for each in mutations if not isinstance(each, ClearRange)]
    is_start = resting_key(alarmed(mutation.key)) in keys
    return not is_start and any(key[:1] == LINES.begin for key in keys)


def _written(subject: Subject, overlay: dict[bytes, object], key: bytes) -> str:
    if key not in overlay:
        return "no value"
    value = overlay[key]
    return (
        subject.readable.value(value) if value is None or isinstance(value, bytes) else str(value)
    )
