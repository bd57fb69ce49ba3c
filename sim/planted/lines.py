"""Breaking rule 14: lines, in which requests wait until a queue lets them in."""

from __future__ import annotations

import zlib
from contextlib import AbstractContextManager
from typing import Any

from core import admission
from core.lines import Line
from core.ports import Commit
from core.store import Set
from sim.planted.bug import Steps, bug, everywhere, replace, with_


@bug("a limit holds over all processes", "queue", "queue", "printshop")
def limits_counted_by_each_process() -> AbstractContextManager[Any]:
    """Let each of three processes count by itself."""
    original = admission.admission

    def counted(*given: Any) -> Any:
        made = original(*given)
        if made is not None:
            made._line = made._line[:-1] + bytes((zlib.crc32(made._request.root) % 3,))
        return made

    return everywhere(original, counted)


@bug("who has its answer has left", "liveness", "queue", "printshop")
def places_not_given_back() -> AbstractContextManager[Any]:
    """Leave who has ended where it is."""
    return replace(Line, "without", lambda self, _: self)


@bug("who came first begins first", "queue", "queue", "printshop")
def who_waits_is_overtaken() -> AbstractContextManager[Any]:
    """Do not look whether anybody waits."""
    original = admission.Admission._ahead

    def ahead(self: admission.Admission, *given: Any) -> Steps:
        yield from original(self, *given)
        return 0

    return replace(admission.Admission, "_ahead", ahead)


@bug("who begins counts against the rate", "queue", "queue", "printshop")
def rates_forget_who_began() -> AbstractContextManager[Any]:
    """Write down that somebody began, but not when."""
    original = Line.let_in

    def let_in(self: Line, queue: Any, request: Any, now_ns: int) -> Line:
        return original(self, queue, request, now_ns - queue.within)

    return replace(Line, "let_in", let_in)


@bug("who leaves calls who is next", "queue", "queue", "printshop")
def nobody_called() -> AbstractContextManager[Any]:
    """Let those who wait find out by themselves, in a while."""
    return replace(admission, "calls", lambda *_: ([], []))


@bug("who waits has an intent", "queue", "queue", "printshop")
def turns_taken_without_intent() -> AbstractContextManager[Any]:
    """Take a turn, and let nobody know whose it is."""
    original = admission.Admission._commit

    def commit(self: admission.Admission, *given: Any) -> Commit:
        made = original(self, *given)
        kept = [m for m in made.mutations if not (isinstance(m, Set) and m.key[:1] == b"i")]
        return with_(made, mutations=kept)

    return replace(admission.Admission, "_commit", commit)
