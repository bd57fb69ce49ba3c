"""Result files: those that runs write are read, and what is none is refused."""

import json
from pathlib import Path

import pytest

from experiment import result as written
from experiment.outcome import Sweep, Task
from figures import results
from figures.errors import BadResult
from tests.experiment.outcomes import SCENARIO, outcome
from tests.figures import made


def test_what_the_simulator_writes_is_read(tmp_path):
    """Both sides of the format agree, field by field."""
    path = tmp_path / "result.json"
    whole = written.of_run(Task("s.yaml", protocol="unsafe"), SCENARIO, outcome())
    written.write(path, whole)
    read = results.read(path)
    assert (results.FORMAT, results.VERSION) == (written.FORMAT, written.VERSION)
    assert (read.backend, read.protocol, read.store) == ("simulator", "unsafe", "model")
    assert read.measurements.goodput == whole.measurements.goodput
    assert read.measurements.seconds == 25.0
    assert read.measurements.latency.buckets[0].count == whole.measurements.latency.buckets[0].count
    assert [verdict.name for verdict in read.verdicts] == [v.name for v in whole.verdicts]
    assert read.scenario.load[0].rate == 1.0
    assert [fault.strikes for fault in read.faults] == [14, 3]


def test_what_a_sweep_writes_is_read(tmp_path):
    path = tmp_path / "result.json"
    sweep = Sweep(SCENARIO, Task("s.yaml"), 2)
    sweep.add(outcome(7))
    sweep.add(outcome(8))
    written.write(path, written.of_sweep(sweep))
    assert results.read(path).seeds == [7, 8]


def test_a_folder_stands_for_the_result_in_it(tmp_path):
    made.write(tmp_path)
    assert results.read(tmp_path / "a").backend == "simulator"


def test_fields_that_came_later_may_be_missing_or_unknown(tmp_path):
    content = made.result(colour="blue")
    for name in ("protocol", "store", "durability"):
        del content[name]
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content))
    assert (results.read(path).protocol, results.read(path).store) == ("mu2sls", "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "this is not a result file"),
        (b"\xff\xfe\x00", "this is not a result file"),
        (b"[]", "this is not a result file"),
        (b'{"format": "other"}', "this is not a result file"),
        (b'{"format": "mu2sls-result", "version": 2}', "has version 2, figures read version 1"),
        (b'{"format": "mu2sls-result", "version": 1}', "the file is damaged"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, content, says):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(BadResult, match=says) as caught:
        results.read(path)
    assert str(caught.value).startswith(str(path))


def test_half_a_result_is_refused(tmp_path):
    path = made.write(tmp_path)
    path.write_text(path.read_text()[:900])
    with pytest.raises(BadResult, match=r"not a result|damaged"):
        results.read(path)


@pytest.mark.parametrize("name", ["none.json", "folder"])
def test_a_file_that_is_not_there(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadResult, match="there is no such file"):
        results.read(tmp_path / name)


def test_figures_know_no_other_package():
    """The whole package, not only what the import test names."""
    sources = (Path(results.__file__).parent).glob("*.py")
    assert not any("from sim" in source.read_text() for source in sources)
