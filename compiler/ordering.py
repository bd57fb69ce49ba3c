"""How every module of an application is executed, plain or compiled: its sets keep an order.

The order of Python's sets differs between processes, so code of an application makes sets of
:mod:`core.sets` instead. That is a matter of execution, not of meaning: the tree is changed just
before Python compiles it, and everything that reads the user's code sees what the user wrote.

- ``set`` and ``frozenset``, displays and comprehensions make ordered sets. Annotations and other
  types, such as ``set[str]``, go on naming Python's own, which libraries know.
- What a library gives may hold sets of Python's own. They are put in order where they enter: as
  what is imported; as the result of a call; as that of an operator, since keys of dicts have
  operators that make them; and where something is iterated over, for what came another way.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import decimal
import re
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from core.sets import OrderedFrozenSet, OrderedSet, in_order, in_order_throughout

__all__ = ["METHODS", "ORDERED_SETS", "Meanings", "with_ordered_sets"]

ORDERED_SETS: Final[Mapping[str, Any]] = {
    "_mu_set": OrderedSet,
    "_mu_frozenset": OrderedFrozenSet,
    "_mu_in_order": in_order,
    "_mu_in_order_throughout": in_order_throughout,
}
"""What the globals of a module need so that it can be executed."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_NAMES: Final = frozenset({"set", "frozenset"})
_OPERATORS: Final = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)
"""The operators of sets."""

_ORDERED: Final = (
    *(ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set),
    *(ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp),
)
"""Expressions that are certainly no sets of Python's own."""

_OF_NUMBERS: Final = (ast.Div, ast.FloorDiv, ast.Pow, ast.LShift, ast.RShift)
"""The operators of numbers alone; lists and texts know the others."""

_NUMBERS: Final = frozenset({"abs", "float", "int", "len", "ord", "pow", "round"})
"""Builtins that give numbers."""

_SETLESS_MODULES: Final = frozenset(
    {
        *("__future__", "collections", "compiler", "dataclasses", "datetime", "decimal", "enum"),
        *("json", "math", "random", "re", "time", "typing", "uuid"),
    }
)
"""Modules that make and hold no sets: nothing depends on this list but speed."""

_TYPING_MODULES: Final = frozenset(
    {"collections", "collections.abc", "compiler", "typing", "typing_extensions"}
)
_GENERIC: Final = frozenset({"dict", "frozenset", "list", "set", "tuple", "type"})
_PASSING_ON: Final = frozenset({"filter", "getattr", "iter", "map", "max", "min", "next", "sum"})
"""Builtins that give what others have made."""

_VALUES: Final = (
    *(str, bytes, bytearray, list, tuple, dict, set, frozenset, int, float, complex, range),
    *(deque, datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
    *(decimal.Decimal, uuid.UUID, re.Pattern, re.Match),
)
METHODS: Final = frozenset(name for kind in _VALUES for name in dir(kind)) - {
    *("copy", "difference", "intersection", "symmetric_difference", "union")
}
"""Methods of Python's values that return no new sets."""

E = TypeVar("E", bound=ast.expr)


class Meanings:
    """What the names of a module are, as far as its text tells.

    :param ours: names that everywhere mean something of the application.
    :ivar shadowed: which of ``set`` and ``frozenset`` the module has given another meaning.
    :ivar setless: names of functions, classes and modules that give no sets of Python's own.
    :ivar imported: names that stand for something of a library.
    :ivar typing: names whose subscripts are types.
    """

    def __init__(self, tree: ast.Module, modules: Collection[str], ours: Iterable[str]) -> None:
        self.shadowed = _bound(tree) & _NAMES
        self.setless = {"_mu", "cls", "self", *ORDERED_SETS, *ours}
        self.imported: set[str] = set()
        self.typing = set(_GENERIC)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.setless.add(node.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self._add(alias.asname or alias.name.split(".")[0], alias.name, modules)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    name = alias.asname or alias.name
                    base = node.module or ""
                    own = bool(node.level) or f"{base}.{alias.name}" in modules
                    self._add(name, "compiler" if own else base, modules)

    def _add(self, name: str, module: str, modules: Collection[str]) -> None:
        if module in _TYPING_MODULES:
            self.typing.add(name)
        setless = module in modules or module.split(".")[0] in _SETLESS_MODULES
        (self.setless if setless else self.imported).add(name)


def with_ordered_sets(body: list[ast.stmt], meanings: Meanings) -> list[ast.stmt]:
    """``body``, changed in place so that it can be executed; it needs :data:`ORDERED_SETS`."""
    changed: ast.Module = _Ordering(meanings).visit(ast.Module(body, []))
    return changed.body


class _Ordering(ast.NodeTransformer):
    """See the module.

    :ivar outer: which of ``set`` and ``frozenset`` have another meaning in functions here.
    :ivar here: which have it in this very place: a class has names of its own.
    """

    def __init__(self, meanings: Meanings) -> None:
        self.meanings = meanings
        self.outer: frozenset[str] = meanings.shadowed
        self.here = self.outer

    # --- sets that the application makes

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in _NAMES and isinstance(node.ctx, ast.Load) and node.id not in self.here:
            return ast.copy_location(ast.Name(f"_mu_{node.id}", node.ctx), node)
        return node

    def visit_Set(self, node: ast.Set) -> ast.AST:
        self.generic_visit(node)
        return _call("_mu_set", ast.Tuple(node.elts, ast.Load()), node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        self.generic_visit(node)
        return _call("_mu_set", ast.DictComp(node.elt, ast.Constant(None), node.generators), node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """``x in {1, 2}`` asks a set that nobody else sees; Python makes it once."""
        node.left = self.visit(node.left)
        for index, (operator, operand) in enumerate(zip(node.ops, node.comparators, strict=True)):
            asked = isinstance(operator, ast.In | ast.NotIn) and isinstance(operand, ast.Set)
            changed: Any = self.generic_visit(operand) if asked else self.visit(operand)
            node.comparators[index] = changed
        return node

    # --- types

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.target = self.visit(node.target)
        node.value = node.value and self.visit(node.value)
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        """Patterns stay: they name types and constants."""
        node.guard = node.guard and self.visit(node.guard)
        node.body = self._statements(node.body)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node if _root(node.value) in self.meanings.typing else self.generic_visit(node)

    def _maker(self, node: ast.expr) -> ast.expr:
        """An expression that will be called, or inherited from: ``set[str]`` too."""
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            node.value = self.visit(node.value)
        changed: ast.expr = self.visit(node)
        return changed

    # --- scopes

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.args = self.visit(node.args)
        before = self.outer, self.here
        self.outer = self.here = self.outer | (_bound(node) & _NAMES)
        node.body = self._statements(node.body)
        self.outer, self.here = before
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        before = self.outer, self.here
        self.outer = self.here = self.outer | (_bound(node) & _NAMES)
        node.body = self.visit(node.body)
        self.outer, self.here = before
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class sees its own names from where they are bound; its methods do not."""
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.bases = [self._maker(each) for each in node.bases]
        node.keywords = [self.visit(each) for each in node.keywords]
        before, body = self.here, node.body
        self.here = self.outer
        node.body = []
        for statement in body:
            node.body += self._statements([statement])
            self.here |= _bound(ast.Module([statement], [])) & _NAMES
        self.here = before
        return node

    def _statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        changed: ast.Module = self.generic_visit(ast.Module(body, []))  # type: ignore[assignment]
        return changed.body

    # --- sets that a library makes

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        names = [alias.asname or alias.name for alias in node.names]
        constants = [name for name in names if name in self.meanings.imported - {"*"}]
        return [node, *(self._again(name, node) for name in constants)]

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """What a library holds, ``library.NAMES``, and any other attribute."""
        if isinstance(node.ctx, ast.Load) and self._is_imported(node):
            return _call("_mu_in_order", node, node)
        return self.generic_visit(node)

    def _is_imported(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.meanings.imported

    def _again(self, name: str, place: ast.AST) -> ast.stmt:
        """``name = in order(name)``."""
        value = _call("_mu_in_order", ast.Name(name, ast.Load()), place)
        after = ast.Assign([ast.Name(name, ast.Store())], value)
        return ast.fix_missing_locations(ast.copy_location(after, place))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        setless = self._gives_no_set(node.func)
        call = self._parts(node)
        return call if setless else _call("_mu_in_order_throughout", call, node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return self._unused(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        """What can be awaited is the application's own."""
        return self._unused(node)

    def _unused(self, node: ast.Expr | ast.Await) -> ast.AST:
        value = node.value
        node.value = self._parts(value) if isinstance(value, ast.Call) else self.visit(value)
        return node

    def _parts(self, node: ast.Call) -> ast.Call:
        """A call with its parts changed, and not itself."""
        makes = _root(node.func) == "defaultdict"
        if not self._is_imported(node.func):
            node.func = self._maker(node.func)
        node.args = [self._maker(each) if makes else self.visit(each) for each in node.args]
        for keyword in node.keywords:
            if keyword.arg == "default_factory":
                keyword.value = self._maker(keyword.value)
            elif keyword.arg != "type" or not isinstance(keyword.value, ast.Name):
                keyword.value = self.visit(keyword.value)  # type= says what a library is to make
        return node

    def _gives_no_set(self, function: ast.expr) -> bool:
        meanings = self.meanings
        if isinstance(function, ast.Name):
            if function.id in meanings.setless - meanings.imported:
                return True
            known = hasattr(builtins, function.id) and function.id not in _PASSING_ON
            return known and function.id not in meanings.imported
        if isinstance(function, ast.Attribute):
            root = _root(function)
            if root in meanings.imported:
                return False
            deep = not isinstance(function.value, ast.Name) and root in ("cls", "self")
            return function.attr in METHODS or (root in meanings.setless and not deep)
        return isinstance(function, ast.Subscript) and _root(function) in meanings.typing

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        operands = (node.left, node.right)
        if any(isinstance(each, ast.Constant) and each.value is None for each in operands):
            return node  # a type: set | None
        plain = not isinstance(node.op, _OPERATORS) or any(map(self._is_number, operands))
        self.generic_visit(node)
        return node if plain else _call("_mu_in_order", node, node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        plain = not isinstance(node.op, _OPERATORS) or self._is_number(node.value)
        self.generic_visit(node)
        if plain or not isinstance(node.target, ast.Name):
            return node
        return [node, self._again(node.target.id, node)]

    def _is_number(self, node: ast.expr) -> bool:
        """Whether ``node`` is certainly a number: keys of a dict less a list are a set too."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, int | float)
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Mult | ast.Mod):
                return self._is_number(node.left) and self._is_number(node.right)
            of_numbers = isinstance(node.op, _OF_NUMBERS)
            return of_numbers or self._is_number(node.left) or self._is_number(node.right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            return name in _NUMBERS - self.meanings.setless - self.meanings.imported
        return isinstance(node, ast.Compare | ast.UnaryOp)

    # --- what is iterated over

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self._iterated(node.iter)
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.iter = self._iterated(node.iter)
        return self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            node.value = self._iterated(node.value)
        return self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        node.value = self._iterated(node.value)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            node.value = self._iterated(node.value)
        return self.generic_visit(node)

    def _iterated(self, node: E) -> E | ast.Call:
        if isinstance(node, _ORDERED):
            return node
        if isinstance(node, ast.Call):
            builtin = isinstance(node.func, ast.Name) and hasattr(builtins, node.func.id)
            if builtin or not self._gives_no_set(node.func):
                return node
        return _call("_mu_in_order", node, node)


def _call(function: str, argument: ast.expr, place: ast.AST) -> ast.Call:
    made = ast.Call(ast.Name(function, ast.Load()), [argument], [])
    return ast.fix_missing_locations(ast.copy_location(made, place))


def _root(node: ast.expr) -> str | None:
    """The name that a chain of attributes and subscripts begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _bound(scope: ast.AST) -> frozenset[str]:
    """The names that a module, a function or a statement binds in its own scope."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    for node in _own_nodes(scope):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node is not scope:
                found.add(node.name)
        elif isinstance(node, ast.Global):
            elsewhere.update(node.names)
    if isinstance(scope, ast.Module):
        found.update(name for n in ast.walk(scope) if isinstance(n, ast.Global) for name in n.names)
        return frozenset(found)
    return frozenset(found - elsewhere)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those inside of functions and classes in it."""
    waiting = [scope]
    while waiting:
        node = waiting.pop()
        yield node
        if node is scope or not isinstance(node, _Function | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
