"""The store's files are their owner's alone, whatever the umask, and the store is a file."""

import os
import stat

import pytest

from backends.sqlite.database import connect
from backends.sqlite.errors import ForeignFile
from backends.sqlite.turns import Turns


@pytest.fixture(params=[0o000, 0o022])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder):
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


@pytest.mark.usefixtures("umask")
def test_all_files_of_a_store_are_its_owners(tmp_path):
    path = str(tmp_path / "store.db")
    turns, connection = Turns(path, 1.0), connect(path, "normal", 1.0)
    assert modes(tmp_path) == dict.fromkeys(
        ("store.db", "store.db-wal", "store.db-shm", "store.db-turn"), 0o600
    )
    connection.close()
    turns.close()


@pytest.mark.usefixtures("umask")
def test_a_store_of_an_older_release_is_made_so(tmp_path):
    path = tmp_path / "store.db"
    first = connect(str(path), "normal", 1.0)
    for each in tmp_path.iterdir():
        each.chmod(0o644)
    second = connect(str(path), "normal", 1.0)
    assert set(modes(tmp_path).values()) == {0o600}
    first.close()
    second.close()


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "store.db"
    os.mkfifo(path)
    with pytest.raises(ForeignFile, match="is no file but a device, a pipe or a socket"):
        connect(str(path), "normal", 1.0)
