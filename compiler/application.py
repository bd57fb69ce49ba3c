"""Loads an application: source in, graph, program and reference run out.

    app = load("apps/hotel")
    app.program           # what the executor runs
    app.graph             # what the analysis knows
    app.reference()       # the uncompiled classes

The steps: find and parse the modules (:mod:`compiler.sources`), import them
plainly (:mod:`compiler.modules`), collect what they declare
(:mod:`compiler.declarations`), rewrite the methods (:mod:`compiler.rewrite`),
analyse them (:mod:`compiler.analysis`) and build the program
(:mod:`compiler.program`). Errors are collected over all steps that can still be
taken, and raised together.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import networkx as nx

from compiler.analysis import Analysis, analyse, build_graph
from compiler.api.reference import Reference
from compiler.declarations import declare
from compiler.errors import (
    ApplicationNotFound,
    CompileError,
    CompileErrors,
    Problems,
    display_path,
    raised,
)
from compiler.machine.installing import install
from compiler.model import Declared, Field
from compiler.modules import PlainModule, import_plain
from compiler.program import build_program, check_types, own_types, set_constants
from compiler.rewrite import rewrite
from compiler.shapes import shape_of
from compiler.sources import Layout, Source, find_layout, parse_sources
from compiler.stopping import Stopped, stoppable
from compiler.workload import Workload, load_workload
from core.chance import Chance
from core.codec import Codec
from core.errors import UnsupportedValue
from core.program import Program
from core.shape import Shape

__all__ = ["Application", "load"]


@dataclass(slots=True)
class Application:
    """A compiled application.

    :ivar origin: what it was loaded from, as :func:`load` was given it.
    :ivar graph: services, methods, fields and effects, see :mod:`compiler.analysis.graph`.
    :ivar sources: the parsed modules.
    :ivar classes: the plain service classes by name.
    :ivar persistent: the kind of every persistent field, by service and field.
    :ivar shape: what it stores, as it is kept beside the data.
    :ivar workload: set-up, request mix and invariants, or None.
    """

    name: str
    program: Program
    graph: nx.MultiDiGraph[str]
    sources: list[Source]
    classes: dict[str, type]
    persistent: dict[str, dict[str, str]]
    types: list[type]
    declared: Declared
    shape: Shape
    workload: Workload | None = None
    origin: str = ""
    _initial: dict[bool, dict[bytes, bytes]] = field(default_factory=dict)

    def reference(
        self,
        clock: Callable[[], int] | None = None,
        rng: random.Random | None = None,
        set_up: bool = False,
        make_codec: Callable[[list[type]], Codec] = Codec,
    ) -> Reference:
        """A reference run of the uncompiled classes.

        :param clock: Unix time in nanoseconds; the system's if None.
        :param set_up: whether to begin with the workload's data.
        :param make_codec: makes the codec for the application's own classes.
        """
        codec = make_codec(self.types)
        reference = Reference(self.classes, self.persistent, codec, clock, rng)
        if set_up:
            reference.load(self.initial_state())
        if self.workload is not None:
            reference.stand_ins = self.workload.stand_ins
        return reference

    def initial_state(
        self,
        set_up: bool = True,
        clock: Callable[[], int] | None = None,
        rng: random.Random | None = None,
    ) -> dict[bytes, bytes]:
        """The store content before the first request, with or without the workload's data.

        :param clock: what is read while it is made; if None, the same on every machine.
        :param rng: what is drawn then; if None, the same on every machine.
        """
        if clock is not None or rng is not None:
            return self._make_initial(set_up, clock or _epoch, rng or Chance(b""))
        if set_up not in self._initial:
            self._initial[set_up] = self._make_initial(set_up, _epoch, Chance(b""))
        return dict(self._initial[set_up])

    def _make_initial(
        self, set_up: bool, clock: Callable[[], int], rng: random.Random
    ) -> dict[bytes, bytes]:
        reference = Reference(self.classes, self.persistent, Codec(self.types), clock, rng)
        if set_up and self.workload is not None:
            with reference, reference.reading():
                self.workload.set_up()
        return reference.dump()

    def with_stand_ins(self) -> Application:
        """The same, with the workload's functions in the place of outside functions."""
        stand_ins = self.workload.stand_ins if self.workload is not None else {}
        return replace(self, program=self.program.standing_in(stand_ins))

    def keyed(self, secret: bytes) -> Application:
        """The same, as a deployment with this secret runs it."""
        return replace(self, program=self.program.keyed(secret))


def _epoch() -> int:
    """The clock while data is set up: 2023-01-01, on every machine."""
    return 1_672_531_200_000_000_000


def load(app: str | Path) -> Application:
    """Compile an application.

    :param app: a package, a module, a folder, or a ``.csv`` with ``ClassName,path`` lines.
    :raises CompileErrors: it cannot be compiled; all errors of the application.
    :raises ApplicationNotFound: there is no such application.
    """
    install()
    with stoppable():
        return _load(app)


def _load(app: str | Path) -> Application:
    problems = Problems()
    layout = find_layout(app)
    sources = parse_sources(layout, problems)
    problems.raise_if_any()
    plain_modules = import_plain(layout.roots, sources, problems)
    problems.raise_if_any()  # what was not imported is missing everywhere
    declared = declare(plain_modules, problems, layout)
    _check_services(layout, declared)
    rewrite(declared)
    codec = Codec()
    types = own_types(plain_modules, declared)
    _check_types(codec, types, declared)
    problems.raise_if_any()
    analysis = analyse(declared)
    problems.raise_if_any()
    shape = shape_of(declared, types)  # while annotations mean what they say
    application = _assemble(layout, sources, declared, analysis, types, codec, shape)
    application.origin = str(app)
    return application


def _assemble(
    layout: Layout,
    sources: list[Source],
    declared: Declared,
    analysis: Analysis,
    types: list[type],
    codec: Codec,
    shape: Shape,
) -> Application:
    application = Application(
        name=layout.name,
        program=build_program(layout.name, declared, codec, {}),
        graph=build_graph(declared, analysis),
        sources=sources,
        classes={service.name: service.cls for service in declared.services.values()},
        persistent={
            service.name: {each.name: each.kind.value for each in service.fields.values()}
            for service in declared.services.values()
        },
        types=types,
        declared=declared,
        shape=shape,
    )
    application.program.revision = _revision(sources)
    application.workload = load_workload(layout, sources, declared)
    set_constants(application.program, declared, _first_reference(application))
    application.program.initial = application.initial_state()
    return application


def _revision(sources: list[Source]) -> str:
    """What tells revisions apart: it follows from the text of all sources."""
    digest = hashlib.sha256()
    for each in sorted(sources, key=lambda source: source.name):
        digest.update(f"{each.name}\0{each.text}\0".encode())
    return digest.hexdigest()[:8]


def _first_reference(application: Application) -> Reference:
    """A reference run, with the initial state that the services' own ``__init__`` makes.

    :raises CompileErrors: it cannot be made; all values that cannot be stored.
    """
    classes, codec = application.classes, Codec(application.types)
    persistent = {name: dict(kinds) for name, kinds in application.persistent.items()}
    found: list[CompileError] = []
    while True:
        try:
            reference = Reference(classes, persistent, codec)
        except Stopped:  # by somebody
            raise
        except BaseException as error:  # the user's __init__ may raise anything
            found.append(_initial_error(application, error))
            field = _assigned(application.declared, found[-1])
            if field is None or persistent[field.service].pop(field.name, None) is None:
                raise CompileErrors(found) from error
        else:
            if found:
                raise CompileErrors(found)
            return reference


def _initial_error(application: Application, error: BaseException) -> CompileError:
    what, remedy = f"__init__ fails here: {type(error).__name__}: {error}", "one without errors"
    if isinstance(error, UnsupportedValue):
        head, mark, tail = str(error).partition(". " if ". " in str(error) else ": ")
        what, remedy = f"this cannot be the initial state: {head}", tail if mark else "None"
    return raised(error, [source.path for source in application.sources], what, remedy)


def _assigned(declared: Declared, error: CompileError) -> Field | None:
    """The field whose first value is at fault; without it, the others can be looked at."""
    for service in declared.services.values():
        for each in service.fields.values():
            lines = range(each.node.lineno, (each.node.end_lineno or 0) + 1)
            if service.plain.source.path == error.path and error.line in lines:
                return each
    return None


def _check_services(layout: Layout, declared: Declared) -> None:
    if layout.listing is not None:
        for name, _path, line in layout.listed:
            if name not in declared.services:
                text = layout.listing.read_text(encoding="utf-8-sig").splitlines()[line - 1]
                declared.problems.add_error(
                    CompileError(
                        layout.listing, line, 1, len(name) + 1, text,
                        f"there is no service {name} in that file",
                        "the name of a class there that is decorated with @service",
                    )
                )  # fmt: skip
    elif not declared.services and not declared.problems:
        files = ", ".join(display_path(path) for path in layout.files.values())
        raise ApplicationNotFound(
            f"there is no service in {files}",
            "decorate a class with @service (from compiler import service)",
        )


def _check_types(codec: Codec, types: list[type], declared: Declared) -> None:
    for kind, reason in check_types(codec, types):
        plain = _module_of(kind, declared)
        what, _, remedy = reason.partition(": ")
        declared.problems.add(plain.source.path, plain.source.text, None, what, remedy)


def _module_of(kind: Any, declared: Declared) -> PlainModule:
    for plain in declared.plain_modules:
        if plain.source.name == kind.__module__:
            return plain
    return declared.plain_modules[0]
