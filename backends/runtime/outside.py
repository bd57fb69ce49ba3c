"""Outside functions for real: in the process of whoever asks, and never in the way of others.

Each call of a function that is not async has a thread of its own, which nobody waits for longer
than its timeout: one that hangs holds up nothing, not even the end of the process.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import itertools
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from core.codec import Codec
from core.messages import Outcome
from core.outside import Outside, Told, under_key
from core.ports import Ask

__all__ = ["answered", "tried_for_real"]


async def answered(
    function: Outside, ask: Ask, try_it: Callable[[Outside, Ask, int], Awaitable[Told]]
) -> Outcome:
    """Ask, as often as the declaration says."""
    for tried in itertools.count(1):
        told = await try_it(function, ask, tried)
        if told.pause is None:
            return told.outcome
        await asyncio.sleep(told.pause / 1e9)
    raise AssertionError("unreachable")


async def tried_for_real(function: Outside, codec: Codec, ask: Ask, tried: int) -> Told:
    """Try an outside function once: what came of it.

    :raises MemoryError: which is the process's failure.
    """
    args, kwargs = codec.decode(ask.args)
    try:
        async with asyncio.timeout(function.timeout / 1e9) as patience:
            with under_key(ask.key):
                value = await _called(function.function, args, kwargs)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        told = function.silent() if patience.expired() else error
        return function.raised(codec, told, tried)
    return function.returned(codec, value)


async def _called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(*args, **kwargs)
    value = await _in_thread(function, args, kwargs)
    return await value if inspect.iscoroutine(value) else value


def _in_thread(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any
) -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def tell(value: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(value)
        elif isinstance(error, StopIteration):  # a future takes any other
            done.set_exception(RuntimeError("StopIteration left an outside function"))
        else:
            done.set_exception(error)

    def work() -> None:
        value, raised = None, None
        try:
            value = context.run(function, *args, **kwargs)
        except BaseException as error:
            raised = error
        try:
            loop.call_soon_threadsafe(tell, value, raised)
        except RuntimeError:
            return  # the process is ending: nobody listens any more

    name = f"outside {getattr(function, '__name__', '')}"
    threading.Thread(target=work, name=name, daemon=True).start()
    return done
