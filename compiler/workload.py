"""An application's workload: data set-up, request mix, arguments and invariants.

It stands in ``workload.py`` beside the services, or in the module of a
single-file application. It is plain Python and not compiled:

    def setup(): ...                             # data, in a reference run
    MIX = {"Frontend.book": 9, "Frontend.show": 1}
    ARGUMENTS = {"Frontend.book": lambda rng: (...)}
    OUTSIDE = {charge: fake_charge}              # what stands in for outside functions
    def no_overselling(): assert ...             # an invariant: no parameters
"""

from __future__ import annotations

import ast
import copy
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from compiler.api.futures import driven
from compiler.api.outside import OutsideFunction
from compiler.errors import CompileError, Problems, WorkloadError, raised, source_line
from compiler.model import Declared, Function
from compiler.modules import import_workload
from compiler.signatures import fits, shown_signature
from compiler.sources import Layout, Source, imported_modules, parse
from core.callers import Caller, decode_caller, encode_caller

__all__ = ["Entry", "Workload", "load_workload"]

_CHECKED_DRAWS: Final = 20
"""How many draws of each kind of request are held against the method's signature."""


@dataclass(slots=True)
class Entry:
    """An entry of ``ARGUMENTS``: called with a random stream, it draws and checks arguments.

    :ivar call: ``Service.method``; ``function``: what the user gave for it.
    :ivar files: the application's, to name the place of what goes wrong.
    """

    call: str
    function: Callable[[random.Random], tuple[Any, ...]]
    method: Function
    files: Sequence[Path]
    _drawn: int = 0

    def __call__(self, rng: random.Random) -> tuple[Any, ...]:
        """Arguments of one request; later draws are trusted to fit if the first ones do.

        :raises WorkloadError: the function fails, or what it gives is no tuple of arguments of
            the method.
        """
        try:
            drawn = self.function(rng)
        except (Exception, SystemExit) as error:  # whatever the user's function raises
            remedy = "a function that gives arguments whatever rng draws"
            raise _failed(self._name, error, self.files, remedy) from error
        if not isinstance(drawn, tuple):
            raise self._error(f"gives {drawn!r}, which is no tuple", "mind the comma: (x,)")
        if self._drawn < _CHECKED_DRAWS:
            self._drawn += 1
            problem = fits(self.method, [ast.Constant(None)] * len(drawn), [])
            if problem is not None:
                what = f"gives {drawn!r}, but {self.call}{problem[0]}"
                raise self._error(what, f"what {shown_signature(self.method)} takes")
        return drawn

    @property
    def _name(self) -> str:
        return f'ARGUMENTS["{self.call}"]'

    def _error(self, what: str, remedy: str) -> WorkloadError:
        """What is wrong with a draw, at the function that gave it."""
        code = getattr(self.function, "__code__", None)
        path, line = (Path(code.co_filename), code.co_firstlineno) if code else (self.files[0], 0)
        text = source_line(path, line)
        column = len(text) - len(text.lstrip()) + 1
        what = f"{self._name} {what}"
        return WorkloadError([CompileError(path, line, column, len(text) + 1, text, what, remedy)])


def _failed(what: str, error: BaseException, files: Sequence[Path], remedy: str) -> WorkloadError:
    found = raised(error, files, f"{what} raised {type(error).__name__}: {error}", remedy)
    return WorkloadError([found])


@dataclass(frozen=True, slots=True)
class Workload:
    """What an application brings along for running it.

    :ivar module: the module all of it stands in.
    :ivar setup: creates the data, in a reference run; None if there is none to create.
    :ivar mix: weights of ``Service.method``.
    :ivar arguments: arguments of ``Service.method``, drawn from a random stream.
    :ivar callers: who asks, by their subjects.
    :ivar invariants: functions without parameters that assert, by name.
    :ivar files: the application's.
    :ivar stand_ins: what stands in for outside functions, by their names.
    """

    module: ModuleType
    setup: Callable[[], object] | None
    mix: Mapping[str, float]
    arguments: Mapping[str, Entry]
    invariants: Mapping[str, Callable[[], object]]
    callers: Mapping[str, Caller]
    files: Sequence[Path]
    stand_ins: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    _outside: Mapping[str, Any] = field(default_factory=dict)

    def outside_anew(self) -> Mapping[str, Callable[..., Any]]:
        """What stands in for outside functions, in a world in which nothing has happened yet.

        Its state is what the module's names held when it was imported, and is put back there.
        """
        world = copy.deepcopy(self._outside)
        vars(self.module).update(world)
        return _stand_ins(vars(self.module))

    def draw(self, call: str, rng: random.Random) -> tuple[Any, ...]:
        """Arguments of one request of ``Service.method``; none if nothing is said of it.

        :raises WorkloadError: see :class:`Entry`.
        """
        entry = self.arguments.get(call)
        return () if entry is None else entry(rng)

    def set_up(self) -> None:
        """Create the data, in the current reference run.

        :raises WorkloadError: ``setup()`` raises; the message says where.
        """
        if self.setup is None:
            return
        try:
            driven(self.setup(), "setup()")
        except (Exception, SystemExit) as error:  # whatever the user's function raises
            remedy = "a setup() that runs without error"
            raise _failed("setup()", error, self.files, remedy) from error


def load_workload(layout: Layout, sources: list[Source], declared: Declared) -> Workload | None:
    """The workload of an application, or None if it has none.

    :raises CompileErrors: the workload module does not parse or cannot be imported, or names
        what there is not.
    """
    if layout.workload is None:
        for plain in declared.plain_modules:
            named = len(layout.files) == 1 or plain.source.path.stem == layout.name
            if named and {"CALLERS", "MIX", "OUTSIDE", "setup"} & vars(plain.module).keys():
                return _read(plain.module, plain.source, declared)
        return None
    problems = Problems()
    source = parse(*layout.workload, problems)
    problems.raise_if_any()
    assert source is not None
    for _ in imported_modules(source, layout, problems):
        pass  # not compiled: only names that are taken are of interest
    problems.raise_if_any()
    module = import_workload(layout.roots, source, sources, problems)
    problems.raise_if_any()
    return _read(module, source, declared)


def _read(module: ModuleType, source: Source, declared: Declared) -> Workload:
    names = vars(module)
    setup = names.get("setup")
    methods = {
        method.full_name: method
        for service in declared.services.values()
        for method in service.methods.values()
        if method.is_public
    }
    problems = Problems()
    for table in ("MIX", "ARGUMENTS"):
        _check_table(table, names.get(table, {}), source, methods, problems)
    callers = _callers(names.get("CALLERS", {}), source, problems)
    _check_outside(names.get("OUTSIDE", {}), source, declared, problems)
    problems.raise_if_any()
    files = [source.path, *(plain.source.path for plain in declared.plain_modules)]
    return Workload(
        module=module,
        setup=setup if callable(setup) else None,
        mix=dict(names.get("MIX", {})),
        arguments={
            call: Entry(call, function, methods[call], files)
            for call, function in names.get("ARGUMENTS", {}).items()
        },
        invariants={
            name: value
            for name, value in names.items()
            if name != "setup"
            and not name.startswith("_")
            and inspect.isfunction(value)
            and value.__module__ == module.__name__
            and not inspect.signature(value).parameters
        },
        callers=callers,
        files=files,
        stand_ins=_stand_ins(names),
        _outside=_state(names) if "OUTSIDE" in names else {},
    )


def _callers(entries: Any, source: Source, problems: Problems) -> dict[str, Caller]:
    """The callers that a workload names; what is none is recorded as an error."""
    example = 'CALLERS = {"ada": {"roles": ["clerk"]}}: names, and what is known of each'
    found = {}
    for subject, claims in entries.items() if isinstance(entries, Mapping) else ():
        try:
            found[subject] = made = Caller(subject, dict(claims))
            if isinstance(subject, str) and subject and decode_caller(encode_caller(made)) == made:
                continue
        except (TypeError, ValueError, OverflowError):
            pass
        node = _entry(source, "CALLERS", subject)
        what = f"CALLERS names {subject!r}, with claims that are no JSON object"
        problems.add(source.path, source.text, node, what, example)
    if not isinstance(entries, Mapping):
        node = _entry(source, "CALLERS", None)
        problems.add(source.path, source.text, node, "CALLERS is no dict", example)
    return found


def _stand_ins(names: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    found = names.get("OUTSIDE", {})
    return {function.declaration.name: stands_in for function, stands_in in found.items()}


def _state(names: Mapping[str, Any]) -> dict[str, Any]:
    """What the module's names hold that may change, as it is now."""
    changing = {
        name: value
        for name, value in names.items()
        if not name.startswith("__")
        and not isinstance(value, ModuleType | type | OutsideFunction)
        and not inspect.isroutine(value)
        and name not in ("ARGUMENTS", "CALLERS", "MIX")
    }
    return copy.deepcopy(changing)


def _check_outside(entries: Any, source: Source, declared: Declared, problems: Problems) -> None:
    """Record an error for every stand-in that is none, or stands in for nothing."""
    example = "OUTSIDE = {charge: fake_charge}: outside functions, and what stands in for them"

    def error(what: str) -> None:
        problems.add(source.path, source.text, _entry(source, "OUTSIDE", None), what, example)

    if not isinstance(entries, Mapping):
        error("OUTSIDE is no dict")
        return
    for function, stands_in in entries.items():
        if function not in declared.outside.values():
            error(f"OUTSIDE names {function!r}, which is no outside function of the application")
        elif not callable(stands_in):
            error(f"OUTSIDE gives {stands_in!r} for {function.__name__}, which is no function")
        elif not _takes_the_same(stands_in, function):
            error(
                f"what stands in for {function.__name__} does not take what it takes: "
                f"{function.signature}"
            )


def _takes_the_same(stands_in: Callable[..., Any], function: OutsideFunction[..., Any]) -> bool:
    try:
        found = inspect.signature(stands_in).parameters.values()
    except ValueError:
        return True  # written in C: nobody knows
    if any(each.kind is each.VAR_POSITIONAL for each in found):
        return True
    return [each.name for each in found] == list(function.signature.parameters)


def _check_table(
    table: str, entries: Any, source: Source, methods: Mapping[str, Function], problems: Problems
) -> None:
    """Record an error for every key that names no public method, and every unusable value."""

    def error(call: object, what: str, remedy: str) -> None:
        problems.add(source.path, source.text, _entry(source, table, call), what, remedy)

    if not isinstance(entries, Mapping):
        error(None, f"{table} is no dict", f'{table} = {{"Service.method": ...}}')
        return
    for call, value in entries.items():
        if call not in methods:
            close = get_close_matches(str(call), methods, 1, 0.5)
            remedy = f'"{close[0]}"' if close else f"one of {', '.join(methods)}"
            error(call, f"{table} names {call!r}, which is no public method", remedy)
        elif table == "MIX" and not (isinstance(value, int | float) and value >= 0):
            error(call, f"the weight of {call} is {value!r}", "a number, not below zero")
        elif table == "ARGUMENTS" and not _takes_rng(value):
            error(
                call,
                f"the arguments of {call} are not drawn by a function of one parameter, rng",
                f'"{call}": lambda rng: (...)',
            )


def _takes_rng(value: object) -> bool:
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True  # written in C: nobody knows
    return True


def _entry(source: Source, table: str, call: object) -> ast.AST | None:
    """Where ``call`` stands as a key, or the table itself, as far as it can be seen."""
    tables = [
        node
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and any(
            isinstance(target, ast.Name) and target.id == table
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        )
    ]
    for node in tables:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and part.value == call and call is not None:
                return part
    return tables[0] if tables else None
