"""The data folder: whose it is, and what is missing from it."""

import os
import stat

import pytest

from backends.knative.settings import Settings
from backends.local.folder import Folder, Running
from backends.local.nodes import Plan
from backends.runtime.node import Node
from core.errors import MuError

KEY = b"a secret of thirty-two bytes....."


@pytest.fixture
def loose_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_it_is_made_for_its_owner_alone_with_all_that_is_in_it(tmp_path):
    folder = Folder(tmp_path / "data")
    folder.key()
    folder.publish(Running("a", "a", 1, "http://x", "sqlite", "normal", 0.0, {}, []))
    modes = {stat.S_IMODE(each.stat().st_mode) for each in folder.path.iterdir()}
    assert (stat.S_IMODE(folder.path.stat().st_mode), modes) == (0o700, {0o600})


def test_a_store_that_is_gone_is_not_set_up_anew_without_a_word(tmp_path):
    folder = Folder(tmp_path)
    folder.see_store()  # nothing ran here yet
    folder.key()
    with pytest.raises(MuError, match=r"store.db is gone.*wire.key"):
        folder.see_store()
    folder.store.touch()
    with pytest.raises(MuError, match=r"store.db is empty"):
        folder.see_store()
    folder.store.write_bytes(b"x")
    folder.see_store()  # whether it is a store, the store says


def test_the_key_is_in_no_repr():
    settings = Settings(image="r/x:1", wire_key=KEY)
    for made in (Node(None, None, KEY, {}), Plan(None, "app", None, KEY), settings):
        assert "thirty-two" not in repr(made)
