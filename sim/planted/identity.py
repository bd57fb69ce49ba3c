"""Breaking rules 4 and 7: what ids, and the keys of clients, stand for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from core import client_keys
from core.journal import decode_record
from core.layout import client_key
from core.ports import Commit, Read, ReadVersion
from core.regions import Regions
from core.store import Pairs
from sim.planted.bug import Steps, bug, everywhere, replace, with_


@bug("an id answers for one request alone", "exactly_once", "smoke", "counter")
def ids_answer_for_other_requests() -> AbstractContextManager[Any]:
    """Answer whoever uses an id with what is recorded under it, whatever was asked."""
    return replace(Regions, "compare", lambda *_: None)


@bug("nothing is done under the id of another request", "exactly_once", "smoke", "counter")
def ids_used_again_run() -> AbstractContextManager[Any]:
    """Do not see the records of another request, and do what is asked."""
    original = Regions._take_in

    def take_in(self: Regions, pairs: Pairs) -> None:
        own = self.fingerprint[:8]
        kept = [(key, value) for key, value in pairs if decode_record(value).fingerprint[:8] == own]
        original(self, kept)

    return replace(Regions, "_take_in", take_in)


@bug("of two first uses of a key, one is recorded", "exactly_once", "smoke", "counter")
def keys_stand_for_two_requests() -> AbstractContextManager[Any]:
    """Record a key in conflict with nothing."""
    original = client_keys._look_or_record

    def record(*given: Any) -> Steps:
        steps: Any = original(*given)
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield with_(effect, reads=[]) if isinstance(effect, Commit) else effect

    return replace(client_keys, "_look_or_record", record)


@bug("a key is looked up before it is recorded", "exactly_once", "smoke", "counter")
def keys_not_looked_up() -> AbstractContextManager[Any]:
    """Take the id just drawn, whatever the key stood for."""

    def take(text: bytes, fresh: bytes, name: str = "client key") -> Steps:
        version = yield ReadVersion()
        yield Read(name, version, (client_key(text),))
        return fresh

    return everywhere(client_keys.root_of_key, take)
