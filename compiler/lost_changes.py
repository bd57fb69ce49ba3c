"""Changes of copies that nobody sees.

What is read from a persistent field is a copy, and what is put into one is copied: a change of
the copy changes nothing that is stored, unless it is stored again. A method may work on a copy;
but where nothing reads the changed copy afterwards, the change was meant for the field. So it is
where a function does nothing with what it is given but change it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from compiler.model import Declared, Function
from compiler.vocabulary import MUTATORS

__all__ = ["check_lost_changes"]

_PARTS = ("get", "setdefault")
_VIEWS = ("values", "items")
_KEEP = ("append", "appendleft", "add", "insert", "setdefault", "extend")
_Loop = ast.For | ast.AsyncFor | ast.While


def check_lost_changes(declared: Declared) -> None:
    """Record an error for every change of a copy that is lost for sure."""
    for service in declared.services.values():
        for method in service.methods.values():
            _Method(declared, method).check()


class _Method:
    """One method, and what its variables are used for."""

    def __init__(self, declared: Declared, function: Function) -> None:
        self._declared = declared
        self._function = function
        self._changers = dict(_changers(function))
        self._changes: dict[str, list[ast.stmt]] = {}
        self._used: dict[str, list[ast.Name]] = {}
        self._bound: dict[str, int] = {}
        changing = set()
        for node in ast.walk(function.node):
            for root in self._changed(node) if isinstance(node, ast.stmt) else ():
                self._changes.setdefault(root.id, []).append(node)  # type: ignore[arg-type]
                changing.add(id(root))
        for node in ast.walk(function.node):
            if isinstance(node, ast.Name) and id(node) not in changing:
                if isinstance(node.ctx, ast.Load):
                    self._used.setdefault(node.id, []).append(node)
                else:
                    self._bound[node.id] = self._bound.get(node.id, 0) + 1

    def check(self) -> None:
        """Record what is lost."""
        if self._function.self_name is None:
            return
        for node in ast.walk(self._function.node):
            for name, argument in self._given_away(node):
                field = self._field_read(argument)
                if field is not None:
                    self._refuse(
                        argument,
                        f"{name}() changes a copy of what self.{field} holds, and nobody sees it",
                        f"store it again: x = ..., {name}(x), self.{field}[...] = x",
                    )
        if not self._changes:
            return
        for node in ast.walk(self._function.node):
            for name, field in self._read(node):
                if self._bound.get(name) == 1 and not self._used.get(name):
                    for change in self._changes.get(name, ()):
                        self._refuse(
                            change,
                            f"this changes a copy of what self.{field} holds, and nobody sees it",
                            f"store it again: self.{field} = ..., or self.{field}[...] = {name}",
                        )
        self._check_block(self._function.node.body)

    def _check_block(self, block: list[ast.stmt]) -> None:
        """What is changed after it was put into a field, in one go."""
        given: dict[str, str] = {}
        for statement in block:
            for root in self._changed(statement):
                field = given.get(root.id)
                used = self._used.get(root.id, ())
                last = max((name.lineno, name.col_offset) for name in used) if used else (0, 0)
                if field is not None and last < (statement.lineno, statement.col_offset):
                    self._refuse(
                        statement,
                        f"self.{field} holds a copy of {root.id}: this change comes too late",
                        "the change before it is stored",
                    )
            given.update(self._given(statement))
            if not isinstance(statement, _Loop):
                for part in _blocks(statement):
                    self._check_block(part)

    def _changed(self, statement: ast.stmt) -> Iterator[ast.Name]:
        """The variables whose objects a statement changes, or has changed by a function."""
        yield from _changed(statement)
        for _, argument in self._given_away(statement):
            yield from _root(argument)

    def _given_away(self, statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
        """What a statement gives to functions that only change it, with their names."""
        if not isinstance(statement, ast.Expr):
            return
        value = statement.value
        call = value.value if isinstance(value, ast.Await) else value
        name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
        if not isinstance(call, ast.Call) or name not in self._changers:
            return
        names, changed = self._changers[name]
        named = {each.arg: each.value for each in call.keywords if each.arg is not None}
        for parameter, argument in (*zip(names, call.args, strict=False), *named.items()):
            if parameter in changed and not isinstance(argument, ast.Starred):
                yield name, argument

    def _read(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """The variables that ``node`` binds to copies, and the fields that these are from."""
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            field = self._field_read(node.value)
            if field and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, field
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            field = self._field_read(node.value)
            if field and isinstance(node.target, ast.Name):
                yield node.target.id, field
        elif isinstance(node, ast.For):
            value, views = node.iter, False
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                views = value.func.attr in _VIEWS and not value.args
                value = value.func.value if views else value
            field = self._field_read(value)
            for name in ast.walk(node.target) if field else ():
                if isinstance(name, ast.Name):
                    yield name.id, field or ""

    def _field_read(self, node: ast.expr) -> str | None:
        """The field of which ``node`` takes a part, or the whole."""
        while True:
            if isinstance(node, ast.Subscript):
                node = node.value
            elif isinstance(node, ast.Attribute):
                name = self._field(node)
                if name is not None:
                    return name
                node = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr not in _PARTS:
                    return None
                node = node.func.value
            else:
                return None

    def _given(self, statement: ast.stmt) -> Iterator[tuple[str, str]]:
        """The variables that a statement puts into fields."""
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
            for target in statement.targets:
                field = self._field_read(target)
                if field is not None:
                    yield statement.value.id, field
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            if isinstance(call.func, ast.Attribute) and call.func.attr in _KEEP:
                field = self._field_read(call.func.value)
                for value in call.args:
                    if field is not None and isinstance(value, ast.Name):
                        yield value.id, field

    def _field(self, node: ast.Attribute) -> str | None:
        service = self._function.service
        own = isinstance(node.value, ast.Name) and node.value.id == self._function.self_name
        return node.attr if own and service is not None and node.attr in service.fields else None

    def _refuse(self, node: ast.AST, what: str, remedy: str) -> None:
        source = self._function.plain.source
        self._declared.problems.add(source.path, source.text, node, what, remedy)


def _changed(statement: ast.stmt) -> Iterator[ast.Name]:
    """The variables whose objects a statement changes, whatever else it does with its result."""
    places: list[ast.expr] = []
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        if isinstance(called, ast.Attribute) and called.attr in MUTATORS:
            places = [called.value]
    elif isinstance(statement, ast.Assign | ast.Delete):
        places = [_owner(each) for each in statement.targets]
    elif isinstance(statement, ast.AugAssign):
        places = [_owner(statement.target)]
    for place in places:
        yield from _root(place)


def _root(place: ast.expr) -> Iterator[ast.Name]:
    """The variable whose object a place is part of."""
    while isinstance(place, ast.Attribute | ast.Subscript):
        place = place.value
    if isinstance(place, ast.Name) and isinstance(place.ctx, ast.Load):
        yield place


_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def _changers(function: Function) -> Iterator[tuple[str, tuple[list[str], set[str]]]]:
    """The functions that a method may call, as it names them: of each the parameters, and those
    that it does nothing with but change them.
    """
    for node in function.plain.source.tree.body:
        if isinstance(node, _Definition):
            yield node.name, _changes_only(node, 0)
    for method in function.service.methods.values() if function.service is not None else ():
        if method.self_name is not None:
            yield f"{function.self_name}.{method.name}", _changes_only(method.node, 1)
    for inner in ast.walk(function.node):
        if isinstance(inner, _Definition) and inner is not function.node:
            yield inner.name, _changes_only(inner, 0)


def _changes_only(node: _Definition, bound: int) -> tuple[list[str], set[str]]:
    parameters = [*node.args.posonlyargs, *node.args.args]
    names = [each.arg for each in parameters][bound:]
    if node.decorator_list:
        return names, set()
    statements = [each for each in ast.walk(node) if isinstance(each, ast.stmt)]
    roots = [root for statement in statements for root in _changed(statement)]
    changing = {id(root) for root in roots}
    used = {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and id(each) not in changing
    }
    every = {*names, *(each.arg for each in node.args.kwonlyargs)}
    return names, (every & {root.id for root in roots}) - used


def _owner(target: ast.expr) -> ast.expr:
    return target.value if isinstance(target, ast.Attribute | ast.Subscript) else ast.Constant(None)


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body
