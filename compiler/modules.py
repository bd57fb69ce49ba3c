"""Imports the application's plain modules: the classes as the user wrote them.

They are executed once, from the very text that is compiled, with the paper's
vocabulary injected and with sets that keep an order (:mod:`compiler.ordering`).
A module that is imported already, from the same file and text, is used as it is,
so that tests and applications share their classes; if Python itself imported it, its
functions are given the code that they would have here.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import compiler as facade
from compiler.api.misdeclared import Misdeclared
from compiler.errors import CompileError, Problems, raised
from compiler.ordering import ORDERED_SETS, Meanings, with_ordered_sets
from compiler.sources import Source
from compiler.stopping import Stopped
from core.errors import TransactionException

__all__ = ["PAPER_NAMES", "PlainModule", "import_plain", "import_workload", "run_as_module"]

PAPER_NAMES: Mapping[str, Any] = {
    name: getattr(facade, name)
    for name in (
        "AbortTx",
        "AbortTxNoExc",
        "AsyncInvoke",
        "BeginTx",
        "CommitTx",
        "Persistent",
        "SyncInvoke",
        "TransactionException",
        "Wait",
        "WaitAll",
    )
}
"""What programs written for the paper's prototype use without importing it."""

_TEXT = "__mu2sls_text__"
_BEFORE = "__mu2sls_namespace__"
_PAPER_MODULE = "runtime.transaction_exception"


class PlainModule:
    """A module of the application after its import.

    :ivar namespace: its globals as they were right after its import, before anything is
        substituted for the reference run.
    :ivar meanings: what its names mean, for its execution.
    """

    def __init__(self, source: Source, module: types.ModuleType, meanings: Meanings) -> None:
        self.source = source
        self.module = module
        self.meanings = meanings
        if _BEFORE not in vars(module):
            setattr(module, _BEFORE, dict(vars(module)))
        self.namespace: dict[str, Any] = vars(module)[_BEFORE]


class _Loader(importlib.abc.Loader):
    """Executes a parsed module."""

    def __init__(self, source: Source, meanings: Meanings) -> None:
        self._source = source
        self._meanings = meanings

    def exec_module(self, module: types.ModuleType) -> None:
        for name, value in PAPER_NAMES.items():
            vars(module).setdefault(name, value)
        vars(module).update(ORDERED_SETS)
        exec(_code(self._source, self._meanings), vars(module))
        setattr(module, _TEXT, self._source.text)


def _code(source: Source, meanings: Meanings) -> types.CodeType:
    path = str(source.path)
    tree = ast.parse(source.text, path)
    tree.body = with_ordered_sets(tree.body, meanings)
    return compile(tree, path, "exec", dont_inherit=True)


class _PaperModules(importlib.abc.Loader):
    """Makes ``runtime.transaction_exception``, which the paper's programs import."""

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == _PAPER_MODULE:
            vars(module)["TransactionException"] = TransactionException


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the application's modules while it is imported."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.name: source for source in sources}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        source = self._sources.get(fullname)
        if source is not None:
            loader = _Loader(source, _meanings(source, self._sources))
            return importlib.util.spec_from_file_location(
                fullname,
                source.path,
                loader=loader,
                submodule_search_locations=[str(source.path.parent)] if source.is_package else None,
            )
        if fullname in ("runtime", _PAPER_MODULE):
            return importlib.machinery.ModuleSpec(
                fullname, _PaperModules(), is_package=fullname == "runtime"
            )
        return None


@contextmanager
def _importing(roots: Sequence[Path], sources: Sequence[Source]) -> Iterator[None]:
    finder = _Finder(sources)
    before = {name: sys.modules.get(name) for name in ("runtime", _PAPER_MODULE)}
    sys.meta_path.insert(0, finder)
    sys.path[:0] = map(str, roots)
    try:
        yield
    finally:
        for root in roots:
            sys.path.remove(str(root))
        sys.meta_path.remove(finder)
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


def _meanings(source: Source, application: Collection[str]) -> Meanings:
    return Meanings(source.tree, application, PAPER_NAMES)


def import_plain(
    roots: Sequence[Path], sources: Sequence[Source], problems: Problems
) -> list[PlainModule]:
    """Import every module of the application; what fails is recorded in ``problems``."""
    _forget_stale(sources)
    found = []
    application = {source.name for source in sources}
    with _importing(roots, sources):
        for source in sources:
            try:
                module = importlib.import_module(source.name)
                meanings = _meanings(source, application)
                _adopt(module, source, meanings)
                found.append(PlainModule(source, module, meanings))
            except Stopped:  # by somebody
                raise
            except BaseException as error:  # the user's module level may raise anything
                problems.add_error(_import_error(source, error, sources))
    for plain in found:
        for name, value in PAPER_NAMES.items():
            vars(plain.module).setdefault(name, value)
            plain.namespace.setdefault(name, value)
    return found


def _adopt(module: types.ModuleType, source: Source, meanings: Meanings) -> None:
    """Give what Python itself has imported the code of :class:`_Loader`, where it stands.

    Its classes stay the very same, since whoever imported them holds them.
    """
    if hasattr(module, _TEXT):
        return
    codes = dict(_functions(_code(source, meanings)))
    vars(module).update(ORDERED_SETS)
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    for holder in (module, *(each for each in classes if each.__module__ == module.__name__)):
        for value in vars(holder).values():
            function = getattr(value, "__func__", value)  # a static method holds one
            code = codes.get(getattr(function, "__qualname__", ""))
            if code is not None and isinstance(function, types.FunctionType):
                function.__code__ = code
    setattr(module, _TEXT, source.text)


def _functions(code: types.CodeType) -> Iterator[tuple[str, types.CodeType]]:
    """The code of every function, by its qualified name."""
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each.co_qualname, each
            yield from _functions(each)


def _forget_stale(sources: Sequence[Source]) -> None:
    """Drop modules that were imported under our names from other files or older text."""
    for source in sources:
        known = sys.modules.get(source.name)
        if known is None:
            continue
        same_file = getattr(known, "__file__", None) == str(source.path)
        if not same_file or getattr(known, _TEXT, source.text) != source.text:
            del sys.modules[source.name]


def import_workload(
    roots: Sequence[Path], workload: Source, sources: Sequence[Source], problems: Problems
) -> types.ModuleType:
    """Import the workload module, which shares the application's classes."""
    _forget_stale([workload])
    with _importing(roots, [*sources, workload]):
        try:
            return importlib.import_module(workload.name)
        except Stopped:  # by somebody
            raise
        except BaseException as error:  # the user's module level may raise anything
            problems.add_error(_import_error(workload, error, [*sources, workload]))
    return types.ModuleType(workload.name)


def _import_error(source: Source, error: BaseException, sources: Sequence[Source]) -> CompileError:
    """Where in the application's modules the import failed, and why."""
    what, remedy = _explain_import(error)
    files = [source.path, *(each.path for each in sources)]
    return raised(error, files, what, remedy)


def _explain_import(error: BaseException) -> tuple[str, str]:
    if isinstance(error, Misdeclared):
        return error.what, error.remedy
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"there is no module {error.name} to import",
            "the name of a module that is installed (as with: pip install "
            f"{error.name.partition('.')[0]}), or of one beside this one",
        )
    if isinstance(error, ImportError) and "relative import" in str(error):
        return (
            f"importing the module fails here: {error}",
            "an __init__.py in the folder, which makes it a package, or an import without the dot",
        )
    if isinstance(error, SyntaxError):
        waits = "outside async function" in error.msg
        return f"this is no Python: {error.msg}", "async def" if waits else "valid Python"
    return (
        f"importing the module fails here: {type(error).__name__}: {error}",
        "module level that runs without error",
    )


def run_as_module(
    plain: PlainModule, body: list[ast.stmt], namespace: dict[str, Any]
) -> dict[str, Any]:
    """Execute statements of ``plain``, which are changed, in ``namespace`` and return it.

    Where the module has imported ``annotations`` of ``__future__``, none is evaluated here either.
    """
    namespace["__name__"] = plain.source.name
    tree = ast.Module(body=with_ordered_sets(body, plain.meanings), type_ignores=[])
    postponed = any(value is __future__.annotations for value in namespace.values())
    flags = __future__.annotations.compiler_flag if postponed else 0
    exec(compile(tree, str(plain.source.path), "exec", flags, dont_inherit=True), namespace)
    return namespace
