"""Builds the executable program from the rewritten tree.

The plain module has been executed once. The rewritten functions are executed in
a copy of its globals, so exceptions, data classes and constants are the very
same objects in plain and compiled code.
"""

from __future__ import annotations

import ast
import copy
import enum
import inspect
import sys
import types
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any

import msgspec

from compiler import runtime
from compiler.api.later import Started
from compiler.api.reference import Reference
from compiler.machine.execution import watched
from compiler.model import Declared, EffectKind, Function, Service
from compiler.modules import PlainModule, run_as_module
from compiler.ordering import ORDERED_SETS
from compiler.rewrite.nodes import RUNTIME
from core import program
from core.codec import Codec
from core.errors import UnsupportedValue
from core.fields import FIELDS

__all__ = ["build_program", "own_types"]


def own_types(plain_modules: Iterable[PlainModule], declared: Declared) -> list[type]:
    """The classes whose values can be stored and sent, in the order of their modules."""
    found: dict[int, type] = {}
    effects = (effect for function in declared.all_functions() for effect in function.effects)
    if any(effect.kind is EffectKind.START for effect in effects):
        found[id(Started)] = Started  # values of it come about without its being named
    for plain in plain_modules:
        for value in plain.namespace.values():
            if isinstance(value, type) and declared.service_of(value) is None and _is_value(value):
                found.setdefault(id(value), value)
    return list(found.values())


def _is_value(kind: type) -> bool:
    if kind.__module__ in ("builtins", "core.errors", "enum", "typing", "msgspec"):
        return False
    if issubclass(kind, enum.Enum):
        return bool(kind.__members__)
    if issubclass(kind, Exception) or is_dataclass(kind):
        return True
    named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named_tuple or (issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct)


def _copy(value: Any) -> Any:
    """A syntax tree, or a list of them, anew and without what was attached to its nodes."""
    if isinstance(value, ast.AST):
        fields = {name: _copy(part) for name, part in ast.iter_fields(value)}
        return ast.copy_location(type(value)(**fields), value)
    return list(map(_copy, value)) if isinstance(value, list) else value


class _Namespaces:
    """The globals of the compiled modules."""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared
        self.twins: dict[str, types.ModuleType] = {}
        for plain in declared.plain_modules:
            twin = types.ModuleType(plain.source.name, plain.module.__doc__)
            vars(twin).update(plain.namespace)
            vars(twin).update(ORDERED_SETS)
            vars(twin)[RUNTIME] = runtime
            self.twins[plain.source.name] = twin

    def namespace(self, plain: PlainModule) -> dict[str, Any]:
        """The globals of a module's compiled twin."""
        return vars(self.twins[plain.source.name])

    def link(self, compiled: Mapping[int, Any]) -> None:
        """Let every compiled module see compiled functions and modules instead of plain ones."""
        plain_modules = {
            id(plain.module): self.twins[plain.source.name] for plain in self.declared.plain_modules
        }
        for twin in self.twins.values():
            for name, value in list(vars(twin).items()):
                replacement = compiled.get(id(value), plain_modules.get(id(value)))
                if replacement is not None:
                    vars(twin)[name] = replacement


def build_program(
    name: str, declared: Declared, codec: Codec, initial: Mapping[bytes, bytes]
) -> program.Program:
    """The executable program."""
    namespaces = _Namespaces(declared)
    _compile_functions(declared, namespaces)
    services = {
        service.name: _build_service(service, codec, namespaces)
        for service in declared.services.values()
    }
    outside = {name: each.declaration for name, each in declared.outside.items()}
    schedules = tuple(
        program.Schedule(service.name, method.name, *method.timing)
        for service in declared.services.values()
        for method in service.methods.values()
        if method.timing is not None
    )
    return program.Program(
        name, services, codec, dict(initial), outside=outside, schedules=schedules
    )


def _compile_functions(declared: Declared, namespaces: _Namespaces) -> None:
    compiled = {}
    for identity, function in declared.functions.items():
        if function.compiled is not None:
            namespace = namespaces.namespace(function.plain)
            made = _execute(function.plain, [function.compiled], dict(namespace), namespace)
            compiled[identity] = made[function.name]
    namespaces.link(compiled)


def _execute(
    plain: PlainModule, body: list[ast.stmt], seen: dict[str, Any], namespace: dict[str, Any]
) -> dict[str, Any]:
    """Execute definitions whose globals are ``namespace``, which is not changed but by them."""
    run_as_module(plain, _copy(body), namespace)
    made = dict(namespace)
    for name in set(namespace) - set(seen):
        del namespace[name]
    namespace.update(seen)
    return made


def _build_service(service: Service, codec: Codec, namespaces: _Namespaces) -> program.Service:
    made = _execute_class(service.plain, own_class(service), namespaces)
    for cls, plain, node in service.bases:
        inherited = inherited_from(service, cls)
        definition = _class(service, node, list(map(compiled_of, inherited)))
        part = _execute_class(plain, definition, namespaces)
        for method in inherited:
            setattr(made, method.name, vars(part)[method.name])
        for name in sorted(service.constants - set(vars(made))):
            if name in vars(cls):
                setattr(made, name, vars(cls)[name])
    instance: object = object.__new__(made)
    for field in service.fields.values():
        vars(instance)[field.name] = FIELDS[field.kind.value](service.name, field.name, codec)
    methods = {
        method.name: _build_method(service, method, vars(made)[method.name])
        for method in service.methods.values()
        if method.is_request and method.is_coroutine
    }
    return program.Service(service.name, instance, methods)


def _execute_class(plain: PlainModule, definition: ast.ClassDef, namespaces: _Namespaces) -> type:
    """A class, executed where it is written."""
    namespace = namespaces.namespace(plain)
    made: type = _execute(plain, [definition], dict(namespace), namespace)[definition.name]
    made.__module__ = plain.source.name
    return made


def compiled_of(method: Function) -> ast.stmt:
    """The compiled definition of a method."""
    assert method.compiled is not None
    return method.compiled


def inherited_from(service: Service, cls: type) -> list[Function]:
    """The methods that a service has from ``cls``, those for ``super()`` included."""
    return [
        method
        for method in service.methods.values()
        if method.compiled is not None
        and method.owner is cls
        and not (cls is service.cls and method.name == method.written.name)
    ]


def own_class(service: Service) -> ast.ClassDef:
    """The service's class with its own compiled methods, without ``__init__`` and decorators."""
    body: list[ast.stmt] = []
    for statement in service.node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            method = service.methods.get(statement.name)
            if method is not None and method.compiled is not None:
                body.append(method.compiled)
        else:
            body.append(statement)
    return _class(service, service.node, body)


def _class(service: Service, node: ast.ClassDef, body: list[ast.stmt]) -> ast.ClassDef:
    definition = ast.ClassDef(service.name, [], [], body or [ast.Pass()], [])
    if sys.version_info >= (3, 12):
        definition.type_params = node.type_params
    return ast.fix_missing_locations(ast.copy_location(definition, node))


def _build_method(service: Service, method: Function, function: Any) -> program.Method:
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1:]
    check = signature.replace(parameters=parameters).bind
    return program.Method(
        service=service.name,
        name=method.name,
        function=watched(function),
        check=check,
        facts=method.facts,
        public=method.is_public,
        file=str(method.plain.source.path),
        line=method.node.lineno,
        allow=method.allow,
        scheduled=method.timing is not None,
        queue=method.queue,
    )


def set_constants(built: program.Program, declared: Declared, reference: Reference) -> None:
    """Give compiled instances the constants that ``__init__`` set."""
    for service in declared.services.values():
        plain = reference.instance(service.name)
        instance = built.services[service.name].instance
        for name in sorted(service.constants):
            if name in vars(plain):
                vars(instance)[name] = copy.deepcopy(vars(plain)[name])


def check_types(codec: Codec, types_: Iterable[type]) -> list[tuple[type, str]]:
    """Register types; those that cannot be, with the reason."""
    refused = []
    for kind in types_:
        try:
            codec.register(kind)
        except UnsupportedValue as error:
            refused.append((kind, str(error)))
    return refused
