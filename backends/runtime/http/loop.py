"""The event loop that nodes run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    import uvloop

    _new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:  # not on every platform
    _new_loop = asyncio.new_event_loop

__all__ = ["run"]

_Result = TypeVar("_Result")


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a node to its end, on the faster event loop where it is installed."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(coroutine)
