"""Named events: waiting until something has happened, and saying that it has."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar, overload

from compiler.api.current import current
from compiler.api.later import Answer, Duration
from compiler.api.misdeclared import Misdeclared
from core.durations import nanoseconds
from core.events import named

__all__ = ["BadEvent", "Event", "event", "name_of", "signal"]

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_])?")


class BadEvent(Misdeclared):
    """An event that cannot be meant."""


class Event(Generic[T]):
    """A named event, declared with the type of its value: ``PAID = Event[Payment]("paid")``.

    Its name alone means the same event; but then nobody knows the type.

    :raises BadEvent: it is no name.
    """

    def __init__(self, name: str) -> None:
        self.name = checked(name)

    def __repr__(self) -> str:
        return f"Event({self.name!r})"


def checked(name: object) -> str:
    """An event's name.

    :raises BadEvent: it is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadEvent(
            f"{name!r} is no name of an event",
            'letters, digits, and "_", "-" and "." between them, at most 100: "order.paid"',
        )
    return name


def name_of(event: Event[Any] | str) -> str:
    """The name of an event, declared or not.

    :raises BadEvent: it has none.
    """
    return event.name if isinstance(event, Event) else checked(event)


@overload
def event(of: Event[T], key: Any, /, *, timeout: Duration | None = None) -> Answer[T]: ...
@overload
def event(of: str, key: Any, /, *, timeout: Duration | None = None) -> Answer[Any]: ...
def event(of: Event[Any] | str, key: Any, /, *, timeout: Duration | None = None) -> Answer[Any]:
    """Wait until an event has happened for ``key``: the value that it was signalled with.

    Until then the request holds no process and no connection. A signal that came before is kept.

    :raises TimeoutError: it has not after ``timeout``.
    """
    at_most = None if timeout is None else nanoseconds(timeout)
    return Answer(current().runner.event(named(name_of(of), key), at_most))


@overload
def signal(of: Event[T], key: Any, value: T, /) -> None: ...
@overload
def signal(of: Event[None], key: Any, /) -> None: ...
@overload
def signal(of: str, key: Any, value: Any = None, /) -> None: ...
def signal(of: Event[Any] | str, key: Any, value: Any = None, /) -> None:
    """Say that an event has happened for ``key``, with a value; nothing if it has before.

    It has with the state changes that surround the call, or not at all: in a transaction that is
    aborted, nothing is signalled.
    """
    current().runner.signal(named(name_of(of), key), value)
