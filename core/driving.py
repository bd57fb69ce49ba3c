"""Driving a generator of host effects (:mod:`core.ports`): answers in, effects out.

An answer that is a :class:`~core.errors.StoreError` is thrown into it. Hosts differ in how they
perform an effect, and that is all they differ in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from core.errors import StoreError
from core.ports import Effect, Steps

__all__ = ["drive", "drive_async", "resume"]


def resume(steps: Steps, answer: Any) -> Effect:
    """The next effect after ``answer``.

    :raises StopIteration: there is none; its value is the result.
    """
    return steps.throw(answer) if isinstance(answer, StoreError) else steps.send(answer)


def drive(steps: Steps, perform: Callable[[Effect], Any]) -> Any:
    """Perform effects until the generator returns; what it returns.

    :param perform: answers an effect, or raises a StoreError.
    """
    answer: Any = None
    while True:
        try:
            effect = resume(steps, answer)
        except StopIteration as stop:
            return stop.value
        try:
            answer = perform(effect)
        except StoreError as error:
            answer = error


async def drive_async(
    steps: Steps,
    perform: Callable[[Effect], Awaitable[Any]],
    step: Callable[[Steps, Any], Effect] = resume,
) -> Any:
    """:func:`drive`, where effects are waited for.

    :param step: does what :func:`resume` does, for those who want to know about it.
    """
    answer: Any = None
    while True:
        try:
            effect = step(steps, answer)
        except StopIteration as stop:
            return stop.value
        try:
            answer = await perform(effect)
        except StoreError as error:
            answer = error
