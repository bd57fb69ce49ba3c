"""No command writes over what none wrote; everything that one writes it may write again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from own_files import MARK, see_free, write, writing
from tests.patience import LONGER_AND_LONGER

ROOT = Path(__file__).parent.parent
TEXT = "mine\n"

SCENARIO = """
name: few
app: till.py
load: [{name: few, executor: shared-iterations, vus: 1, iterations: 3}]
"""
WRONG = """
from compiler import Persistent, service
@service
class Till:
    def __init__(self): self.cash: Persistent[int] = 0
    def pay(self, n):
        self.cash += n
        return self.cash
def wrong(): assert False
"""
COMMANDS = {
    "build": ("compiler build till.py -o .", ["till.py"]),
    **{f"graph{end}": (f"compiler graph till.py -o g{end}", [f"g{end}"])
       for end in (".dot", ".graphml", ".json", ".svg", ".png", ".pdf")},
    "sim": ("sim few.yaml --out .", ["result.json", "history.jsonl"]),
    "sweep": ("sim few.yaml --seeds 2 --jobs 1 --out .", ["result.json"]),
    "shrink": ("sim wrong.yaml --shrink", ["wrong-seed-1.yaml"]),
    "compare": ("figures compare runs/result.json -o c.svg", ["c.svg"]),
    "compare.png": ("figures compare runs/result.json -o c.png", ["c.png"]),
}  # fmt: skip
REAL = {
    "run": ("backends.local run few.yaml --out .", ["result.json", "history.jsonl"]),
    "bench": ("backends.local bench till.py --out b.json --seconds {seconds}", ["b.json"]),
    "calibrate": ("backends.local calibrate -o p.yaml --seconds {seconds}", ["p.yaml"]),
}


def run(folder, command):
    words = [sys.executable, "-m", *command.split()]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "till.py").write_text(
        f"{WRONG}MIX = {{'Till.pay': 1}}\nARGUMENTS = {{'Till.pay': lambda rng: (1,)}}\n"
    )
    (tmp_path / "few.yaml").write_text(SCENARIO)
    fault = (
        "faults: [{kind: crash, at: after_commit, nth: [1]}]\ncheck: [{invariant: till.wrong}]\n"
    )
    (tmp_path / "wrong.yaml").write_text(SCENARIO.replace("few", "wrong") + "seed: 1\n" + fault)
    return tmp_path


def keeps(folder, command, files):
    """The command does not touch one of ``files`` if it is somebody's."""
    for name in files:
        file = folder / name
        if not file.exists():
            file.write_text(TEXT)
        before = file.read_bytes()
        refused = run(folder, command)
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert name in refused.stderr
        assert "mu2sls did not write" in refused.stderr.replace("\n", " ")
        assert file.read_bytes() == before
        assert not list(folder.glob("*.part"))
        if before == TEXT.encode():
            file.unlink()


@pytest.mark.parametrize("which", COMMANDS)
def test_what_is_somebodys_stays(folder, which):
    command, files = COMMANDS[which]
    if "figures" in command:
        run(folder, "sim few.yaml --out runs")
    keeps(folder, command, files)


@pytest.mark.parametrize("which", [each for each in COMMANDS if each != "build"])
def test_what_was_written_is_written_again(folder, which):
    command, files = COMMANDS[which]
    if "figures" in command:
        run(folder, "sim few.yaml --out runs")
    for _ in range(2):
        done = run(folder, command)
        assert done.returncode in (0, 1), done.stderr
        assert all((folder / name).exists() for name in files)


def test_a_build_is_built_again(folder):
    for _ in range(2):
        assert run(folder, "compiler build till.py -o out").returncode == 0
    assert MARK in (folder / "out" / "till.py").read_text()


@pytest.mark.real
@pytest.mark.parametrize("which", REAL)
def test_for_real_too(folder, which):
    command, files = REAL[which]
    keeps(folder, command.format(seconds=LONGER_AND_LONGER[0]), files)
    for _ in range(2):
        for seconds in LONGER_AND_LONGER:
            done = run(folder, command.format(seconds=seconds))
            if "no request was answered" not in done.stderr:
                break
        assert done.returncode == 0, done.stderr
        assert all((folder / name).exists() for name in files)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "a"
    write(file, MARK)
    with pytest.raises(TypeError), writing(file) as half:
        half.writelines([b"half", None])
    assert file.read_text() == MARK
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed(tmp_path):
    write(tmp_path / "a", MARK)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "other").symlink_to(tmp_path / "b")
    write(tmp_path / "link", MARK + "2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == MARK + "2"
    (tmp_path / "b").write_text(TEXT)
    with pytest.raises(FileExistsError):
        write(tmp_path / "other", MARK)


def test_what_is_no_file_is_written_to(tmp_path):
    write(Path("/dev/null"), "anything")
    with pytest.raises(IsADirectoryError):
        write(tmp_path, MARK)
    with pytest.raises(FileNotFoundError, match="nowhere/a'"):
        write(tmp_path / "nowhere" / "a", MARK)


def test_an_empty_file_is_somebodys(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError, match="did not write"):
        see_free(tmp_path / "a")
