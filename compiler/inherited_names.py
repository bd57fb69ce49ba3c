"""Names that inherited methods read in their own module, for the module in which they are shown.

There a name may be missing, or mean something else: then it is imported, in the second case under
another name.
"""

from __future__ import annotations

import ast
import builtins
import copy
from typing import Any

from compiler.model import Declared, Function, Service
from compiler.modules import PlainModule
from compiler.ordering import ORDERED_SETS
from compiler.program import compiled_of, inherited_from

__all__ = ["InheritedNames"]

_MISSING = object()


class InheritedNames:
    """The names of one module, together with those that it gets from the modules of bases."""

    def __init__(self, plain: PlainModule, declared: Declared) -> None:
        self._scopes = [function.scope for function in declared.all_functions()]
        self._known = dict(plain.namespace)
        self._aliases: dict[tuple[str, str], str] = {}
        self._imports: list[ast.stmt] = []

    def imports(self, service: Service) -> list[ast.stmt]:
        """The imports that the methods need which ``service`` inherits, and no service before."""
        self._imports = []
        for cls, plain, _ in service.bases:
            for method in inherited_from(service, cls):
                for name in sorted(_read(method)):
                    self._provide(plain, name)
        return self._imports

    def shown(self, method: Function) -> ast.stmt:
        """The compiled method, with the names that its own names have here."""
        definition = compiled_of(method)
        renamed = {
            name: alias
            for name in _read(method)
            if (alias := self._aliases.get((_origin(method.plain, name), name)))
        }
        if not renamed:
            return copy.copy(definition)
        definition = copy.deepcopy(definition)
        for part in ast.walk(definition):
            if isinstance(part, ast.Name):
                part.id = renamed.get(part.id, part.id)
        return definition

    def _provide(self, plain: PlainModule, name: str) -> None:
        """See to it that something here is what ``name`` is in ``plain``."""
        value = _value(plain.namespace, name)
        module = _origin(plain, name)
        if value is _MISSING or (module, name) in self._aliases:
            return
        here = _value(self._known, name)
        if here is value:
            return
        alias = None
        if here is not _MISSING:
            alias = self._free(f"_{module.rpartition('.')[2].strip('_') or 'base'}_{name}")
            self._aliases[module, name] = alias
        self._known[alias or name] = value
        self._imports.append(ast.ImportFrom(module, [ast.alias(name, alias)], 0))

    def _free(self, name: str) -> str:
        while name in self._known or any(scope.is_local(name) for scope in self._scopes):
            name += "_"
        return name


def _value(namespace: dict[str, Any], name: str) -> Any:
    return namespace.get(name, getattr(builtins, name, _MISSING))


def _origin(plain: PlainModule, name: str) -> str:
    """The module from which ``name`` of ``plain`` is imported."""
    return plain.source.name if name in plain.namespace else "builtins"


def _read(method: Function) -> set[str]:
    return {
        part.id
        for part in ast.walk(compiled_of(method))
        if isinstance(part, ast.Name)
        and not method.scope.is_local(part.id)
        and part.id not in ORDERED_SETS
    }
