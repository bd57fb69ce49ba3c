"""What decides in a run: the protocol of ``docs/protocol.md``, the paper's, or none.

A run and its checks ask a protocol what it is, not how it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from core import alarms, attempt, optimistic, recovery, retention, schedules, unsafe
from core.layout import DATA, OBJECTS, object_key
from core.messages import Failed, Origin, Request
from core.popl23 import readable
from core.popl23.execution import popl23
from core.popl23.objects import content_of
from core.popl23.switches import NAMES, Switches
from core.ports import Steps
from core.program import Program
from core.store import KeyRange

__all__ = ["OURS", "PROTOCOLS", "Protocol"]

OURS = "mu2sls"
"""The name of the protocol of ``docs/protocol.md``."""

Content = Mapping[bytes, bytes]


def _as_it_is(program: Program, initial: Content) -> dict[bytes, bytes]:  # noqa: ARG001
    return dict(initial)


def _plain(content: Content) -> dict[bytes, bytes]:
    return {key: value for key, value in content.items() if DATA.begin <= key < DATA.end}


class Protocol(NamedTuple):
    """What decides: :mod:`core`'s functions, or others of the same shape.

    :ivar name: as command lines, reports and result files have it.
    :ivar regions: whether what it makes durable are regions with a journal.
    :ivar parts: whether a transaction has a part with locks in each service (:mod:`core.popl23`).
    :ivar remembers: whether a request that is executed again is recognised.
    :ivar forgets: whether what it remembers is cleared in the end.
    :ivar retries: whether what got no answer is asked for again.
    :ivar section: where the application's data lie in the store.
    :ivar arranged: the store's content for an application's data.
    :ivar data: an application's data, as plain keys and values, from the store's content.
    """

    attempt: Callable[[Program, Request, str], Steps]
    recover: Callable[[int, int], Steps]
    retain: Callable[[int, int], Steps]
    clear_intents: Callable[[list[bytes]], Steps]
    wake: Callable[[int], Steps]
    rest: Callable[[dict[bytes, Failed]], Steps]
    drive: Callable[[dict[bytes, Origin]], Steps]
    tick: Callable[[Program, int], Steps]
    name: str = OURS
    regions: bool = True
    parts: bool = False
    remembers: bool = True
    forgets: bool = True
    retries: bool = True
    section: KeyRange = DATA
    arranged: Callable[[Program, Content], dict[bytes, bytes]] = _as_it_is
    data: Callable[[Content], dict[bytes, bytes]] = _plain

    @classmethod
    def ours(cls) -> Protocol:
        """The one in :mod:`core`."""
        return cls(
            attempt.attempt,
            recovery.recover,
            retention.retain,
            recovery.clear_intents,
            alarms.wake,
            alarms.rest,
            recovery.drive,
            schedules.tick,
        )

    @classmethod
    def optimistic(cls) -> Protocol:
        """Ours without its lines: :mod:`core.optimistic`."""
        return cls.ours()._replace(attempt=optimistic.optimistic, name="mu2sls-no-turns")

    @classmethod
    def unsafe(cls) -> Protocol:
        """None at all: :mod:`core.unsafe`. Recovery and retention find nothing to do."""
        return cls.ours()._replace(
            attempt=unsafe.unsafe, name="unsafe", regions=False, remembers=False
        )

    @classmethod
    def popl23(cls, name: str, switches: Switches) -> Protocol:
        """The paper's: :mod:`core.popl23`. Recovery and retention find nothing to do."""
        return cls.ours()._replace(
            attempt=popl23(switches),
            name=name,
            regions=False,
            parts=switches.transactions,
            remembers=switches.log,
            forgets=not switches.log,
            retries=False,
            section=OBJECTS,
            arranged=partial(_in_objects, switches.buckets),
            data=readable.data,
        )


def _in_objects(buckets: bool, program: Program, initial: Content) -> dict[bytes, bytes]:
    content = content_of(program, initial, buckets)
    return {object_key(name): value for name, value in content.items()}


PROTOCOLS: dict[str, Callable[[], Protocol]] = {
    OURS: Protocol.ours,
    "mu2sls-no-turns": Protocol.optimistic,
    **{name: partial(Protocol.popl23, name, switches) for name, switches in NAMES.items()},
    "unsafe": Protocol.unsafe,
}
"""What a run can be made with, by name."""
