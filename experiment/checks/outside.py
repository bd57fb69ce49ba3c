"""The outside: what led there was durable first, one key for one question, answers as they were.

For every place of a request at which the outside was asked, by whichever attempts and however
often:

* all tries carry the same key and the same arguments, and no other place has that key;
* before the first of them, what led there was durable: the request had committed a region that ends
  there, or before, and none that ends there came later. So an aborted region asks for nothing, and
  a tree that has done something outside has an intent;
* what the journal has as an answer is what became of one of the tries; and a region that goes on to
  something else has all the answers that it took in.

That it is what the plain program asks, says :mod:`experiment.checks.reference`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from core.ids import RequestId
from core.journal import METHOD_END, Heard, Record, decode_record
from core.layout import journal_key
from core.store import Set
from experiment.checks.subject import Subject
from experiment.record.history import Asked, Committed
from experiment.verdict import Verdict, judge

__all__ = ["outside"]

_Place = tuple[RequestId, int]


def outside(subject: Subject) -> Verdict:
    """Check what the outside was asked, and what became of its answers."""
    asked: dict[_Place, list[Asked]] = defaultdict(list)
    for each in subject.history.asked:
        asked[each.request, each.place].append(each)
    commits: dict[RequestId, list[Committed]] = defaultdict(list)
    for commit in subject.commits:
        if commit.request is not None and subject.acts(commit):
            commits[commit.request].append(commit)
    evidence = _keys(subject, asked)
    for (request, place), errands in asked.items():
        evidence += _led_to(subject, errands[0], place, commits[request])
    answers = 0
    for found in commits.values():
        for commit in found:
            count, more = _answers(subject, asked, commit)
            answers += count
            evidence += more
    tries = sum(len(each.tries) for each in subject.history.asked)
    return judge("outside", {"question": len(asked), "try": tries, "answer": answers}, evidence)


def _keys(subject: Subject, asked: dict[_Place, list[Asked]]) -> list[str]:
    evidence = []
    owners: dict[str, _Place] = {}
    for where, errands in asked.items():
        tries = [tried for errand in errands for tried in errand.tries]
        for tried in tries:
            who = _who(subject, errands[0])
            if tried.key != tries[0].key:
                evidence.append(f"{who} under the key {tries[0].key} and, again, {tried.key}")
            elif tried.args != tries[0].args:
                evidence.append(f"{who} with different arguments")
            elif owners.setdefault(tried.key, where) != where:
                evidence.append(f"{who} under the key {tried.key} of another question")
            else:
                continue
            break
    return evidence


def _led_to(subject: Subject, first: Asked, place: int, commits: Sequence[Committed]) -> list[str]:
    """What was not durable when a question was asked for the first time."""
    ends = [(commit.end, commit.time) for commit in commits if 0 <= commit.end <= place]
    who = _who(subject, first)
    if not any(time <= first.time for _, time in ends):
        return [f"{who} at {first.time:.3f} s, when nothing of it was durable"]
    return [
        f"{who} at {first.time:.3f} s, and what led there was durable only at {time:.3f} s"
        for end, time in ends
        if end == place and time > first.time
    ]


def _answers(
    subject: Subject, asked: dict[_Place, list[Asked]], commit: Committed
) -> tuple[int, list[str]]:
    """How many answers a region took in, and what is wrong with them."""
    assert commit.request is not None
    took_in = subject.heard(commit)
    if commit.end == METHOD_END:  # its record has the method's outcome instead
        return len(took_in), []
    record = _record(commit)
    entries = [] if record is None else [e for e in record.entries if isinstance(e, Heard)]
    journaled = {(commit.request, entry.place): entry.outcome for entry in entries}
    evidence = [
        f"{_who(subject, asked[where][0])}, and a region went on with an answer that is not in "
        f"the journal"
        for where in took_in
        if where not in journaled
    ]
    for where, outcome in journaled.items():
        tries = [tried for errand in asked.get(where, []) for tried in errand.tries]
        if not any(outcome in (tried.told, tried.gave) for tried in tries):
            told = subject.readable.outcome(outcome)
            evidence.append(f"a journaled answer of the outside to {where[0]} {told}, but none did")
    return len(journaled), evidence


def _record(commit: Committed) -> Record | None:
    assert commit.request is not None
    key = journal_key(commit.request, commit.place)
    data = b"".join(
        each.value
        for each in commit.mutations
        if isinstance(each, Set) and each.key.startswith(key)
    )
    return decode_record(data) if data else None


def _who(subject: Subject, asked: Asked) -> str:
    return f"{subject.describe(asked.request)} asked {asked.function} of the outside"
