"""Functions of the outside world, and how often one is tried (rule 13).

The outside is a callee that is not ours: it remembers nothing for us. So it is asked under a key
that is the same at every try, and its answer stands in the journal of whoever asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from core.codec import Codec
from core.context import holding
from core.errors import UnsupportedValue
from core.exceptions import answerable
from core.ids import RequestId
from core.messages import Outcome, Returned

__all__ = ["Outside", "Told", "outside_key", "present_key", "under_key"]

_FIRST, _MOST = 500 * 10**6, 30 * 10**9
"""Exponential backoff: the first pause, and the longest, in nanoseconds."""

_key: ContextVar[str | None] = ContextVar("key", default=None)


class Told(NamedTuple):
    """What came of a try.

    :ivar pause: nanoseconds until the next one; None if there is none.
    """

    outcome: Outcome
    pause: int | None


@dataclass(frozen=True, slots=True)
class Outside:
    """A function of the outside world, as it was declared.

    :ivar name: ``module.function``.
    :ivar check: binds arguments to the signature; raises ``TypeError`` when they do not fit.
    :ivar attempts: how often it is tried at most, by one attempt at the request.
    :ivar timeout: nanoseconds that a try may take.
    :ivar backoff: nanoseconds between tries; None: more each time.
    :ivar retry_on: exceptions after which it is tried again, unless they are among ``give_up_on``.
    """

    name: str
    function: Callable[..., Any] = field(compare=False)
    check: Callable[..., object] = field(compare=False)
    attempts: int
    timeout: int
    backoff: int | None
    retry_on: tuple[type[Exception], ...]
    give_up_on: tuple[type[Exception], ...]

    def returned(self, codec: Codec, value: object) -> Told:
        """A try returned."""
        try:
            return Told(Returned(codec.encode(value)), None)
        except UnsupportedValue as error:  # it took place: to ask again gives the same
            return Told(codec.encode_exception(error), None)

    def raised(self, codec: Codec, exception: BaseException, tried: int) -> Told:
        """The ``tried``-th try raised.

        :raises MemoryError: which is the process's failure.
        """
        error = answerable(exception)
        again = isinstance(error, self.retry_on) and not isinstance(error, self.give_up_on)
        pause = self._pause(tried) if again and tried < self.attempts else None
        return Told(codec.encode_exception(error), pause)

    def silent(self) -> TimeoutError:
        """What a try raises that took too long."""
        name = self.name.rpartition(".")[2]
        return TimeoutError(f"{name} gave no answer within {self.timeout / 1e9:g} s")

    def _pause(self, tried: int) -> int:
        if self.backoff is not None:
            return self.backoff
        return int(min(_FIRST << min(tried - 1, 20), _MOST))


def outside_key(secret: bytes, asker: RequestId, place: int) -> str:
    """The key under which a request asks at a place: the same on every execution.

    To others it is unknown, so that nobody can take the answer, or the effect, beforehand.
    """
    named = f"{asker} {place}".encode()
    drawn = hashlib.blake2b(named, key=secret, digest_size=16, person=b"outside").digest()
    return str(UUID(bytes=drawn, version=5))


def under_key(key: str) -> AbstractContextManager[None]:
    """Inside, an outside function is asked under ``key``."""
    return holding(_key, key)


def present_key() -> str | None:
    """The key of the outside function that is running; None outside of them."""
    return _key.get()
