"""What became of each request, as its client knows it.

A client tries until it knows the answer, or gives up. What it knows in the end is the
request's status:

=============  ====================================================================
succeeded      the method returned
raised         the method raised an exception of the user's: an answer, too
definite       nothing happened and nothing will
indefinite     it gave up without knowing
=============  ====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

from core.ids import RequestId
from core.messages import Failed, Raised, Reply

__all__ = ["Result", "status"]


@dataclass(slots=True)
class Result:
    """What became of one request.

    :ivar load: the name of the load it belongs to.
    :ivar intended: virtual seconds at which it was to start; ``finished``: at which the client
        knew its status.
    :ivar status: ``succeeded``, ``raised``, ``definite`` or ``indefinite``.
    :ivar tries: how often it was sent.
    """

    id: RequestId
    call: str
    load: str
    intended: float
    finished: float
    status: str
    tries: int


def status(reply: Reply) -> str:
    """What a client knows of a request in the end; see the table of this module."""
    outcome = reply.outcome
    if isinstance(outcome, Failed):
        return "definite" if outcome.definite else "indefinite"
    return "raised" if isinstance(outcome, Raised) else "succeeded"
