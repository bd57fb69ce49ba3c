# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Accesses of persistent fields: ``self.rooms[h]`` becomes ``await self.rooms.getitem(h)``."""

from __future__ import annotations

import ast
import inspect
from typing import Final

from compiler.model import EffectKind, Field, FieldKind
from compiler.rewrite.held import HeldFields
from compiler.rewrite.nodes import as_list, attribute_call, locate
from compiler.signatures import misfit
from core.fields import FIELDS

__all__ = ["FieldAccess"]

_PLAIN: Final = {FieldKind.DICT: dict, FieldKind.LIST: list, FieldKind.SET: set}
_ITERATION: Final = {
    FieldKind.DICT: "keys",
    FieldKind.LIST: "load",
    FieldKind.SET: "elements",
}
_VIEWS: Final = ("keys", "values", "items")
_BLIND: Final = {
    FieldKind.DICT: {"setitem", "store", "update", "ior", "clear"},
    FieldKind.LIST: {"store", "clear"},
    FieldKind.SET: {
        *("store", "clear", "add", "discard", "update", "difference_update", "ior", "isub")
    },
    FieldKind.VALUE: {"store"},
}
_WRITES: Final = {
    *("setitem", "delitem", "store", "clear", "pop", "popitem", "setdefault", "update"),
    *("append", "extend", "insert", "remove", "sort", "reverse", "add", "discard"),
    *("difference_update", "intersection_update", "symmetric_difference_update"),
    *("iadd", "imul", "ior", "iand", "isub", "ixor"),
}
_INTERNAL: Final = {
    *("getitem", "setitem", "delitem", "contains", "length", "truth", "load", "store"),
    *("iadd", "imul", "ior", "iand", "isub", "ixor", "elements", "initial", "decode"),
}
"""Methods of the field classes that are not methods of Python's containers."""

_GIVE_BACK: Final = ("get", "pop", "fromkeys")
"""Methods that may return an argument of theirs."""

IN_PLACE: Final[dict[type[ast.operator], str]] = {
    ast.Add: "iadd",
    ast.Mult: "imul",
    ast.BitOr: "ior",
    ast.BitAnd: "iand",
    ast.Sub: "isub",
    ast.BitXor: "ixor",
}


class FieldAccess(HeldFields):
    """Rewrites accesses of persistent fields."""

    def access(
        self, field: Field, owner: ast.expr, node: ast.AST, method: str, *arguments: ast.expr
    ) -> ast.Await:
        """``await self.field.method(arguments)``; ``owner`` is the expression ``self.field``."""
        return self.access_call(
            field, node, attribute_call(self._bare(owner), method, arguments), method
        )

    def access_call(self, field: Field, node: ast.AST, call: ast.Call, method: str) -> ast.Await:
        """``await call``, where ``call`` is one of ``method`` of a field object."""
        writes = method in _WRITES
        kind = EffectKind.WRITE if writes else EffectKind.READ
        reads = not writes or method not in _BLIND[field.kind]
        return self.effect(kind, node, call, field.full_name, operation=method, reads=reads)

    def _bare(self, owner: ast.expr) -> ast.expr:
        """``self.field`` as an expression of its own, not rewritten again."""
        assert isinstance(owner, ast.Attribute)
        return locate(ast.Attribute(owner.value, owner.attr, ast.Load()), owner)

    # --- whole fields

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``self.field`` where its value is kept, and every other attribute."""
        field = self.field_of(node)
        if field is not None and isinstance(node.ctx, ast.Load):
            if field.kind.is_container:
                plain = field.kind.value
                self.error(
                    node,
                    f"this would make a second name for the persistent {plain} self.{field.name}",
                    f"{plain}(self.{field.name}) for a copy, or use self.{field.name} directly",
                )
                return node
            return self.access(field, node, node, "load")
        if self.is_self(node.value):
            self._check_attribute(node)
            return node
        node.value = self.receiver(node.value)
        return node

    def _check_attribute(self, node: ast.Attribute) -> None:
        """``self.name`` that is no field: a constant, or an error."""
        assert self.service is not None
        service, name = self.service, node.attr
        method = service.methods.get(name)
        if method is not None:
            if method.is_coroutine:
                self.error(
                    node,
                    f"the method {name} is used as a value, but it asks for effects",
                    f"a call: self.{name}(...)",
                )
        elif name in service.clients:
            self.error(
                node,
                f"the client self.{name} is used as a value",
                f"SyncInvoke(self.{name}, 'method', ...) or self.{name}.method(...)",
            )
        elif name in service.constants:
            self.refuse_second_name(node)
        else:
            self.error(
                node,
                f"{service.name} has no field {name}{self.nearest(name)}",
                f"declare it in __init__: self.{name}: Persistent[...] = ...",
            )

    def nearest(self, name: str) -> str:
        """A hint at the attribute whose name is most like ``name``."""
        from difflib import get_close_matches

        assert self.service is not None
        known = [*self.service.fields, *self.service.constants, *self.service.methods]
        close = get_close_matches(name, known, 1)
        return f"; did you mean {close[0]}?" if close else ""

    def consume_field(self, node: ast.expr) -> ast.expr | None:
        """A copy of the whole field that ``node`` names."""
        field = self.container_of(node)
        return None if field is None else self.hold(self.access(field, node, node, "load"))

    def iterate_field(self, node: ast.expr) -> ast.expr | None:
        """The elements of the field, or of the view of a dict, that ``node`` names."""
        field = self.container_of(node)
        if field is not None:
            return self.hold(self.access(field, node, node, _ITERATION[field.kind]))
        view = self.view_of(node)
        if view is not None:
            assert isinstance(node, ast.Call)
            assert isinstance(node.func, ast.Attribute)
            return self.access(view, node.func.value, node, node.func.attr)
        return None

    def view_of(self, node: ast.AST) -> Field | None:
        """The dict field of which ``node`` is ``keys()``, ``values()`` or ``items()``."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _VIEWS
            and not node.args
            and not node.keywords
        ):
            field = self.field_of(node.func.value)
            if field is not None and field.kind is FieldKind.DICT:
                return field
        return None

    # --- elements

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """``self.field[key]``, read."""
        field = self.container_of(node.value)
        if field is None or not isinstance(node.ctx, ast.Load):
            node.value = self.receiver(node.value)
            node.slice = self.value(node.slice)
            return node
        if field.kind is FieldKind.SET:
            self.error(node, f"self.{field.name} is a set and has no elements by key", "x in ...")
            return node
        key = self.key(node.slice)
        return self.access(field, node.value, node, "getitem", key)

    def key(self, node: ast.expr) -> ast.expr:
        """The rewritten key; a slice becomes a ``slice`` object."""
        if isinstance(node, ast.Slice):
            bounds = [
                self.value(part) if part is not None else ast.Constant(None)
                for part in (node.lower, node.upper, node.step)
            ]
            return locate(ast.Call(ast.Name("slice", ast.Load()), bounds, []), node)
        return self.value(node)

    def method_of_field(self, node: ast.Call, field: Field) -> ast.expr:
        """``self.field.method(...)``."""
        assert isinstance(node.func, ast.Attribute)
        owner, name = node.func.value, node.func.attr
        if not field.kind.is_container:
            raise AssertionError("values are handled by the caller")
        known = name not in _INTERNAL and hasattr(FIELDS[field.kind], name)
        if field.kind is FieldKind.DICT and name in _VIEWS and not node.args and not node.keywords:
            whole = self.access(field, owner, node, "load")
            return locate(attribute_call(whole, name), node)
        if not known:
            return self._other_method(node, field, owner, name)
        signature = _taken(FIELDS[field.kind], name)
        problem = misfit(signature, node.args, node.keywords)
        if problem is not None:
            taken = f"{ast.unparse(node.func)}{_shown(signature)}"
            self.error(node, f"{field.kind}.{name}: {problem}", taken)
            return node
        arguments, keywords = self._arguments_of_field(node, name)
        call = attribute_call(self._bare(owner), name, arguments, keywords)
        return self.access_call(field, node, call, name)

    def _arguments_of_field(
        self, node: ast.Call, name: str
    ) -> tuple[list[ast.expr], list[ast.keyword]]:
        """The arguments of a field's method: stored or compared, unless they may come back."""
        rewritten = self.value if name in _GIVE_BACK else self.argument_of_field
        mark = self.held
        arguments = [rewritten(argument) for argument in node.args]
        keywords = [ast.keyword(each.arg, rewritten(each.value)) for each in node.keywords]
        self.settle(mark)
        return arguments, keywords

    def argument_of_field(self, node: ast.expr) -> ast.expr:
        """What a field stores, or compares: a copy."""
        if isinstance(node, ast.GeneratorExp) and self.is_state(node):
            return self.value(as_list(node))
        return self.copied(node)

    def _other_method(self, node: ast.Call, field: Field, owner: ast.expr, name: str) -> ast.expr:
        """A method that the field class has not: a question can be asked of a copy."""
        plain = _PLAIN[field.kind]
        if not hasattr(plain, name) or name.startswith("__"):
            from difflib import get_close_matches

            close = get_close_matches(name, [n for n in dir(plain) if n[0] != "_"], 1)
            hint = (
                f"self.{field.name}.{close[0]}(...)" if close else f"a method of {plain.__name__}"
            )
            self.error(node.func, f"a {plain.__name__} has no method {name}", hint)
            return node
        whole = self.hold(self.access(field, owner, node, "load"))
        mark = self.held - 1
        arguments, keywords = self._arguments_of_field(node, name)
        self.settle(mark)
        return locate(attribute_call(whole, name, arguments, keywords), node)

    # --- changes

    def store_field(self, target: ast.expr, value: ast.expr, node: ast.AST) -> list[ast.stmt]:
        """``target = value`` where ``target`` is a field or an element, both rewritten."""
        field = self.field_of(target)
        if field is not None:
            self.settle()
            return [self._statement(self.access(field, target, node, "store", value), node)]
        assert isinstance(target, ast.Subscript)
        field = self.container_of(target.value)
        assert field is not None
        if field.kind is FieldKind.SET:
            self.error(target, f"self.{field.name} is a set: its elements have no keys", ".add(x)")
            return []
        key = self.key(target.slice)
        self.settle()
        access = self.access(field, target.value, node, "setitem", key, value)
        return [self._statement(access, node)]

    def delete_element(self, target: ast.Subscript, node: ast.AST) -> list[ast.stmt]:
        """``del self.field[key]``."""
        field = self.container_of(target.value)
        assert field is not None
        if field.kind is FieldKind.SET:
            self.error(target, f"self.{field.name} is a set: its elements have no keys", ".remove")
            return []
        key = self.key(target.slice)
        return [self._statement(self.access(field, target.value, node, "delitem", key), node)]

    def _statement(self, value: ast.expr, node: ast.AST) -> ast.stmt:
        return locate(ast.Expr(value), node)

    def is_stored(self, target: ast.expr) -> bool:
        """Whether an assignment to ``target`` changes a field."""
        if self.field_of(target) is not None:
            return True
        return isinstance(target, ast.Subscript) and self.container_of(target.value) is not None


def _taken(kind: type, name: str) -> inspect.Signature:
    """What a method of a field takes, without the field itself."""
    signature = inspect.signature(getattr(kind, name))
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _shown(signature: inspect.Signature) -> str:
    """``(key, default)``: names alone."""
    shown = []
    for each in signature.parameters.values():
        star = "*" * (each.kind is each.VAR_POSITIONAL) + "**" * (each.kind is each.VAR_KEYWORD)
        shown.append(f"{star}{each.name}" + "=..." * (each.kind is each.KEYWORD_ONLY))
    return f"({', '.join(shown)})"
