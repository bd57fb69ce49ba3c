"""Revisions of an application side by side: what one does not know, another may.

While an application is being replaced, processes of the old revision and of the new one call each
other, read what the other stored, and recover what the other began. So one may be asked for a
service, a method or arguments that it does not know, get a value of a class that it does not have,
or be told of writes by what it knows as read-only. That is passing trouble: whoever asks comes to
a process of the right revision in the end. It is answered as :class:`~core.errors.Unfamiliar`,
which says nothing about the request and is tried again, and it never reaches user code.

What a replay finds in the journal tells which revision wrote it. One that goes astray there,
because the code asks for other things now, is no less unfamiliar: whoever wrote it can still
complete it. Within one revision it is the program that is not deterministic. A callee's record
tells of two: who wrote it, and who asked for it. When the callee is asked for something else at
that place, it is its caller that went astray, and the callers' revisions are the ones that count.

Only when a tree is older than any replacement takes, what is unfamiliar still is gone for good.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import BadRequest, NondeterminismError, Unfamiliar
from core.ids import RequestId, began_ms
from core.messages import Failed

__all__ = ["LONGEST", "astray", "told"]

LONGEST = 3600.0
"""Seconds after which no two revisions run side by side any more."""


def told(request: RequestId, why: Unfamiliar | str, now_ns: int) -> Failed:
    """What is said of a request that this revision does not know how to do.

    When that is for good it is a matter for a person, not one of nothing: an earlier revision may
    have done it. What a callee is told makes its caller look (:meth:`core.regions.Regions.fail`).
    """
    if _may_be_replaced(request, now_ns):
        return Failed(Unfamiliar.__name__, False, f"{why}; another revision may")
    gone = BadRequest.__name__
    if request.is_root:
        return Failed("SetAside", False, str(why), gone)
    return Failed(gone, True, str(why))


def astray(
    request: RequestId,
    error: NondeterminismError,
    others: Sequence[str | None],
    own: str | None,
    now_ns: int,
) -> Failed:
    """What is said of a request whose replay by revision ``own`` left what ``others`` wrote.

    It says nothing of the request while one of them may be up still; then it is for a person, as
    it is at once where there are no others: the program is not deterministic.
    """
    if not others:
        return Failed(NondeterminismError.__name__, False, str(error))
    begun = " and ".join(each or "one without a name" for each in others)
    why = f"{error} This is revision {own or 'without a name'}; the journal is of {begun}"
    kind = Unfamiliar if _may_be_replaced(request, now_ns) else NondeterminismError
    return Failed(kind.__name__, False, why)


def _may_be_replaced(request: RequestId, now_ns: int) -> bool:
    """Whether revisions may run side by side of which one began the request."""
    return abs(now_ns / 1e9 - began_ms(request.root) / 1e3) <= LONGEST
