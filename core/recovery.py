"""Recovery: drive request trees to their end that nobody else is driving (rule 5).

A stale intent says that a tree made something durable and is not known to be
complete. Sending its root request again, under its own id, completes it: what
is durable is replayed, the rest is done. The generators here ask for the same
effects as an attempt does, so every host can run them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from core.aside import ended
from core.entries import read_entries
from core.ids import RequestId, earliest_root
from core.journal import METHOD_END, decode_intent
from core.layout import INTENTS, intent_key, intent_range, up_to
from core.messages import Failed, Origin, Reply, Request
from core.ports import Commit, Effect, Now, ReadVersion, Receive, Send
from core.store import ClearRange, KeyRange, Mutation

__all__ = ["clear_intents", "drive", "recover"]


def recover(
    now_ns: int, stale_ns: int, limit: int = 100, name: str = "recovery"
) -> Generator[Effect, Any, int]:
    """Drive every tree again whose root began more than ``stale_ns`` ago, ``limit`` at a time.

    Those as well that begin so much later: they were woken before their time, to be cancelled.
    What can no longer be run at all is set aside.

    :returns: how many were found.
    :raises StoreError: the store did not answer; nothing is lost.
    """
    before, after = (earliest_root((now_ns + x) // 1_000_000) for x in (-stale_ns, stale_ns))
    found = 0
    parts = [up_to(INTENTS, before), KeyRange(intent_key(after), INTENTS.end)]
    while parts:
        version = yield ReadVersion()
        intents, parts = yield from read_entries(version, parts, limit, name)
        found += len(intents)
        origins = {root: decode_intent(data).origin for root, data in intents.items()}
        yield from drive(origins, name)
    return found


def drive(origins: dict[bytes, Origin], name: str = "drive") -> Generator[Effect, Any, None]:
    """Send the root requests of trees again, which have intents, and wait for their answers.

    :raises StoreError: the store did not answer; nothing is lost.
    """
    tickets = []
    for root, origin in origins.items():
        request = Request(
            RequestId(root),
            origin.service,
            origin.method,
            origin.args,
            origin,
            intent_recorded=True,
        )
        tickets.append((yield Send(request)))
    if not tickets:
        return
    replies: list[Reply] = yield Receive(tuple(tickets))
    done: list[Mutation] = []
    for reply in replies:
        outcome, root = reply.outcome, reply.id.root
        if not isinstance(outcome, Failed):
            done.append(ClearRange(*intent_range(root)))
        elif outcome.kind == "SetAside" or (outcome.definite and outcome.kind != "Overloaded"):
            now, version = (yield Now(name)), (yield ReadVersion())
            reads, aside = yield from ended(root, origins[root], outcome, now, version, name)
            yield Commit(None, 0, METHOD_END, (name,), version, reads, aside)
    yield from _upkeep(done, name)


def clear_intents(roots: Sequence[bytes], name: str = "completion") -> Generator[Effect, Any, None]:
    """Clear the intents of completed trees in one commit, off anybody's critical path.

    Only for trees whose root request was answered. Losing the commit is harmless.

    :raises StoreError: the store did not answer; recovery will come by.
    """
    yield from _upkeep([ClearRange(*intent_range(root)) for root in roots], name)


def _upkeep(mutations: list[Mutation], name: str) -> Generator[Effect, Any, None]:
    if mutations:
        version = yield ReadVersion()
        yield Commit(None, 0, METHOD_END, (name,), version, [], mutations)
