"""Deliberately broken variants of the protocol: what the checks must catch.

An oracle nobody has seen fail proves nothing. Each :class:`Bug` breaks one rule
of ``docs/protocol.md`` by replacing one function of the executor, names the
check that must see it, and a scenario in which it does harm.

    python -m sim scenarios/crash.yaml --planted no_intent
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from core import attempt, calls, recovery, retention
from core.errors import Conflict
from core.ids import RequestId, request_random
from core.journal import METHOD_END, Record, Ticked, encode_record
from core.layout import JOURNAL, WATERMARK, intent_key, journal_key, up_to
from core.messages import Outcome, Request
from core.ports import Commit, Now, Read, ReadVersion, Send
from core.program import Facts, Program
from core.regions import Regions
from core.store import Clear, ClearRange, Set, point

__all__ = ["BUGS", "Bug", "plant"]

Steps = Generator[Any, Any, Any]
Patch = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Bug:
    """One broken variant.

    :ivar rule: what it breaks, in a sentence.
    :ivar caught_by: the check that must fail; others may fail too.
    :ivar scenario: name of a scenario, without ``.yaml``, in which it does harm.
    :ivar app: the application to run there.
    """

    name: str
    rule: str
    caught_by: str
    scenario: str
    app: str
    patch: Patch


BUGS: dict[str, Bug] = {}


def _bug(rule: str, caught_by: str, scenario: str, app: str) -> Callable[[Patch], Patch]:
    def register(patch: Patch) -> Patch:
        name = patch.__name__
        BUGS[name] = Bug(name, rule, caught_by, scenario, app, patch)
        return patch

    return register


@contextmanager
def plant(name: str) -> Iterator[Bug]:
    """Run with the bug in place.

    :raises KeyError: there is no such bug.
    """
    bug = BUGS[name]
    with bug.patch():
        yield bug


def _replace(owner: Any, name: str, new: Any) -> Any:
    return mock.patch.object(owner, name, new)


def _change_commits(change: Callable[[Regions, Commit], Commit | None]) -> Any:
    """Let ``change`` edit, or with None leave out, the commits of regions."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        steps = original(self, end, outcome)
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration:
                return
            if isinstance(effect, Commit):
                changed = change(self, effect)
                answer = effect.version if changed is None else (yield changed)
            else:
                answer = yield effect

    return _replace(Regions, "_commit", commit)


def _with(commit: Commit, **changes: Any) -> Commit:
    fields = {name: getattr(commit, name) for name in commit.__struct_fields__}
    return Commit(**{**fields, **changes})


def _own_key(regions: Regions) -> bytes:
    return journal_key(regions._request.id, regions.now.place)


# --- the journal (rules 1 to 3)


@_bug("a region's commit conflicts with its journal key", "exactly_once", "zombie", "apps/counter")
def no_journal_conflict() -> Any:
    """Leave the journal key out of the conflict keys."""

    def change(regions: Regions, commit: Commit) -> Commit:
        key = point(_own_key(regions))
        return _with(commit, reads=[r for r in commit.reads if r != key and r not in _data(commit)])

    return _change_commits(change)


def _data(commit: Commit) -> list[Any]:
    """Reads that a blind increment would not have: without them the journal key alone protects."""
    return [r for r in commit.reads if r.begin.startswith(b"d")]


@_bug("the journal is read before the region commits", "exactly_once", "duplicate", "apps/counter")
def journal_not_read() -> Any:
    """Never look whether the region is already in the journal."""
    original = Regions.read

    def read(self: Regions, keys: Any = (), ranges: Any = ()) -> Steps:
        self.now.checked = True
        return (yield from original(self, keys, ranges))

    return _replace(Regions, "read", read)


@_bug("a region is numbered by its place", "exactly_once", "zombie", "apps/hotel")
def regions_numbered_by_commits() -> Any:
    """Number regions by how many commits came before, not by their place in the program."""
    original = Regions._begin

    def begin(self: Regions) -> None:
        place = self._place
        if place:
            self._place = len(self._records)
        original(self)
        self._place = place

    return _replace(Regions, "_begin", begin)


@_bug("the last region writes its journal key too", "exactly_once", "zombie", "apps/counter")
def last_region_without_its_journal_key() -> Any:
    """Record the result under a key of its own, with no conflict on the region's key."""

    def change(regions: Regions, commit: Commit) -> Commit:
        if commit.end != METHOD_END:
            return commit
        key, result = _own_key(regions), journal_key(regions._request.id, 1_000_000)
        mutations = [
            Set(result, m.value) if isinstance(m, Set) and m.key == key else m
            for m in commit.mutations
        ]
        data = [r for r in commit.reads if r != point(key)]
        return _with(commit, mutations=mutations, reads=data)

    return _change_commits(change)


@_bug("a region is durable before the call after it leaves", "exactly_once", "crash", "apps/hotel")
def acting_before_the_journal_is_durable() -> Any:
    """Let the call leave first, and commit the region with the next one."""
    original = Regions.end

    def end(self: Regions, end: int, outcome: Outcome | None = None) -> Steps:
        if end != METHOD_END:
            self.now.held_transaction = False
            return False
        return (yield from original(self, end, outcome))

    return _replace(Regions, "end", end)


@_bug("clock readings are journaled", "determinism", "crash", "apps/hotel")
def clock_not_journaled() -> Any:
    """Read the clock anew on every execution."""

    def clock(self: attempt.Attempt, _: Any) -> Steps:
        yield from self.calls.settle()
        time = yield Now(self.regions.now.unit)
        return time

    def replace() -> Any:
        return mock.patch.dict(attempt._HANDLERS, {_clock_effect(): clock})

    return replace()


def _clock_effect() -> type:
    return next(kind for kind in attempt._HANDLERS if kind.__name__ == "Clock")


@_bug("a child's id is derived from its place", "exactly_once", "crash", "apps/chain")
def child_ids_not_derived() -> Any:
    """Give every call a new id, as a plain client would."""
    original = calls.Calls._request
    count = iter(range(1 << 40))

    def request(self: calls.Calls, *arguments: Any, **named: Any) -> Request:
        made = original(self, *arguments, **named)
        path = (*made.id.path[:-1], made.id.path[-1] + 1000 * (next(count) + 1))
        changes = {name: getattr(made, name) for name in made.__struct_fields__}
        changes["id"] = RequestId(made.id.root, path)
        return Request(**changes)

    return _replace(calls.Calls, "_request", request)


# --- results (rule 4)


@_bug("the answer is recorded", "exactly_once", "duplicate", "apps/counter")
def result_not_recorded() -> Any:
    """Commit the last region without its record."""

    def change(regions: Regions, commit: Commit) -> Commit:
        if commit.end != METHOD_END:
            return commit
        key = _own_key(regions)
        kept = [m for m in commit.mutations if not (isinstance(m, Set) and m.key == key)]
        return _with(commit, mutations=kept)

    return _change_commits(change)


@_bug("an outcome that changed nothing is recorded", "exactly_once", "duplicate", "apps/hotel")
def unchanged_outcome_not_recorded() -> Any:
    """Commit only when something was written: what it did, not what it may do."""

    def change(regions: Regions, commit: Commit) -> Commit | None:
        return commit if regions.now.writes.own() or commit.end != METHOD_END else None

    return _change_commits(change)


@_bug("read-only is proven, all the way down", "reference", "smoke", "apps/counter")
def read_only_inference_wrong() -> Any:
    """Take every method for read-only."""
    original = Program.method

    def method(self: Program, service: str, name: str) -> Any:
        found = original(self, service, name)
        if found is None:
            return None
        return type(found)(
            found.service, found.name, found.function, found.check, Facts(read_only=True),
            found.public, found.file, found.line,
        )  # fmt: skip

    return _replace(Program, "method", method)


# --- intents and recovery (rule 5)


def _without_intent(self: Regions, end: int) -> list[Any]:
    root = self._request.id.root
    return [Clear(intent_key(root))] if end == METHOD_END and self._request.last else []


@_bug("a tree that made something durable has an intent", "exactly_once", "crash", "apps/hotel")
def no_intent() -> Any:
    """Never record the intent."""
    return _replace(Regions, "_intent", _without_intent)


@_bug("the intent is in the same commit as the effect", "exactly_once", "crash", "apps/hotel")
def intent_after_the_effect() -> Any:
    """Record the intent in a commit of its own, after the region's."""
    intent, commit = Regions._intent, Regions._commit

    def late(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        mutations = intent(self, end)
        yield from commit(self, end, outcome)
        if any(isinstance(m, Set) for m in mutations):
            version = yield ReadVersion()
            yield Commit(None, 0, METHOD_END, (), version, [], mutations)

    both = mock.patch.multiple(Regions, _intent=_without_intent, _commit=late)
    return both


@_bug("only the tree's last commit clears the intent", "exactly_once", "crash", "apps/hotel")
def intent_cleared_too_early() -> Any:
    """Let every commit that ends a method clear it."""
    original = Regions._intent

    def intent(self: Regions, end: int) -> list[Any]:
        return [*original(self, end), Clear(intent_key(self._request.id.root))]

    return _replace(Regions, "_intent", intent)


@_bug("recovery drives stale intents", "liveness", "crash", "apps/hotel")
def recovery_gives_up() -> Any:
    """Look at the intents and do nothing."""

    def recover(*_: Any, **__: Any) -> Steps:
        yield ReadVersion()
        return 0

    return _everywhere("recover", recover, recovery.recover)


def _everywhere(name: str, new: Any, old: Any) -> Any:
    """Replace a function in every module that imported it by name."""
    import sys
    from contextlib import ExitStack

    stack = ExitStack()
    for module_name in sorted(sys.modules):
        module = sys.modules[module_name]
        if module_name.split(".")[0] in ("core", "sim") and getattr(module, name, None) is old:
            stack.enter_context(mock.patch.object(module, name, new))
    return stack


# --- transactions and read versions (rule 6)


@_bug("a region reads at one version and commits at it", "strict_serializable", "contention",
      "apps/hotspot")  # fmt: skip
def stale_read_version() -> Any:
    """Commit at a fresh version instead of the one that was read at."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        read_at, self.now.version = self.now.version, (yield ReadVersion())
        yield from original(self, end, outcome)
        self.now.version = read_at

    return _replace(Regions, "_commit", commit)


@_bug("a read version is taken after the request began", "strict_serializable", "smoke",
      "apps/counter")  # fmt: skip
def cached_read_version() -> Any:
    """Use a read version from up to fifty requests ago."""
    cache = [0, 0]

    def opened(self: Regions) -> Steps:
        if not self.now.version:
            if cache[1] % 50 == 0 or self._units > 1:
                cache[0] = yield ReadVersion()
            cache[1] += 1
            self.now.version = cache[0]

    return _replace(Regions, "open", opened)


@_bug("the commit conflicts with what callees read", "strict_serializable", "contention",
      "apps/tree")  # fmt: skip
def reads_of_callees_forgotten() -> Any:
    """Leave out of the conflict keys what travelling callees read."""
    from core.region import Region

    original = Region.merge

    def merge(self: Region, _: Any, writes: Any, units: Any) -> None:
        original(self, (), writes, units)

    return _replace(Region, "merge", merge)


@_bug("a transaction is one commit", "atomicity", "smoke", "apps/hotel")
def writes_applied_one_by_one() -> Any:
    """Commit a transaction's writes in commits of their own, then the rest."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        writes = self.now.writes.all()
        for mutation in writes[1:]:
            units = tuple(self.now.units)
            place, version = self.now.place, self.now.version
            reads = self.now.reads
            yield Commit(self._request.id, place, end, units, version, reads, [mutation])
            reads = []
        self.now.writes.rollback(1)
        yield from original(self, end, outcome)

    return _replace(Regions, "_commit", commit)


@_bug("an abort undoes what the transaction wrote", "reference", "smoke", "apps/hotel")
def abort_keeps_writes() -> Any:
    """End an aborted transaction without undoing anything."""
    from core.writes import Writes

    return _replace(Writes, "rollback", lambda *_: None)


@_bug("branches that touch the same keys run one after the other", "reference", "smoke",
      "apps/bank")  # fmt: skip
def branches_not_run_again() -> Any:
    """Merge parallel branches whatever they read."""
    return _replace(calls, "touches", lambda *_: False)


# --- retention (rule 7)


@_bug("retention stops at the oldest intent", "exactly_once", "retention", "apps/hotel")
def retention_forgets_too_early() -> Any:
    """Forget by age alone."""

    def retain(now_ns: int, period_ns: int, name: str = "retention") -> Steps:
        from core.ids import earliest_root

        horizon = earliest_root((now_ns - period_ns) // 1_000_000)
        version = yield ReadVersion()
        values, _ = yield Read(name, version, (WATERMARK,))
        if horizon <= (values[0] or b""):
            return None
        forget = ClearRange(*up_to(JOURNAL, horizon))
        yield Commit(None, 0, METHOD_END, (name,), version, [], [Set(WATERMARK, horizon), forget])
        return horizon

    return _everywhere("retain", retain, retention.retain)


@_bug("a request older than the watermark is refused", "exactly_once", "retention", "apps/counter")
def watermark_not_checked() -> Any:
    """Execute whatever comes, however old."""
    import core.regions

    return _replace(core.regions, "WATERMARK", b"w-nobody-writes-this")


@_bug("retention clears the journal", "bounded_storage", "smoke", "apps/counter")
def retention_clears_nothing() -> Any:
    """Move the watermark and leave the records."""
    return _replace(retention, "ClearRange", lambda *_: Clear(b"nothing"))


# --- replay (rule 8)


@_bug("random numbers come from the request's id", "determinism", "crash", "apps/hotel")
def random_not_derived() -> Any:
    """Draw anew on every execution."""
    count = iter(range(1 << 40))

    def fresh(request: RequestId) -> Any:
        return request_random(RequestId(request.root, (*request.path, 10**9 + next(count))))

    return _replace(attempt, "request_random", fresh)


@_bug("an unknown commit is looked up, not assumed", "exactly_once", "unknown_commit",
      "apps/counter")  # fmt: skip
def unknown_commit_assumed_lost() -> Any:
    """After an unknown commit, go on as if it had been refused and the journal were empty."""
    original = Regions.read
    return _replace(Regions, "read", _blind_after_first(original))


def _blind_after_first(original: Any) -> Any:
    def read(self: Regions, keys: Any = (), ranges: Any = ()) -> Steps:
        if self._units > 1:
            self.now.checked = True
        return (yield from original(self, keys, ranges))

    return read
