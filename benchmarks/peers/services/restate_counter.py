"""Restate's counter: a virtual object per key, run in its own virtual environment.

Hypercorn serves it (``hypercorn restate_counter:app``), as the SDK's documentation shows. Calls
of one object's exclusive handlers run one after the other; Restate keeps the object's state.
"""

from __future__ import annotations

import restate

__all__ = ["app", "counter", "increment", "read"]

counter = restate.VirtualObject("Counters")


@counter.handler()  # type: ignore[untyped-decorator]  # as above
async def increment(context: restate.ObjectContext) -> int:
    """Add one to the count of the object's key and return it."""
    count: int = (await context.get("count") or 0) + 1
    context.set("count", count)
    return count


@counter.handler(kind="shared")  # type: ignore[untyped-decorator]  # as above
async def read(context: restate.ObjectSharedContext) -> int:
    """The count of the object's key."""
    return await context.get("count") or 0


app = restate.app(services=[counter])
