"""Where an application's files may lie, what they may be called, and what is missing."""

import tomllib
from pathlib import Path

import pytest

from compiler.application import load
from compiler.errors import ApplicationNotFound, CompileErrors
from compiler.module_names import NEEDED, OURS
from tests.compiler.driver import compare

ROOT = Path(__file__).parents[2]

BELL = """\
from compiler import decorators
{imports}

@decorators.service
class {name}(object):
    def __init__(self):
        self.rung = 0  # type: Persistent[int]

    def ring(self):
        self.rung += {step}
        return self.rung
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def bell(path, name="Bell", imports="", step="1"):
    return write(path, BELL.format(name=name, imports=imports, step=step))


def errors_of(app):
    with pytest.raises(CompileErrors) as raised:
        load(app)
    return raised.value.errors


def test_a_listing_names_files_from_a_folder_above_it(tmp_path, monkeypatch):
    bell(tmp_path / "specs/bells/bell.py")
    listing = write(tmp_path / "experiments/small/bell.csv", "Bell,specs/bells/bell.py\n")
    monkeypatch.chdir("/")
    assert compare(load(listing), [("Bell.ring",)]) == [("returned", 1)]


def test_a_listing_names_files_from_the_working_directory(tmp_path, monkeypatch):
    bell(tmp_path / "here/specs/bell.py")
    listing = write(tmp_path / "there/bell.csv", "Bell,specs/bell.py\n")
    monkeypatch.chdir(tmp_path / "here")
    assert compare(load(listing), [("Bell.ring",)]) == [("returned", 1)]


def test_a_file_beside_the_listing_comes_first(tmp_path, monkeypatch):
    bell(tmp_path / "bell.py", step="5")
    bell(tmp_path / "inner/bell.py", step="7")
    listing = write(tmp_path / "inner/bell.csv", "Bell,bell.py\n")
    monkeypatch.chdir(tmp_path)
    assert compare(load(listing), [("Bell.ring",)]) == [("returned", 7)]


def test_files_of_one_name_are_two_modules(tmp_path):
    bell(tmp_path / "north/bell.py", "North", "class Rung(Exception): pass")
    bell(tmp_path / "south/bell.py", "South", "class Rung(Exception): pass", "2")
    bell(tmp_path / "east/south/bell.py", "East", step="3")
    rows = "North,north/bell.py\nSouth,south/bell.py\nEast,east/south/bell.py\n"
    application = load(write(tmp_path / "three.csv", rows))
    calls = [("North.ring",), ("South.ring",), ("East.ring",)]
    assert compare(application, calls) == [("returned", 1), ("returned", 2), ("returned", 3)]
    assert len({source.name for source in application.sources}) == 3


def test_helpers_beside_a_listed_file_are_found(tmp_path):
    bell(tmp_path / "specs/bell.py", imports="from steps import STEP", step="STEP")
    write(tmp_path / "specs/steps.py", "STEP = 4\n")
    listing = write(tmp_path / "all/bell.csv", "Bell,specs/bell.py\n")
    assert compare(load(listing), [("Bell.ring",)]) == [("returned", 4)]


def test_two_helpers_of_one_name_are_refused(tmp_path):
    bell(tmp_path / "a/one.py", "One", "from steps import STEP", "STEP")
    bell(tmp_path / "b/two.py", "Two", "from steps import STEP", "STEP")
    write(tmp_path / "a/steps.py", "STEP = 1\n")
    write(tmp_path / "b/steps.py", "STEP = 2\n")
    (error,) = errors_of(write(tmp_path / "two.csv", "One,a/one.py\nTwo,b/two.py\n"))
    assert error.path == tmp_path / "b/two.py"
    assert error.what.startswith("two modules are called steps")


@pytest.mark.parametrize("name", ["core", "sim", "benchmarks", "command_line", "random", "msgspec"])
def test_a_helper_with_the_name_of_another_module(tmp_path, name):
    bell(tmp_path / "bell.py", imports=f"from {name} import STEP", step="STEP")
    write(tmp_path / f"{name}.py", "STEP = 1\n")
    (error,) = errors_of(tmp_path)
    assert error.place.endswith("bell.py:2:1")
    assert error.what.startswith(f"{name}.py has the name of a module of")
    assert error.remedy == "another name for the file"


def test_a_helper_of_the_workload_with_the_name_of_another_module(tmp_path):
    bell(tmp_path / "bell.py")
    write(tmp_path / "workload.py", "from sim import MIX\n")
    write(tmp_path / "sim.py", 'MIX = {"Bell.ring": 1}\n')
    (error,) = errors_of(tmp_path)
    assert error.place.endswith("workload.py:1:1")


def test_a_package_with_the_name_of_another(tmp_path):
    bell(tmp_path / "figures/bell.py")
    write(tmp_path / "figures/__init__.py", "")
    with pytest.raises(ApplicationNotFound, match="has the name of a module of mu2sls"):
        load(tmp_path / "figures")


def test_all_names_of_ours_are_known():
    """What Python finds beside the compiler, and what the project depends on."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"apps"} | {"command_line", "own_files"} == OURS
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {name.split(">")[0].replace("-", "_") for name in project["dependencies"]}
    assert {name.split(".")[0] for name in required} == NEEDED


def test_a_missing_library_is_one_error(tmp_path):
    bell(tmp_path / "bell.py", imports="import no_such_library")
    bell(tmp_path / "other.py", "Other", "from bell import Bell", "SyncInvoke('Bell', 'ring')")
    (error,) = errors_of(write(tmp_path / "two.csv", "Bell,bell.py\nOther,other.py\n"))
    assert error.place.endswith("bell.py:2:1")
    assert error.what == "there is no module no_such_library to import"
    assert "pip install no_such_library" in error.remedy


def test_one_file_of_several(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bell(tmp_path / "specs/ringer.py", "Ringer", step="SyncInvoke('Bell', 'ring')")
    (error,) = errors_of("specs/ringer.py")
    assert error.what == "there is no service 'Bell' in the application specs/ringer.py"
    assert error.remedy.startswith("the application as a whole: its folder, or the .csv file")
    bell(tmp_path / "specs/bell.py")
    (error,) = errors_of("specs/ringer.py")
    assert error.remedy.startswith("the application specs: bell.py has Bell")
    write(tmp_path / "experiments/all.csv", "Bell,specs/bell.py\nRinger,specs/ringer.py\n")
    (error,) = errors_of("specs/ringer.py")
    assert error.remedy.startswith("the application experiments/all.csv, which lists Bell")
    assert compare(load("experiments/all.csv"), [("Ringer.ring",)]) == [("returned", 1)]
