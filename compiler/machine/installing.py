"""Puts the substitutes in their places, once for each process.

A module that says ``time.time()`` finds the substitute where the function was. One that has said
``from time import time`` before holds the function itself: so whatever modules, their classes and
the defaults of their functions hold is looked through. What has been hidden elsewhere before, or is
read by a library in C, is not seen (``docs/api.md``).

The classes of :mod:`datetime` are in C, and take no attributes; but everybody holds the very same
classes, so the method is replaced in the class itself.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import random
import signal
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from compiler.machine.reading import handlers
from compiler.machine.substitutes import seed, substitutes, today_and_now

__all__ = ["install"]

_Replaced = dict[int, tuple[Any, Any]]
"""By the identity of what is replaced: that, and what replaces it."""

_done: list[bool] = []


def install() -> None:
    """Put the substitutes in their places, if they are not there yet."""
    if _done:
        return
    _done.append(True)
    replaced: _Replaced = {}
    for owner, name, substitute in substitutes():
        replaced[id(getattr(owner, name))] = (getattr(owner, name), substitute)
    for cls, name, substitute in today_and_now():
        _replace_method(cls, name, substitute)
    random.Random.seed = seed(random.Random.seed)  # type: ignore[method-assign]
    replaced[id(signal.signal)] = (signal.signal, _noting(signal.signal))
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            _replace(vars(module), vars(module).__setitem__, replaced)
            for holder in _classes(module):
                _replace(vars(holder), functools.partial(setattr, holder), replaced)


def _noting(install_handler: Callable[..., Any]) -> Callable[..., Any]:
    """``signal.signal``, which notes who handles signals; so far, too."""
    for number in signal.valid_signals():
        handlers.add(number, signal.getsignal(number))

    @functools.wraps(install_handler)
    def substitute(signalnum: Any, handler: Any) -> Any:
        before = install_handler(signalnum, handler)
        handlers.add(signalnum, handler)
        return before

    return substitute


def _replace_method(cls: type, name: str, substitute: Callable[..., Any]) -> None:
    """Replace a class method of a class that takes no attributes."""
    (attributes,) = gc.get_referents(cls.__dict__)
    attributes[name] = classmethod(substitute)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


def _classes(module: types.ModuleType) -> Iterator[type]:
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield value


def _replace(attributes: Any, put: Callable[[str, Any], None], replaced: _Replaced) -> None:
    for name, value in list(attributes.items()):
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        found = replaced.get(id(function))
        if found is not None and found[0] is function:
            put(name, found[1])
        elif isinstance(function, types.FunctionType):
            _replace_defaults(function, replaced)
        elif isinstance(function, types.BuiltinMethodType):
            _rebind(name, function, put)


def _replace_defaults(function: types.FunctionType, replaced: _Replaced) -> None:
    positional, named = function.__defaults__, function.__kwdefaults__
    if positional and any(id(value) in replaced for value in positional):
        function.__defaults__ = tuple(replaced.get(id(each), (0, each))[1] for each in positional)
    for name, value in list((named or {}).items()):
        if id(value) in replaced:
            named[name] = replaced[id(value)][1]  # type: ignore[index]


def _rebind(name: str, method: types.BuiltinMethodType, put: Callable[[str, Any], None]) -> None:
    """``utcnow = datetime.utcnow``: what was bound before the method was replaced."""
    cls = method.__self__
    if isinstance(cls, type) and method.__name__ in ("now", "utcnow", "today"):
        now = getattr(cls, method.__name__)
        if now != method:
            put(name, now)
