"""How many requests are under way at a time: ``@queue(limit=10, rate="5/s", per="customer")``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from compiler.api.access import function_of
from compiler.api.misdeclared import Misdeclared

__all__ = ["Queue", "declared_queue", "queue"]

F = TypeVar("F", bound=Callable[..., Any])

_QUEUE = "__mu2sls_queue__"
_MOST: Final = 1_000
_RATE = re.compile(r"(\d+)\s*/\s*([smhd])", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATES: Final = 'rate="5/s", or a number per m, h or d'


class Queue:
    """In what order requests begin, and how many are under way; a decorator of methods.

    It counts over all processes. Who cannot begin stands in line, first come first served, and
    holds nothing. A request is under way from before its first statement until its answer is
    durable.

    :param limit: at most so many at a time.
    :param rate: at most so many begin in any second, minute, hour or day: ``"5/s"``, ``"100/m"``.
    :param per: the parameter of which each value has a line of its own.
    :raises Misdeclared: one of them says nothing that could be meant.
    """

    def __init__(
        self, *, limit: int | None = None, rate: str | None = None, per: str | None = None
    ) -> None:
        if limit is None and rate is None:
            raise Misdeclared("this queue holds nobody back", 'limit=10, rate="5/s", or both')
        if limit is not None and (type(limit) is not int or not 1 <= limit <= _MOST):
            raise Misdeclared(f"limit={limit!r} is no number of requests", f"1 to {_MOST:,}")
        if per is not None and (not isinstance(per, str) or not per.isidentifier()):
            raise Misdeclared(f"per={per!r} names no parameter", 'per="customer"')
        self.limit = limit or 0
        self.starts, self.seconds = (0, 0) if rate is None else _rate(rate)
        self.per = per or ""

    def __call__(self, method: F) -> F:
        """Declare that requests of ``method`` stand in this queue."""
        said = getattr(method, "__dict__", None)
        if said is None or isinstance(method, type):
            raise Misdeclared(f"@queue is given {method!r}, which is no method", "def, below it")
        if _QUEUE in said:
            raise Misdeclared("a method has one queue", "one @queue with all that it has to say")
        said[_QUEUE] = self
        return method


def queue(
    *, limit: int | None = None, rate: str | None = None, per: str | None = None
) -> Callable[[F], F]:
    """Declare how many requests of a method are under way at a time; see :class:`Queue`.

    :raises Misdeclared: that says nothing that could be meant.
    """
    return Queue(limit=limit, rate=rate, per=per)


def _rate(rate: object) -> tuple[int, int]:
    """How many begin in how many seconds."""
    found = _RATE.fullmatch(rate.strip()) if isinstance(rate, str) else None
    if found is None:
        raise Misdeclared(f"rate={rate!r} is no rate", _RATES)
    number = int(found[1])
    if not 1 <= number <= _MOST:
        raise Misdeclared(f"rate={rate!r}: a rate is 1 to {_MOST:,}", "of a shorter time")
    return number, _UNITS[found[2]]


def declared_queue(cls: type, name: str, owner: type | None = None) -> Queue | None:
    """The queue of a method of a service; None: it has none.

    The first definition in the order of its bases that says something decides, and then the
    service: an override that says nothing must not let in what its base holds back.

    :param owner: the class whose definition is meant, if not the first.
    """
    order = cls.__mro__
    for each in order[order.index(owner or cls) :]:
        found = getattr(function_of(vars(each).get(name)), "__dict__", {}).get(_QUEUE)
        if found is not None:
            return found  # type: ignore[no-any-return]
    return None if name.startswith("_") else vars(cls).get(_QUEUE)
