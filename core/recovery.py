"""Recovery: drive request trees to their end that nobody else is driving (rule 5).

A stale intent says that a tree made something durable and is not known to be
complete. Sending its root request again, under its own id, completes it: what
is durable is replayed, the rest is done. The generators here ask for the same
effects as an attempt does, so every host can run them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from core.ids import RequestId, earliest_root
from core.journal import METHOD_END, decode_intent
from core.layout import INTENTS, intent_key, root_of_intent, up_to
from core.messages import Failed, Reply, Request
from core.ports import Commit, Effect, Read, ReadVersion, Receive, Send
from core.store import Clear

__all__ = ["clear_intents", "recover"]


def recover(
    now_ns: int, stale_ns: int, limit: int = 100, name: str = "recovery"
) -> Generator[Effect, Any, int]:
    """Drive up to ``limit`` trees again whose root began more than ``stale_ns`` ago.

    :returns: how many were found.
    :raises StoreError: the store did not answer; nothing is lost.
    """
    oldest = earliest_root((now_ns - stale_ns) // 1_000_000)
    begin, end = up_to(INTENTS, oldest)
    version = yield ReadVersion()
    _, ranges = yield Read(name, version, (), ((begin, end, limit),))
    tickets = []
    for key, value in ranges[0]:
        origin = decode_intent(value).origin
        root = RequestId(root_of_intent(key))
        request = Request(root, origin.service, origin.method, origin.args, origin)
        tickets.append((yield Send(request)))
    if tickets:
        replies: list[Reply] = yield Receive(tuple(tickets))
        done = [r.id.root for r in replies if not isinstance(r.outcome, Failed)]
        if done:
            yield from clear_intents(done, name)
    return len(tickets)


def clear_intents(roots: Sequence[bytes], name: str = "completion") -> Generator[Effect, Any, None]:
    """Clear the intents of completed trees in one commit, off anybody's critical path.

    Only for trees whose root request was answered. Losing the commit is harmless.

    :raises StoreError: the store did not answer; recovery will come by.
    """
    version = yield ReadVersion()
    clears = [Clear(intent_key(root)) for root in roots]
    yield Commit(None, 0, METHOD_END, (name,), version, [], list(clears))
