"""Which exceptions cross a service boundary as themselves, and how they are rebuilt."""

from __future__ import annotations

import builtins
from typing import Any

from core.errors import Cancelled, RemoteError, TransactionException, UnsupportedValue
from core.userclasses import qualified_name

__all__ = ["ENDINGS", "ExceptionTypes", "answerable"]

ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What ends a process or a generator elsewhere; a method that raises it has ended itself."""


_BUILTIN = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind.__name__ == name
}
_OWN: dict[str, type[Exception | Cancelled]] = {
    kind.__name__: kind for kind in (Cancelled, TransactionException, RemoteError, UnsupportedValue)
}
_NOT_DECLARED = _BUILTIN.keys() | _OWN.keys()


def answerable(exception: BaseException) -> Exception | Cancelled:
    """What a caller is told that a method raised: a method cannot end its process.

    A subclass of KeyboardInterrupt is none of the method's doing: somebody stops the host. Nor is
    it an answer that the process has no memory left: another may have more.
    """
    if isinstance(exception, MemoryError):
        raise exception
    if isinstance(exception, Exception | Cancelled):
        return exception
    if isinstance(exception, KeyboardInterrupt) and type(exception) is not KeyboardInterrupt:
        raise exception
    told = RuntimeError(f"{type(exception).__name__} left a method: {exception}".rstrip(": "))
    return told.with_traceback(exception.__traceback__)


class ExceptionTypes:
    """The exception classes that an application knows, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, type[Exception | Cancelled]] = {**_BUILTIN, **_OWN}
        self._names: dict[type, str] = {kind: name for name, kind in self._by_name.items()}

    def register(self, kind: type[Exception]) -> None:
        """Add a class of the application.

        :raises UnsupportedValue: another class has its name.
        """
        if kind in self._names:
            return
        name = qualified_name(kind)
        if self._by_name.setdefault(name, kind) is not kind:
            raise UnsupportedValue(f"two exception classes are called {name}: rename one")
        self._names[kind] = name

    def is_declared(self, name: str) -> bool:
        """Whether a name is of a class of the application, or of one of ours that it may raise."""
        kind = self._by_name.get(name)
        return kind in (TransactionException, Cancelled) or (
            kind is not None and name not in _NOT_DECLARED
        )

    def take(self, exception: Exception | Cancelled) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """The exception's name, arguments and attributes."""
        kind = type(exception)
        name = self._names.get(kind) or qualified_name(kind)
        return name, exception.args, dict(getattr(exception, "__dict__", {}))

    def make(self, name: str, content: Any, text: str) -> Exception | Cancelled:
        """The exception again.

        :param content: arguments and attributes, or None if they could not travel.
        """
        kind = self._by_name.get(name)
        if kind is None or content is None:
            return RemoteError(f"{name}: {text}" if text else name)
        args, state = content
        try:
            exception = _construct(kind, args)
        except Exception:
            return RemoteError(f"{name}: {text}" if text else name)
        exception.__dict__.update(state)
        return exception


def _construct(kind: type[Exception | Cancelled], args: tuple[Any, ...]) -> Exception | Cancelled:
    """Rebuild without running an ``__init__`` that the user wrote: it has run already."""
    if hasattr(kind.__init__, "__code__"):
        exception = kind.__new__(kind, *args)
        exception.args = args
        return exception
    return kind(*args)
