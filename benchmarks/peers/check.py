"""Whether every increment happened exactly once, judged from what the clients saw."""

from __future__ import annotations

from collections import Counter, defaultdict

from benchmarks.peers.observation import Observation

__all__ = ["differences"]


def differences(seen: Observation) -> list[str]:
    """What contradicts that every increment happened exactly once; nothing: it did.

    A key's count is the number of its acknowledged increments, and of those without an answer
    any number more. Each increment left another count behind, so the answers for a key are all
    different and none is beyond its count. A request sent again has the answer it had.
    """
    found = []
    if not any(each.answer is not None for each in seen.increments):
        found.append("nothing was acknowledged, so nothing was shown")
    if not any(None not in (each.first, each.again) for each in seen.repeats):
        found.append("no request was answered twice, so nothing was shown about repeats")
    return found + _counts(seen) + _answers(seen) + _repeats(seen)


def _counts(seen: Observation) -> list[str]:
    acknowledged = Counter(each.key for each in seen.increments if each.answer is not None)
    unknown = Counter(each.key for each in seen.increments if each.answer is None)
    return [
        f"{key}: counted {seen.counts.get(key, 0)}, acknowledged {acknowledged[key]}"
        f" and perhaps {unknown[key]} more"
        for key in sorted({*acknowledged, *unknown, *seen.counts})
        if not 0 <= seen.counts.get(key, 0) - acknowledged[key] <= unknown[key]
    ]


def _answers(seen: Observation) -> list[str]:
    answers: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for each in seen.increments:
        if each.answer is not None:
            answers[each.key][each.answer] += 1
    found = []
    for key, given in sorted(answers.items()):
        found += [f"{key}: {times} answers say {n}" for n, times in given.items() if times > 1]
        if min(given) < 1 or max(given) > seen.counts.get(key, 0):
            found.append(f"{key}: an answer is beyond the count, {seen.counts.get(key, 0)}")
    return found


def _repeats(seen: Observation) -> list[str]:
    return [
        f"request {each.request}: answered {each.first}, then {each.again}"
        for each in seen.repeats
        if None not in (each.first, each.again) and each.first != each.again
    ]
