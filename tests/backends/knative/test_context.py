"""What goes into the image: all of the application under its own names, and nothing else."""

import re
import subprocess
import sys

import pytest

from backends.knative.context import FDB_VERSION, write_context
from backends.knative.errors import ImageProblem
from compiler.application import load
from core.errors import MuError
from tests.backends.knative.manifests import APPS, ROOT

ALL = [*APPS, "apps/counter_paper/counter.csv", "apps/counter/services.py", "apps.hotel"]
NAMES = """
import sys
from compiler.application import load
for app in sys.argv[1:]:
    application = load(app)
    print("--", *sorted(source.name for source in application.sources), application.name)
    print(sorted(application.program.services), application.workload is not None)
"""


def names(apps, cwd, *path):
    """The names of applications as another process sees them, which compiles them in turns."""
    run = subprocess.run(
        [sys.executable, "-c", NAMES, *map(str, apps)],
        cwd=cwd,
        env={"PYTHONPATH": ":".join(map(str, path))},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.split("--")[1:]


@pytest.fixture(scope="module")
def outside():
    """The names of every application where it is at home."""
    apps = [app if "/" not in app else ROOT / app for app in ALL]
    return dict(zip(ALL, names(apps, ROOT, ROOT), strict=True))


@pytest.mark.parametrize("app", ALL)
def test_the_image_s_application_is_the_same(app, tmp_path, outside):
    """Under the same module names: what is stored names types by them."""
    context = tmp_path / "context"
    path = write_context(app if "." in app and "/" not in app else ROOT / app, context)
    within = context / "application" / path
    assert names([within], tmp_path, context / "code", context / "application") == [outside[app]]


def test_our_packages_are_there_and_nothing_that_a_node_does_not_run(tmp_path):
    context = tmp_path / "context"
    write_context(ROOT / "apps/hotel", context)
    assert {path.name for path in (context / "code").iterdir()} == {"core", "compiler", "backends"}
    assert {path.name for path in context.iterdir()} == {
        *("Containerfile", "application", "code", "constraints.txt", "requirements.txt", "wheels"),
    }
    everything = [path.relative_to(context) for path in context.rglob("*")]
    assert not [path for path in everything if path.suffix in (".pyc", ".db", ".cluster")]
    assert not (context / "application/apps/bank").exists()


def test_requirements_are_pinned(tmp_path):
    context = tmp_path / "context"
    more = tmp_path / "more.txt"
    more.write_text("numpy==2.0.0\n")
    write_context(ROOT / "apps/counter", context, requirements=more)
    lines = (context / "requirements.txt").read_text().split()
    lines += (context / "constraints.txt").read_text().split()
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!]+", line) for line in lines)
    assert {f"foundationdb=={FDB_VERSION}", "numpy==2.0.0"} <= set(lines)
    assert any(line.startswith("multidict==") for line in lines)


def test_what_a_node_imports_is_required(tmp_path):
    """Whatever ``backends.knative.serve`` loads comes from a package that is pinned."""
    context = tmp_path / "context"
    write_context(ROOT / "apps/counter", context)
    pinned = (context / "requirements.txt").read_text() + (context / "constraints.txt").read_text()
    given = {line.partition("==")[0].replace("-", "_").lower() for line in pinned.split()}
    program = (
        "import sys, importlib.metadata as m, backends.knative.serve\n"
        "from compiler.application import load; load(sys.argv[1])\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "owners = m.packages_distributions()\n"
        "print(*sorted({o for top in tops for o in owners.get(top, ())}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "apps/counter")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    needed = {name.replace("-", "_").lower() for name in run.stdout.split()}
    assert needed - given - {"mu2sls", "setuptools"} == set()


def test_extra_files_and_wheels_are_copied(tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "shop.py").write_text((ROOT / "apps/counter/services.py").read_text())
    (shop / "prices.json").write_text("{}")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "a-1-py3-none-any.whl").write_text("")
    context = tmp_path / "context"
    path = write_context(shop / "shop.py", context, wheels, extras=(shop / "prices.json",))
    assert path == "shop.py"
    assert (context / "application" / "prices.json").exists()
    assert (context / "wheels" / "a-1-py3-none-any.whl").exists()
    assert load(context / "application" / path).name == "shop"


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(ImageProblem, match=r"there are no wheels in .*pip wheel"):
        write_context(ROOT / "apps/counter", tmp_path / "a", wheels=tmp_path / "none")
    with pytest.raises(ImageProblem, match="cannot be read"):
        write_context(ROOT / "apps/counter", tmp_path / "b", requirements=tmp_path / "none")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine").touch()
    with pytest.raises(ImageProblem, match="is not empty"):
        write_context(ROOT / "apps/counter", tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["mine"]
    with pytest.raises(MuError, match="there is no application"):
        write_context(tmp_path / "none", tmp_path / "d")
    with pytest.raises(ImageProblem, match="there is no file"):
        write_context(ROOT / "apps/counter", tmp_path / "e", extras=(tmp_path / "none",))
