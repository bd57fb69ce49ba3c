"""The arrows between the packages point down and never back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Which of our own packages may be imported below a path; the longest matching path counts.
MEASURES = ("bench", "bench_report", "calibrate", "profile", "run", "trial")

ARROWS = {
    "core": {"core"},
    "compiler": {"compiler", "core"},
    "sim": {"sim", "compiler", "core"},
    "backends": {"backends", "compiler", "core"},
    "backends/experiment": {"backends", "compiler", "core", "sim"},
    "backends/experiment/recording.py": {"backends", "core"},  # what a node of an image needs
    "backends/experiment/remote.py": {"backends", "core"},
    **{
        f"backends/knative/{name}.py": {"backends", "compiler", "core", "sim"}
        for name in ("experiment", "commands/experiment")
    },
    **{f"backends/local/{name}.py": {"backends", "compiler", "core", "sim"} for name in MEASURES},
    "apps": {"apps", "compiler"},
    "benchmarks": {"benchmarks", "backends", "sim", "compiler", "core"},
    "figures": {"figures"},
}

# What others' packages may be imported below a path; the longest matching path counts.
LIBRARIES = {
    "core": {"msgspec"},
    "core/memory.py": {"msgspec", "sortedcontainers"},
    "compiler": {"ast_comments", "msgspec", "networkx", "rich"},
    "compiler/__init__.py": set(),
    "compiler/drawing.py": {"matplotlib", "networkx"},
    "compiler/api": set(),
    "sim": {"greenlet", "msgspec", "rich", "ruamel", "simpy", "sortedcontainers"},
    "apps": set(),
    "backends/experiment": {"msgspec"},
    "backends/fdb": {"msgspec"},
    "backends/local": {"msgspec", "rich"},
    "backends/runtime": {"msgspec"},
    "backends/runtime/http.py": {"aiohttp", "uvloop"},
    "backends/runtime/public": {"msgspec", "networkx"},
    "figures": {"matplotlib", "msgspec", "rich"},
    "backends/fdb/bindings.py": {"fdb"},
    "backends/knative": {"msgspec", "networkx", "rich", "ruamel"},
    "backends/knative/cluster": {"kubernetes", "msgspec", "urllib3"},
}

PACKAGES = {Path(path).parts[0] for path in ARROWS}

MODULES = sorted(
    path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)


def longest(table, module):
    """What a table says of the longest path that the module is below, or None."""
    places = [place for place in table if module.is_relative_to(place)]
    return table[max(places, key=len)] if places else None


def imported(source: str, module: Path) -> set[str]:
    """Full names of what the source imports anywhere, relative imports resolved."""
    package = module.parent.parts
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            names.add(".".join([*base, *([node.module] if node.module else [])]))
    return names


def forbidden(source: str, module: Path) -> set[str]:
    """What the source imports although the module's place forbids it."""
    allowed_ours = longest(ARROWS, module)
    allowed_others = longest(LIBRARIES, module)
    found = set()
    for name in imported(source, module):
        top = name.split(".")[0]
        if top in PACKAGES:
            if top not in allowed_ours:
                found.add(name)
            elif module.parts[0] == "apps" and top == "compiler" and name != "compiler":
                found.add(name)  # applications know the facade alone
        elif (
            allowed_others is not None
            and top not in allowed_others
            and top not in sys.stdlib_module_names
        ):
            found.add(name)
    return found


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
        ("core/attempt.py", "import sim.scenario"),
        ("core/sub/module.py", "from ...compiler import graph"),
        ("compiler/graph.py", "from sim import history"),
        ("compiler/__init__.py", "import networkx"),
        ("compiler/api/calls.py", "import networkx"),
        ("compiler/graph.py", "import matplotlib"),
        ("sim/run.py", "import apps.hotel"),
        ("sim/run.py", "from backends.local import gateway"),
        ("apps/hotel/services.py", "from compiler.api import service"),
        ("apps/hotel/services.py", "import core.errors"),
        ("backends/fdb/store.py", "import fdb"),
        ("backends/knative/cli.py", "import kubernetes"),
        ("figures/draw.py", "from sim.result import Result"),
        ("backends/local/store.py", "from sim.store import ModelStore"),
        ("core/memory.py", "from backends.local.store import LocalStore"),
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
        ("backends/experiment/clients.py", "from sim.arrivals import arrivals"),
        ("backends/runtime/http.py", "import aiohttp"),
    ],
)
def test_a_right_import_is_let_through(module, source):
    assert forbidden(source, Path(module)) == set()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("compiler", {"networkx", "ast_comments", "rich", "simpy", "sim"}),
        ("core.attempt", {"networkx", "ast_comments", "rich", "simpy", "sim", "compiler"}),
    ],
)
def test_what_users_and_pods_load_is_light(module, heavy):
    """Importing the facade, or the core alone, drags nothing heavy in, not even indirectly."""
    program = f"import sys, {module}; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert heavy.isdisjoint(run.stdout.split())
