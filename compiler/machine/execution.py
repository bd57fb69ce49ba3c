"""One execution of a compiled method, which stands still wherever something reads the machine.

The executor drives a coroutine (:mod:`core.attempt`). A coroutine can only stand still at an
``await``, and a library has none. So the coroutine runs in a greenlet of its own, which can stand
still anywhere: a substitute hands an effect to the executor from where it is, and is given the
answer there. To the executor it is one more coroutine.
"""

from __future__ import annotations

import functools
import random
import threading
import types
from collections.abc import Callable, Coroutine
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from compiler.machine.reading import answer_here
from core import effects

__all__ = ["Execution", "watched"]

_Method = Callable[..., Coroutine[Any, Any, Any]]


def watched(method: _Method) -> _Method:
    """A compiled method whose executions are watched."""

    @functools.wraps(method)
    def execute(*args: Any, **kwargs: Any) -> Execution:
        return Execution(method(*args, **kwargs))

    return execute


class _Free(threading.local):
    """Greenlets that have nothing to do, of one thread: to make one takes longer than to use it."""

    def __init__(self) -> None:
        self.greenlets: list[greenlet] = []


_free = _Free()


def _work(execution: Execution, value: Any, error: BaseException | None) -> None:
    """In a greenlet: one execution after the other."""
    while True:
        execution.run(value, error)
        del execution, value, error  # a greenlet that has nothing to do keeps nothing alive
        own = getcurrent()
        _free.greenlets.append(own)
        execution, value, error = own.parent.switch()


class Execution(Coroutine[Any, Any, Any]):
    """Drives ``coroutine`` in a greenlet, and reads the machine for it."""

    __slots__ = ("_chance", "_coroutine", "_end", "_greenlet", "_has_ended", "_is_reading")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._greenlet: greenlet | None = None
        self._chance: random.Random | None = None
        self._is_reading = False
        self._has_ended = False
        self._end: BaseException | None = None

    # --- as the executor sees it

    def send(self, value: Any) -> Any:
        """See :class:`collections.abc.Coroutine`."""
        return self._go_on(value, None)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:  # noqa: ARG002
        """See :class:`collections.abc.Coroutine`."""
        return self._go_on(None, kind() if isinstance(kind, type) else kind)

    def close(self) -> None:
        """See :class:`collections.abc.Coroutine`."""
        if not self._has_ended:
            super().close()

    def __await__(self) -> Any:
        raise TypeError("an execution is driven, not awaited")

    @property
    def cr_frame(self) -> types.FrameType | None:
        """The frame of the method's module in which the machine is being read, if it is."""
        frame = self._greenlet.gr_frame if self._greenlet and self._is_reading else None
        file = self._coroutine.cr_code.co_filename  # type: ignore[attr-defined]
        while frame is not None and frame.f_code.co_filename != file:
            frame = frame.f_back
        return frame

    @property
    def cr_await(self) -> Coroutine[Any, Any, Any] | None:
        """What is executed, while it stands at an ``await``."""
        return None if self._is_reading else self._coroutine

    # --- the greenlet

    def _go_on(self, value: Any, error: BaseException | None) -> Any:
        """Run until the next effect; end as the coroutine ends."""
        if self._has_ended:
            raise RuntimeError("the execution has ended")
        if self._greenlet is None:
            self._greenlet = _free.greenlets.pop() if _free.greenlets else greenlet(_work)
            self._greenlet.parent = getcurrent()
            given = self._greenlet.switch(self, value, error)
        else:
            self._greenlet.parent = getcurrent()
            given = self._greenlet.switch(value, error)
        if not self._has_ended:
            return given
        end, self._end = self._end, None
        assert end is not None
        try:
            raise end
        finally:
            del end, error  # or their traceback would hold themselves

    def run(self, value: Any, error: BaseException | None) -> None:
        """In the greenlet: from the beginning to the end."""
        coroutine = self._coroutine
        answer_here(self)
        try:
            while True:
                effect = coroutine.send(value) if error is None else coroutine.throw(error)
                value, error = getcurrent().parent.switch(effect)
        except BaseException as ended:
            self._has_ended = True
            self._end = ended
            del value, error

    # --- as substitutes see it

    @property
    def is_here(self) -> bool:
        """See :class:`compiler.machine.reading.Reader`."""
        return getcurrent() is self._greenlet and not self._has_ended

    def clock(self) -> int:
        """See :class:`compiler.machine.reading.Reader`."""
        time: int = self._ask(effects.Clock())
        return time

    def random(self) -> random.Random:
        """See :class:`compiler.machine.reading.Reader`."""
        if self._chance is None:
            self._chance = self._ask(effects.Random())
        return self._chance

    def _ask(self, effect: effects.ProgramEffect) -> Any:
        self._is_reading = True
        value, error = getcurrent().parent.switch(effect)
        self._is_reading = False
        if error is not None:
            try:
                raise error
            finally:
                del error  # or its traceback would hold itself
        return value
