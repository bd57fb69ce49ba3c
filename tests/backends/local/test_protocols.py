"""Every protocol on real processes: the same answers and data, and its own damage."""

import json
import signal

import pytest

from core.protocol import OURS, PROTOCOLS
from tests.backends.local.running import Up, command
from tests.backends.local.test_run import ROOT, run, verdicts

pytestmark = pytest.mark.real

ONE_BY_ONE = "[{executor: shared-iterations, vus: 1, iterations: 25, keys: 0, reuse: 0, mix: [%s]}]"


def dumped(folder):
    done = command("dump", "--data", folder)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("app", "mix", "protocols"),
    [
        (
            "apps/bank",
            "Bank.transfer, Bank.audit",
            ["popl23", "popl23-no-optimized-dict", "popl23-no-fault-tolerance"],
        ),
        (
            "apps/tree",
            "Root.increment, Root.read",
            ["popl23-transactions-only", "popl23-unsafe-with-fault-tolerance", "popl23-unsafe"],
        ),
        ("apps/counter", "Counter.increment", ["unsafe"]),
    ],
)
def test_the_same_answers_and_data(tmp_path, app, mix, protocols):
    data, given = {}, {}
    for protocol in (OURS, *protocols):
        here, kept = tmp_path / protocol, tmp_path / f"{protocol}.data"
        here.mkdir()
        words = ["--protocol", protocol, "--keep", str(kept)]
        status, result, said = run(here, "[]", *words, app=app, load=ONE_BY_ONE % mix)
        assert status == 0, said
        assert result["protocol"] == protocol
        assert f"--protocol {protocol}" in result["command"] or protocol == OURS
        data[protocol] = dumped(kept)
        history = [json.loads(line) for line in (here / "out" / "history.jsonl").open()]
        given[protocol] = [each["outcome"] for each in history if each["event"] == "answered"]
    assert len(data[OURS]) > 5
    for protocol in protocols:
        assert data[protocol] == data[OURS]
        assert given[protocol] == given[OURS]


def test_a_script_with_a_transaction_that_is_aborted(tmp_path):
    """Clocks and ids are in its data, so what it is to give is said in the script."""
    calls = str(ROOT / "apps" / "hotel" / "calls.yaml")
    done = command("run", calls, "--protocol", "popl23", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_lock_outlives_its_holder(tmp_path):
    faults = "[{kind: crash, at: after_commit, probability: 3%}]"
    status, result, said = run(tmp_path, faults, "--protocol", "popl23", heal="10s")
    assert status == 1, said
    assert verdicts(result)["liveness"] == "fails"


def test_a_store_is_one_protocol_s(tmp_path):
    up = Up("apps/counter", tmp_path / "data", "--protocol", "popl23")
    try:
        assert up.once("Counter.increment", "a").status == 200
        line = {"field": "Counter.counts", "key": "a", "value": 1}
        assert [json.loads(each) for each in dumped(up.data)] == [line]
    finally:
        up.signal(signal.SIGTERM)
        up.wait()
        up.end()
    done = command("up", "apps/counter", "--port", "0", "--data", up.data)
    assert (done.returncode, done.stdout) == (2, "")
    said = "was set up for the protocol 'popl23', not 'mu2sls': run it with 'popl23', or give"
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [json.loads(each) for each in dumped(up.data)] == [line]
    again = Up("apps/counter", up.data, "--protocol", "popl23")
    try:
        assert again.once("Counter.increment", "a").value == 2
    finally:
        again.end()


@pytest.mark.parametrize("words", [["up", "apps/counter"], ["run", "x.yaml"], ["bench", "x"]])
def test_a_protocol_that_there_is_none_of(words):
    done = command(*words, "--protocol", "hope")
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'hope' (choose from" in done.stderr
    assert all(repr(name) in done.stderr for name in PROTOCOLS)
