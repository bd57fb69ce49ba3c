"""An application's workload: data set-up, request mix, arguments and invariants.

It stands in ``workload.py`` beside the services, or in the module of a
single-file application. It is plain Python and not compiled:

    def setup(): ...                             # data, in a reference run
    MIX = {"Frontend.book": 9, "Frontend.show": 1}
    ARGUMENTS = {"Frontend.book": lambda rng: (...)}
    def no_overselling(): assert ...             # an invariant: no parameters
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from compiler.api.substitutes import substitute
from compiler.errors import Problems
from compiler.modules import PlainModule, import_workload
from compiler.sources import Layout, Source, parse

__all__ = ["Workload", "load_workload"]


@dataclass(frozen=True, slots=True)
class Workload:
    """What an application brings along for running it.

    :ivar module: the module all of it stands in.
    :ivar setup: creates the data, in a reference run; None if there is none to create.
    :ivar mix: weights of ``Service.method``.
    :ivar arguments: arguments of ``Service.method``, drawn from a random stream.
    :ivar invariants: functions without parameters that assert, by name.
    """

    module: ModuleType
    setup: Callable[[], object] | None
    mix: Mapping[str, float]
    arguments: Mapping[str, Callable[[random.Random], tuple[Any, ...]]]
    invariants: Mapping[str, Callable[[], object]]


def load_workload(
    layout: Layout, sources: list[Source], plain_modules: list[PlainModule]
) -> Workload | None:
    """The workload of an application, or None if it has none.

    :raises CompileErrors: the workload module does not parse or cannot be imported.
    """
    if layout.workload is None:
        for plain in plain_modules:
            named = len(layout.files) == 1 or plain.source.path.stem == layout.name
            if named and {"MIX", "setup"} & vars(plain.module).keys():
                return _read(plain.module)
        return None
    problems = Problems()
    source = parse(*layout.workload, problems)
    problems.raise_if_any()
    assert source is not None
    module = import_workload(layout.root, source, sources, problems)
    problems.raise_if_any()
    substitute(vars(module))
    return _read(module)


def _read(module: ModuleType) -> Workload:
    names = vars(module)
    setup = names.get("setup")
    return Workload(
        module=module,
        setup=setup if callable(setup) else None,
        mix=dict(names.get("MIX", {})),
        arguments=dict(names.get("ARGUMENTS", {})),
        invariants={
            name: value
            for name, value in names.items()
            if name != "setup"
            and not name.startswith("_")
            and inspect.isfunction(value)
            and value.__module__ == module.__name__
            and not inspect.signature(value).parameters
        },
    )
