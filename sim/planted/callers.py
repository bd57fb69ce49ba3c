"""Breaking the rules of who may ask and who is asking: :mod:`core.callers`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from msgspec.structs import replace as changed

from core.acceptance import accept
from core.calls import Calls
from core.messages import Request
from core.program import Program
from sim.planted.bug import bug, everywhere, replace


@bug("what is internal is never called from outside", "answers", "stories/callers", "expenses")
def internal_methods_open() -> AbstractContextManager[Any]:
    """Take a root request for any method."""
    original = accept

    def take(program: Program, request: Request) -> Any:
        if request.id.is_root:
            request = changed(request, id=request.id.child(0))
        return original(program, request)

    return everywhere(accept, take)


@bug("callees know who asks", "reference", "stories/callers", "expenses")
def claims_dropped_on_the_way() -> AbstractContextManager[Any]:
    """Call as nobody."""
    original = Calls._derive

    def derive(self: Calls, *given: Any, **named: Any) -> Request:
        request = original(self, *given, **named)
        return changed(request, origin=changed(request.origin, caller=b""))

    return replace(Calls, "_derive", derive)
