"""What is said of a cluster that cannot be used, from the file that names it."""

import asyncio
import re
import socket
from contextlib import contextmanager

import pytest

from backends.fdb import FdbStore, SetupError
from backends.fdb.cluster_file import find, whats_wrong
from tests.backends.fdb.clusters import plain, settings
from tests.backends.fdb.standin import StandIn

pytestmark = plain


@contextmanager
def somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def nobody_listens():
    """A port that is taken, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def file(tmp_path, content):
    path = tmp_path / "fdb.cluster"
    path.write_text(content)
    return str(path)


def trouble(path):
    return asyncio.run(whats_wrong(find(path)))


@pytest.mark.parametrize(
    ("setting", "environ", "path", "named_by"),
    [
        ("a.cluster", {"FDB_CLUSTER_FILE": "b.cluster"}, "a.cluster", "the settings"),
        (None, {"FDB_CLUSTER_FILE": "b.cluster"}, "b.cluster", "FDB_CLUSTER_FILE"),
        (None, {"FDB_CLUSTER_FILE": ""}, "/etc/foundationdb/fdb.cluster", ""),
    ],
)
def test_which_file(tmp_path, monkeypatch, setting, environ, path, named_by):
    monkeypatch.chdir(tmp_path)
    found = find(setting, environ)
    assert (str(found.path), found.named_by) == (path, named_by)


def test_a_file_of_the_folder_comes_before_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file(tmp_path, "a:b@127.0.0.1:1")
    assert find(None, {}).path == tmp_path / "fdb.cluster"


def test_nobody_at_the_port(tmp_path):
    with nobody_listens() as port:
        said = trouble(file(tmp_path, f"test:abc@127.0.0.1:{port}\n"))
    assert f"no connection to 127.0.0.1:{port} (Connect" in said
    assert "that address and port are right" in said
    assert str(tmp_path / "fdb.cluster") in said


def test_somebody_at_the_port_who_is_not_that_cluster(tmp_path):
    with somebody_listens() as port:
        said = trouble(file(tmp_path, f"# a comment@with:1\ntest:abc@127.0.0.1:{port}:tls\n"))
    assert f"something takes connections at 127.0.0.1:{port}" in said
    assert "does not answer as the cluster test:abc: compare description and id" in said


def test_most_of_the_coordinators_decide(tmp_path):
    with somebody_listens() as one, somebody_listens() as other, nobody_listens() as away:
        there = f"test:abc@127.0.0.1:{one},127.0.0.1:{other},127.0.0.1:{away}"
        assert "something takes connections" in trouble(file(tmp_path, there))
        gone = f"test:abc@127.0.0.1:{one},127.0.0.1:{away},[::1]:{away}"
        said = trouble(file(tmp_path, gone))
    assert said.count("Connect") + said.count("Cannot assign") + said.count("unreachable") == 2


@pytest.mark.parametrize("content", ["", "nonsense", "\xff\xfe", "# a:b@127.0.0.1:1"])
def test_a_file_that_names_nobody(tmp_path, content):
    path = tmp_path / "fdb.cluster"
    path.write_bytes(content.encode("latin-1"))
    assert re.search("has no line description:id@|cannot be read", trouble(str(path)))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:99999", "a:b:c", ":1", "host name:1"])
def test_an_address_that_is_none(tmp_path, address):
    said = trouble(file(tmp_path, f"test:abc@{address}"))
    assert said.startswith("no connection to ")


def test_a_store_that_does_not_answer_says_so(tmp_path):
    fdb = StandIn()
    fdb.reachable = False
    with nobody_listens() as port:
        path = file(tmp_path, f"test:abc@127.0.0.1:{port}\n")
        store = FdbStore.open(settings(cluster_file=path), fdb)
        with pytest.raises(SetupError) as caught:
            asyncio.run(store.check())
    assert "does not answer within 5 s" in str(caught.value)
    assert f"no connection to 127.0.0.1:{port}" in str(caught.value)
    assert f"`fdbcli -C {path} --exec status`" in str(caught.value)


def test_a_locked_database_is_told_as_such():
    fdb = StandIn()
    fdb.locked = True
    with pytest.raises(SetupError, match=r"is locked .*1038.*'unlock UID'") as caught:
        asyncio.run(FdbStore.open(settings(), fdb).check())
    assert "does not answer" not in str(caught.value)
    assert caught.value.code == 1038
