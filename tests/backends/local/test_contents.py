"""What is stored on this machine: looked at, and removed."""

import json
import signal

import pytest

from tests.backends.local.running import Up, command

pytestmark = pytest.mark.real


@pytest.fixture
def counter(tmp_path):
    up = Up("apps/counter", tmp_path / "data")
    yield up
    up.end()


def stop(up):
    up.signal(signal.SIGTERM)
    up.wait()


def dumped(up, *words):
    done = command("dump", *words, "--data", up.data)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_stored_can_be_looked_at_and_removed(counter):
    for key in "aba":
        assert counter.once("Counter.increment", key).status == 200
    lines = [
        {"field": "Counter.counts", "key": "a", "value": 2},
        {"field": "Counter.counts", "key": "b", "value": 1},
    ]
    assert dumped(counter) == dumped(counter, "Counter.counts") == lines
    done = command("dump", "Counter.x", "--data", counter.data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no field 'Counter.x' in the store: give one of Counter.counts" in done.stderr

    done = command("erase", "--yes", "--data", counter.data)
    assert done.returncode == 2
    assert "the application runs here already" in done.stderr
    stop(counter)
    assert dumped(counter) == lines

    done = command("erase", "--data", counter.data)
    assert done.returncode == 2
    assert "nothing was erased: answer 'erase', or give --yes" in done.stderr
    assert dumped(counter) == lines
    (counter.data / "notes.txt").write_text("mine")
    done = command("erase", "--yes", "--data", counter.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "notes.txt are not of `up` and were left" in done.stdout
    assert [each.name for each in counter.data.iterdir()] == ["notes.txt"]

    again = Up("apps/counter", counter.data)
    try:
        assert again.once("Counter.read", "a").answer == (200, "0")
    finally:
        again.end()
