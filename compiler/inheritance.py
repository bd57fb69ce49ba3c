"""What a service inherits: its bases, which definition a name means, and ``super()``.

Compiled, a service has no bases: it has every method that it inherits as one of its own, compiled
for it, in the order of Python's own ``__mro__``. So two services that share a base share no state,
and what is proved of a method is proved of it in that very service. Three things are
written out before anything else looks at a method:

* ``super().reserve(n)``, or ``Stocked.reserve(self, n)``, is ``self._Stocked_reserve(n)``: a helper
  of the service, which is the definition that Python would find;
* ``self.free``, where ``free`` is a property, is ``self.free()``;
* decorators that only say what a method is (``@property``, ``@abstractmethod``) go.
"""

from __future__ import annotations

import abc
import ast
import copy
import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, Protocol, TypeGuard

import compiler as facade
from compiler.decorations import bare, is_service, kind_of
from compiler.model import Declared, Function, FunctionKind, Service
from compiler.modules import PlainModule
from compiler.names import Scope
from compiler.rewrite.nodes import locate

__all__ = [
    "find_bases",
    "initial_classes",
    "lineage",
    "resolve",
    "see_class_methods",
    "see_implemented",
]

_NOTHING: Final = (object, Generic, Protocol, abc.ABC)
"""Bases that have nothing to inherit."""

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def find_bases(declared: Declared, service: Service) -> None:
    """Set ``service.bases``; what cannot be a base is recorded as an error.

    A base is a class of the application's modules, so that its methods can be compiled.
    """
    known = {
        id(cls): (plain, node)
        for plain in declared.plain_modules
        for node in plain.source.tree.body
        if isinstance(node, ast.ClassDef)
        and isinstance(cls := plain.namespace.get(node.name), type)
        and cls.__module__ == plain.source.name
    }
    for cls in service.cls.__mro__[1:]:
        if cls in _NOTHING:
            continue
        found = known.get(id(cls))
        if found is None:
            _refuse_base(declared, service, cls)
            continue
        plain, node = found
        service.bases.append((cls, plain, node))
        if declared.service_of(cls) is None and not is_service(plain, node):
            declared.bases[id(cls)] = node
        for decorator in node.decorator_list:
            _see_decorator(declared, plain, node, decorator)
    for _, plain, node in [(service.cls, service.plain, service.node), *service.bases]:
        for keyword in node.keywords:
            if Scope(plain.namespace, None, plain.source).value(keyword.value) is not abc.ABCMeta:
                what = "a service class, and a base of one, takes no keywords"
                remedy = f"class {node.name}:"
                declared.problems.add(plain.source.path, plain.source.text, keyword, what, remedy)


def _see_decorator(
    declared: Declared, plain: PlainModule, node: ast.ClassDef, decorator: ast.expr
) -> None:
    value = Scope(plain.namespace, None, plain.source).value(bare(decorator))
    if value in (facade.service, typing.runtime_checkable, typing.final):
        return
    declared.problems.add(
        plain.source.path,
        plain.source.text,
        decorator,
        f"the decorator {ast.unparse(decorator)} changes {node.name}, which services inherit from",
        "a plain class",
    )


def _refuse_base(declared: Declared, service: Service, cls: type) -> None:
    """The first base, as written, that brings in a class of which the source is not here."""
    plain, node = service.plain, service.node
    scope = Scope(plain.namespace, None, plain.source)
    for base in node.bases:
        value = scope.value(base.value if isinstance(base, ast.Subscript) else base)
        if isinstance(value, type) and issubclass(value, cls):
            break
    else:
        base = node  # type: ignore[assignment]
    shown = f"{cls.__module__}.{cls.__qualname__}"
    where = (
        "Python's or a library's"
        if cls.__module__ not in _own(declared)
        else "no class at module level"
    )
    declared.problems.add(
        plain.source.path,
        plain.source.text,
        base,
        f"{service.name} inherits from {shown}, which is {where}: its methods cannot be compiled",
        "a base class at module level of the application's own modules, or a value of that class",
    )


def _own(declared: Declared) -> set[str]:
    return {plain.source.name for plain in declared.plain_modules}


def lineage(service: Service) -> list[tuple[type, PlainModule, ast.ClassDef]]:
    """The service's class and its bases, in the order in which Python looks for a name."""
    return [(service.cls, service.plain, service.node), *service.bases]


def initial_classes(service: Service) -> Iterator[tuple[type, ast.FunctionDef]]:
    """The classes whose ``__init__`` runs when the service is made, beginning with its own."""
    known = {cls: (plain, node) for cls, plain, node in lineage(service)}
    waiting: list[Iterable[type]] = [known]
    seen: set[type] = set()
    while waiting:
        cls = next((each for each in waiting.pop(0) if _has_init(known, each)), None)
        if cls is None or cls in seen:
            continue
        seen.add(cls)
        plain, node = known[cls]
        init = _init_of(node)
        assert init is not None
        yield cls, init
        scope = Scope(plain.namespace, None, plain.source)
        for part in ast.walk(init):
            if isinstance(part, ast.Attribute) and part.attr == "__init__":
                named: object
                if _is_super(part.value):
                    named = _super_of(part.value, cls, scope)
                    waiting.append(_behind(service, named))
                else:
                    named = scope.value(part.value)
                    waiting.append(named.__mro__ if isinstance(named, type) else ())


def _has_init(known: Mapping[type, tuple[PlainModule, ast.ClassDef]], cls: type) -> bool:
    return cls in known and _init_of(known[cls][1]) is not None


def _init_of(node: ast.ClassDef) -> ast.FunctionDef | None:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return each
    return None


def _is_super(node: ast.expr) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    )


def _super_of(node: ast.Call, owner: type, scope: Scope) -> object:
    """The class behind which ``super()``, in a method of ``owner``, begins to look."""
    return scope.value(node.args[0]) if node.args else owner


def _behind(service: Service, named: object) -> tuple[type, ...]:
    """The classes behind one in the service's order."""
    order = service.cls.__mro__
    return order[order.index(named) + 1 :] if named in order else ()


def see_implemented(declared: Declared, service: Service) -> None:
    """Record what a base promises and the service does not have."""
    for method in service.methods.values():
        if method.owner is service.cls or not _is_promise(method):
            continue
        declared.problems.add(
            service.plain.source.path,
            service.plain.source.text,
            service.node,
            f"{service.name} has no {method.name}, which its base {method.owner_name} promises",
            f"def {method.name}(self, ...): in {service.name}",
        )


def _is_promise(method: Function) -> bool:
    """Whether a method is abstract: it says so, or it is one of a Protocol without a body."""
    function: Any = inspect.getattr_static(method.owner, method.written.name, None)
    if getattr(function, "__isabstractmethod__", False):
        return True
    body = [
        each
        for each in method.written.body
        if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        and not isinstance(each, ast.Pass)
    ]
    return bool(getattr(method.owner, "_is_protocol", False)) and not body


def see_class_methods(declared: Declared, service: Service) -> None:
    """Record where a class method uses what only an instance has."""
    for method in service.methods.values():
        if method.kind is not FunctionKind.CLASS:
            continue
        for part in ast.walk(method.node):
            if not (
                isinstance(part, ast.Attribute)
                and isinstance(part.value, ast.Name)
                and part.value.id == method.self_name
            ):
                continue
            named = service.methods.get(part.attr)
            is_instance_method = named is not None and named.kind in (
                FunctionKind.METHOD,
                FunctionKind.PROPERTY,
            )
            if part.attr in service.fields or is_instance_method:
                declared.problems.add(
                    method.plain.source.path,
                    method.plain.source.text,
                    part,
                    f"a class method has no {part.attr}: there is no instance, so no state",
                    f"a method: def {method.name}(self, ...): without @classmethod",
                )


def resolve(declared: Declared, service: Service) -> None:
    """Write out what methods of ``service`` inherit and what its properties are."""
    waiting = list(service.methods.values())
    while waiting:
        waiting += _Resolving(declared, service, waiting.pop(0)).resolve()


class _Resolving(ast.NodeTransformer):
    """Writes out ``super()``, calls of a base's method, and properties, in one method."""

    def __init__(self, declared: Declared, service: Service, method: Function) -> None:
        self.declared = declared
        self.service = service
        self.method = method
        self.order = lineage(service)
        self.found: list[Function] = []

    def resolve(self) -> list[Function]:
        """The helpers that came about."""
        method = self.method
        node = copy.deepcopy(method.node)
        kept = {FunctionKind.STATIC: "staticmethod", FunctionKind.CLASS: "classmethod"}
        decorators = [kept[method.kind]] if method.kind in kept else []
        first = node.decorator_list[0] if node.decorator_list else node
        node.decorator_list = [locate(ast.Name(each, ast.Load()), first) for each in decorators]
        node.body = [self.visit(each) for each in node.body]
        method.node = node
        return self.found

    def error(self, node: ast.AST, what: str, remedy: str) -> None:
        """Record that ``node`` cannot be compiled."""
        source = self.method.plain.source
        self.declared.problems.add(source.path, source.text, node, what, remedy)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """``super().reserve(n)`` and ``Stocked.reserve(self, n)``."""
        if _is_super(node) and not self._is_of_self(node):
            self._refuse_super(node)
            return locate(ast.Constant(None), node)  # one error is enough
        function = node.func
        if isinstance(function, ast.Attribute):
            start = self._start(function.value)
            if start is None and node.args and self._is_self(node.args[0]):
                start = self._named(function.value)
                if start is not None:
                    del node.args[0]
            if start is not None:
                helper = self._helper(function, start)
                if helper is not None and helper.kind is not FunctionKind.PROPERTY:
                    node.func = self._own(function, helper.name)
                self.generic_visit(node)
                return node
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``self.free`` and ``super().free``, where ``free`` is a property."""
        start = self._start(node.value)
        if start is not None:
            helper = self._helper(node, start)
            if helper is None:
                return node
            if helper.kind is not FunctionKind.PROPERTY:
                self.error(
                    node,
                    f"{ast.unparse(node)} is used as a value",
                    f"a call: {ast.unparse(node)}(...)",
                )
            return self._call(node, helper.name)
        named = self.service.methods.get(node.attr) if self._is_self(node.value) else None
        if named is not None and named.kind is FunctionKind.PROPERTY:
            if isinstance(node.ctx, ast.Load):
                return self._call(node, named.name)
            self.error(
                node,
                f"{node.attr} is a property: it cannot be assigned to",
                f"a method: self.set_{node.attr}(...)",
            )
        self.generic_visit(node)
        return node

    def _is_self(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self.method.self_name

    def _start(self, node: ast.expr) -> tuple[type, ...] | None:
        """Where Python looks for an attribute of ``super()``; None if it is not that."""
        if not _is_super(node) or not self._is_of_self(node):
            return None
        return _behind(self.service, _super_of(node, self._owner(), self._scope()))

    def _is_of_self(self, node: ast.Call) -> bool:
        """Whether a ``super()`` is that of the method's own instance or class."""
        if self.method.self_name is None:
            return False
        return not node.args or (len(node.args) == 2 and self._is_self(node.args[1]))

    def _refuse_super(self, node: ast.Call) -> None:
        method, own = self.method, self.method.self_name
        shown = f"{ast.unparse(node)} in the {method.kind} {method.written.name}"
        if own is None:
            what = f"{shown}: there is no instance and no class whose bases could be meant"
            remedy = f"@classmethod def {method.written.name}(cls, ...):, or the base by its name"
        else:
            what = f"{shown} is not the super() of {own}"
            remedy = "super()"
        self.error(node, what, remedy)

    def _named(self, node: ast.expr) -> tuple[type, ...] | None:
        """Where it looks for ``Stocked.reserve``, where ``Stocked`` is a base."""
        value = self._scope().value(node)
        if not isinstance(value, type) or value is self.service.cls:
            return None
        return value.__mro__ if any(each[0] is value for each in self.order) else None

    def _owner(self) -> type:
        assert self.method.owner is not None
        return self.method.owner

    def _scope(self) -> Scope:
        return Scope(self.method.plain.namespace, None, self.method.plain.source)

    def _helper(self, node: ast.Attribute, places: tuple[type, ...]) -> Function | None:
        """The definition that is meant, as a helper of the service."""
        name = node.attr
        looked = [each for each in self.order if each[0] in places]
        for cls, plain, definition in sorted(looked, key=lambda each: places.index(each[0])):
            written = _defined(definition, name)
            if written is None:
                continue
            return self._helper_of(cls, plain, written)
        bases = ", ".join(each[0].__name__ for each in looked) or "no base at all"
        self.error(
            node,
            f"there is no method {name} above {self.method.owner_name}: it has {bases}",
            f"a method {name} in a base class, or none of this",
        )
        return None

    def _helper_of(self, cls: type, plain: PlainModule, written: _Definition) -> Function:
        known = self.service.methods
        taken = {*self.service.fields, *self.service.constants, *self.service.clients}
        name = f"_{cls.__name__.strip('_')}_{written.name.lstrip('_')}"
        while name in taken or (name in known and known[name].written is not written):
            name += "_"
        if name in known:
            return known[name]
        node = copy.copy(written)
        node.name = name
        helper = Function(name, node, plain, Scope(plain.namespace, written, plain.source))
        helper.service, helper.owner, helper.written = self.service, cls, written
        helper.kind = kind_of(written, Scope(plain.namespace, None, plain.source))
        known[name] = helper
        self.found.append(helper)
        return helper

    def _own(self, node: ast.AST, name: str) -> ast.Attribute:
        own = ast.Name(self.method.self_name or "self", ast.Load())
        return locate(ast.Attribute(own, name, ast.Load()), node)

    def _call(self, node: ast.AST, name: str) -> ast.Call:
        return locate(ast.Call(self._own(node, name), [], []), node)


def _defined(node: ast.ClassDef, name: str) -> _Definition | None:
    for each in node.body:
        if isinstance(each, _Definition) and each.name == name:
            return each
    return None
