"""Effects that hide in values: a table of functions, a partial, a lambda at module level.

Python calls what such a value holds as it is, not compiled, and the analysis does not see it.
So a method may not use a value in which something that asks for effects can be found.
"""

from __future__ import annotations

import dis
import functools
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

from compiler.api.services import Inherited
from compiler.machine.substitutes import original
from compiler.model import Declared
from compiler.names import canonical_name
from compiler.vocabulary import is_nondeterministic, operation

__all__ = ["Hiding"]

_ELEMENTS = (list, tuple, set, frozenset, deque)
_ENTRIES = (dict, types.MappingProxyType)


class Hiding:
    """Looks for what asks for effects in the values of an application's modules.

    Functions and methods of the application are compiled themselves and hide nothing.
    """

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._own = {plain.source.name for plain in declared.plain_modules}
        self._compiled = set(declared.functions)
        for service in declared.services.values():
            for cls in (service.cls, *(each for each, _, _ in service.bases)):
                for each in vars(cls).values():
                    self._compiled.add(id(each.named if isinstance(each, Inherited) else each))

    def hidden_effect(self, value: Any) -> str | None:
        """The name of something in ``value`` that asks for effects when it is called, or None."""
        if id(value) in self._compiled:
            return None
        seen: dict[int, Any] = {}
        waiting = list(self._parts(value))
        while waiting:
            part = waiting.pop()
            found = self._asking(part)
            if found is not None:
                return found
            if id(part) not in seen and id(part) not in self._compiled:
                seen[id(part)] = part  # kept, so that no other gets its identity
                waiting += self._parts(part)
        return None

    def _asking(self, value: Any) -> str | None:
        """The name of ``value`` if it asks for effects itself."""
        function = self._declared.function_of(value)
        if function is not None:
            return function.name if function.effectful else None
        if not callable(value):
            return None
        if operation(value) is not None:
            return str(value.__name__)
        name = canonical_name(value)
        return name if name is not None and is_nondeterministic(name) else None

    def _parts(self, value: Any) -> Iterator[Any]:
        """What a value of Python's types, or of the application's, holds or refers to."""
        value = original(value)
        if isinstance(value, _ENTRIES):
            yield from value.values()
        elif isinstance(value, _ELEMENTS):
            yield from value
        elif isinstance(value, functools.partial):
            yield from (value.func, value.args, value.keywords)
        elif isinstance(value, types.MethodType):
            yield from (value.__func__, value.__self__)
        elif isinstance(value, types.FunctionType):
            if value.__module__ in self._own:
                yield from _referred(value.__code__, value.__globals__)
                yield from map(_content, value.__closure__ or ())
                yield from (value.__defaults__, value.__kwdefaults__)
        elif type(value).__module__ in self._own and not isinstance(value, type):
            yield getattr(value, "__dict__", None)
            slots = (
                name for kind in type(value).__mro__ for name in vars(kind).get("__slots__", ())
            )
            yield from (getattr(value, name, None) for name in slots)
        elif isinstance(value, functools._lru_cache_wrapper):
            yield value.__wrapped__


def _referred(code: types.CodeType, namespace: dict[str, Any]) -> Iterator[Any]:
    """What code, and the code nested in it, means by its global names and their attributes."""
    value: Any = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            value = namespace.get(step.argval)
            yield value
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            known = isinstance(value, types.ModuleType | type)
            value = getattr(value, step.argval, None) if known else None
            yield value
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _referred(constant, namespace)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
