"""The arrows between the packages point down and never back, and no files go round in a circle."""

import ast
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent

# What of ours may be imported below a path; the longest matching path counts.
EXPERIMENTS = {"experiment", "compiler", "core"}
RUNTIME = {"backends.runtime", "compiler", "core"}
COMMANDS = {"command_line", "own_files"}
PLATFORM = {"backends.stores", "backends.drill", *COMMANDS, *RUNTIME, *EXPERIMENTS}

ARROWS = {
    "command_line.py": set(),
    "own_files.py": set(),
    "core": {"core"},
    "compiler": {"compiler", "core", *COMMANDS},
    "experiment": {*COMMANDS, *EXPERIMENTS},
    "sim": {"sim", *COMMANDS, *EXPERIMENTS},
    "apps": {"apps", "compiler"},
    "figures": {"figures", *COMMANDS},
    "backends/__init__.py": set(),
    "backends/runtime": RUNTIME,
    "backends/sqlite": {"backends.sqlite", *RUNTIME},
    "backends/fdb": {"backends.fdb", *RUNTIME},
    "backends/fdb/__main__.py": {"backends.fdb", *COMMANDS, *RUNTIME},
    "backends/stores.py": {"backends.sqlite", "backends.fdb", *RUNTIME},
    "backends/drill": {"backends.drill", *RUNTIME, *EXPERIMENTS},
    "backends/drill/recording.py": {"backends.drill", *RUNTIME},  # what a node of an image needs
    "backends/drill/remote.py": {"backends.drill", *RUNTIME},
    "backends/local": {"backends.local", *PLATFORM},
    "backends/local/measuring/calibrate.py": {"backends.local", "sim", *PLATFORM},
    "backends/knative": {"backends.knative", *PLATFORM},
    "benchmarks": {"benchmarks", "backends", "sim", *COMMANDS, *EXPERIMENTS},
}

# What others' packages may be imported below a path; the longest matching path counts.
LIBRARIES = {
    "command_line.py": set(),
    "own_files.py": set(),
    "core": {"msgspec"},
    "core/memory.py": {"msgspec", "sortedcontainers"},
    "compiler": {"msgspec", "networkx", "rich"},
    "compiler/__init__.py": set(),
    "compiler/comments.py": {"ast_comments"},
    "compiler/drawing.py": {"matplotlib", "networkx"},
    "compiler/machine/execution.py": {"greenlet"},
    "compiler/api": set(),
    "compiler/api/schedules.py": {"cronsim"},
    "experiment": {"greenlet", "msgspec", "rich", "ruamel", "sortedcontainers"},
    "sim": {"msgspec", "rich", "ruamel", "simpy"},
    "apps": set(),
    "backends/drill": {"msgspec"},
    "backends/fdb": {"msgspec"},
    "backends/sqlite": set(),
    "backends/local": {"msgspec", "rich"},
    "backends/runtime": {"msgspec"},
    "backends/runtime/http": {"aiohttp", "uvloop"},
    "backends/runtime/public": {"msgspec", "networkx"},
    "backends/runtime/public/auth_jwt.py": {"jwt", "msgspec"},
    "backends/runtime/public/jwks.py": {"jwt", "msgspec"},
    "figures": {"matplotlib", "msgspec", "rich"},
    "figures/calibration/fit.py": {"numpy", "scipy"},
    "figures/calibration/parameters.py": {"ruamel"},
    "backends/fdb/bindings.py": {"fdb"},
    "backends/knative": {"msgspec", "networkx", "rich", "ruamel"},
    "backends/knative/cluster": {"kubernetes", "msgspec", "urllib3"},
}

FACADE = {"compiler", "compiler.decorators"}
"""What applications know of the compiler; the second as the paper's programs write it."""

TOPS = {Path(path).with_suffix("").parts[0] for path in ARROWS}

MODULES = sorted(
    path.relative_to(ROOT)
    for top in TOPS
    for path in ([*(ROOT / top).rglob("*.py")] or [ROOT / f"{top}.py"])
)


def dotted(module: Path) -> str:
    """The name of a module, a package's for its ``__init__``."""
    parts = module.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(module): module for module in MODULES}


def longest(table, module):
    """What a table says of the longest path that the module is below, or None."""
    places = [place for place in table if module.is_relative_to(place)]
    return table[max(places, key=len)] if places else None


def imported(source: str, module: Path) -> set[str]:
    """Full names of what the source imports anywhere, relative imports resolved.

    From a package may come a module or a name of its own.
    """
    package = module.parent.parts
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            inside = {f"{origin}.{alias.name}" for alias in node.names}
            modules = inside & set(NAMES)
            names |= modules
            if len(modules) < len(inside):
                names.add(origin)
    return names


def is_below(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def forbidden(source: str, module: Path) -> set[str]:
    """What the source imports although the module's place forbids it."""
    allowed_ours = longest(ARROWS, module)
    allowed_others = longest(LIBRARIES, module)
    found = set()
    for name in imported(source, module):
        top = name.split(".")[0]
        if top in TOPS:
            beyond = module.parts[0] == "apps" and top == "compiler" and name not in FACADE
            if beyond or not is_below(name, allowed_ours):
                found.add(name)
        elif (
            allowed_others is not None
            and top not in allowed_others
            and top not in sys.stdlib_module_names
        ):
            found.add(name)
    return found


def circles(sources: dict[Path, str]) -> list[set[str]]:
    """The circles that these files import each other in; imports in functions count, too."""
    graph = nx.DiGraph(
        (dotted(module), name)
        for module, source in sources.items()
        for name in imported(source, module)
        if name in NAMES and name != dotted(module)
    )
    return [part for part in nx.strongly_connected_components(graph) if len(part) > 1]


def test_no_files_import_each_other_in_a_circle():
    assert circles({module: (ROOT / module).read_text() for module in MODULES}) == []


@pytest.mark.parametrize(
    "back",
    [
        "from core.attempt import attempt",
        "def f():\n    import core.attempt",
        "if TYPE_CHECKING:\n    from core import attempt",
    ],
)
def test_a_circle_is_found(back):
    sources = {Path("core/attempt.py"): "import core.calls", Path("core/calls.py"): back}
    assert circles(sources) == [{"core.attempt", "core.calls"}]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_down(module):
    assert forbidden((ROOT / module).read_text(), module) == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/attempt.py", "import simpy"),
        ("core/attempt.py", "import sortedcontainers"),
        ("core/attempt.py", "def f():\n    from networkx import DiGraph"),
        ("core/attempt.py", "from kubernetes.client import ApiClient"),
        ("core/attempt.py", "import sim.run"),
        ("core/sub/module.py", "from ...compiler import graph"),
        ("compiler/graph.py", "from experiment import result"),
        ("compiler/__init__.py", "import networkx"),
        ("compiler/api/calls.py", "import networkx"),
        ("compiler/graph.py", "import matplotlib"),
        ("sim/run.py", "import apps.hotel"),
        ("sim/run.py", "from backends.local import gateway"),
        ("apps/hotel/services.py", "from compiler.api import service"),
        ("apps/hotel/services.py", "import core.errors"),
        ("backends/fdb/store.py", "import fdb"),
        ("backends/knative/cli.py", "import kubernetes"),
        ("figures/draw.py", "from experiment.result import ResultFile"),
        ("experiment/outcome.py", "import sim.run"),
        ("experiment/outcome.py", "from backends.runtime import host"),
        ("sim/run.py", "from figures import results"),
        ("backends/local/up.py", "from backends.sqlite.store import SqliteStore"),
        ("backends/local/up.py", "from backends.knative import names"),
        ("backends/local/up.py", "from sim.run import run"),
        ("backends/knative/cli.py", "import backends.local.up"),
        ("backends/sqlite/store.py", "from backends.fdb import FdbStore"),
        ("backends/runtime/host.py", "from backends.drill import course"),
        ("backends/runtime/host.py", "from experiment.outcome import Task"),
        ("backends/drill/recording.py", "from experiment.record.run import Run"),
        ("backends/sqlite/store.py", "from sim.store import SimStore"),
        ("core/memory.py", "from backends.sqlite.store import SqliteStore"),
    ],
)
def test_a_wrong_import_is_found(module, source):
    assert len(forbidden(source, Path(module))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/memory.py", "from sortedcontainers import SortedDict"),
        ("core/attempt.py", "from core.errors import Conflict\nimport msgspec\nimport heapq"),
        ("compiler/graph.py", "import networkx as nx"),
        ("sim/run.py", "from compiler import application\nimport simpy"),
        ("apps/chain/services.py", "from apps.counter.services import Counter"),
        ("figures/draw.py", "import matplotlib.pyplot as plt\nimport json"),
        ("backends/drill/clients.py", "from experiment.load.arrivals import arrivals"),
        ("backends/runtime/http/client.py", "import aiohttp"),
        ("backends/stores.py", "from backends.sqlite.store import SqliteStore"),
        ("backends/local/measuring/calibrate.py", "from sim.run import run"),
    ],
)
def test_a_right_import_is_let_through(module, source):
    assert forbidden(source, Path(module)) == set()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("compiler", {"networkx", "rich", "simpy", "sim", "experiment"}),
        ("core.attempt", {"networkx", "rich", "simpy", "sim", "compiler"}),
        ("backends.knative.serve", {"ruamel", "simpy", "experiment", "sim", "command_line"}),
    ],
)
def test_what_users_and_pods_load_is_light(module, heavy):
    """Importing the facade, or the core alone, drags nothing heavy in, not even indirectly."""
    program = f"import sys, {module}; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert heavy.isdisjoint(run.stdout.split())
