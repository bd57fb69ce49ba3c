"""Effects that hide in values: a table of functions, a partial, a lambda at module level.

Python calls what such a value holds as it is, not compiled, and the analysis does not see it.
So a method may not use a value in which something that asks for effects can be found.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

from compiler.model import Declared
from compiler.vocabulary import operation

__all__ = ["hidden_effect"]


def hidden_effect(declared: Declared, value: Any) -> str | None:
    """The name of something in ``value`` that asks for effects when it is called, or None.

    Functions and methods of the application are compiled themselves and hide nothing.
    """
    compiled = {id(m) for each in declared.services.values() for m in vars(each.cls).values()}
    compiled |= declared.functions.keys()
    if id(value) in compiled:
        return None
    own = {plain.source.name for plain in declared.plain_modules}
    seen: dict[int, Any] = {}
    waiting = list(_parts(value, own))
    while waiting:
        part = waiting.pop()
        function = declared.function_of(part)
        if operation(part) is not None or (function is not None and function.effectful):
            return str(part.__name__)
        if id(part) not in seen and id(part) not in compiled:
            seen[id(part)] = part
            waiting += _parts(part, own)
    return None


def _parts(value: Any, own: set[str]) -> Iterator[Any]:
    """What a value of Python's types, or of the classes of these modules, holds or refers to."""
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, types.FunctionType):
        if value.__module__ in own:
            yield from _referred(value.__code__, value.__globals__)
            yield from (cell.cell_contents for cell in value.__closure__ or () if _is_full(cell))
            yield from value.__defaults__ or ()
    elif type(value).__module__ in own and not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).values()


def _referred(code: types.CodeType, namespace: dict[str, Any]) -> Iterator[Any]:
    """What code, and the code nested in it, means by its global names."""
    yield from (namespace[name] for name in code.co_names if name in namespace)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _referred(constant, namespace)


def _is_full(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
