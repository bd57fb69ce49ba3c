"""The cluster file gets to where FoundationDB's client may write, or it is said why not."""

import os

import pytest

from backends.knative.environment import read_environment
from backends.knative.errors import EnvironmentProblem
from backends.knative.stores import open_store, place_cluster_file
from backends.sqlite.store import SqliteStore
from tests.backends.knative.test_environment import GOOD


def told(**changes):
    return read_environment({**GOOD, **changes})


def test_the_file_is_copied_and_can_be_written(tmp_path):
    source, target = tmp_path / "secret", tmp_path / "run" / "fdb.cluster"
    target.parent.mkdir()
    source.write_text("a:b@10.0.0.1:4500")
    source.chmod(0o444)
    place_cluster_file(told(MU2SLS_CLUSTER_FILE_FROM=str(source), FDB_CLUSTER_FILE=str(target)))
    assert target.read_text() == "a:b@10.0.0.1:4500"
    assert target.stat().st_mode & 0o200
    assert os.listdir(target.parent) == ["fdb.cluster"]


def test_what_the_client_has_written_stays(tmp_path):
    source, target = tmp_path / "secret", tmp_path / "fdb.cluster"
    source.write_text("old")
    target.write_text("new")
    place_cluster_file(told(MU2SLS_CLUSTER_FILE_FROM=str(source), FDB_CLUSTER_FILE=str(target)))
    assert target.read_text() == "new"


def test_without_a_source_nothing_is_copied(tmp_path):
    place_cluster_file(told(FDB_CLUSTER_FILE=str(tmp_path / "absent")))
    assert not (tmp_path / "absent").exists()


def test_no_source_and_no_place_are_told_apart(tmp_path):
    with pytest.raises(
        EnvironmentProblem, match=r"MU2SLS_CLUSTER_FILE_FROM is .* mount the Secret"
    ):
        place_cluster_file(
            told(
                MU2SLS_CLUSTER_FILE_FROM=str(tmp_path / "none"),
                FDB_CLUSTER_FILE=str(tmp_path / "fdb.cluster"),
            )
        )
    (tmp_path / "secret").write_text("a:b@10.0.0.1:4500")
    with pytest.raises(EnvironmentProblem, match=r"FDB_CLUSTER_FILE is .* mount an emptyDir"):
        place_cluster_file(
            told(
                MU2SLS_CLUSTER_FILE_FROM=str(tmp_path / "secret"),
                FDB_CLUSTER_FILE=str(tmp_path / "none" / "fdb.cluster"),
            )
        )


def test_a_try_out_needs_no_cluster(tmp_path):
    store = open_store(told(MU2SLS_STORE=f"sqlite:///{tmp_path}/a.db"), "hotel")
    assert isinstance(store, SqliteStore)
