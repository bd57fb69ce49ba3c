"""Histories of runs with killed pods: who was interrupted, and what became of them."""

import json
from math import inf

import pytest

from figures.errors import BadResult
from figures.evaluation.recovery import seen

LINES = [
    {"event": "run", "version": 1, "seed": 1},
    {"time": 1.0, "event": "sent", "request": "a", "attempt": 0},
    {"time": 1.5, "event": "fault", "fault": 0, "kind": "kill", "where": "Hotel"},
    {"time": 1.6, "event": "sent", "request": "b", "attempt": 0},
    {"time": 1.7, "event": "sent", "request": "a", "attempt": 1},
    {"time": 1.8, "event": "answered", "request": "a", "outcome": "failed with Interrupted: x"},
    {"time": 2.0, "event": "answered", "request": "a", "outcome": "returned True"},
    {"time": 2.5, "event": "answered", "request": "b", "outcome": "raised ValueError: x"},
    {"time": 2.6, "event": "sent", "request": "c", "attempt": 0},
    {"time": 3.0, "event": "fault", "fault": 0, "kind": "kill", "where": "Hotel"},
    {"time": 3.5, "event": "committed", "request": None, "reads": 1},
]


def write(path, text):
    path.write_text(text)
    return path


def test_who_was_interrupted(tmp_path):
    found = seen(write(tmp_path / "h.jsonl", "".join(json.dumps(line) + "\n" for line in LINES)))
    assert found.kills == [1.5, 3.0]
    assert {each: found.latency(each) for each in found.sent} == {
        "a": 1.0, "b": pytest.approx(0.9), "c": inf,
    }  # fmt: skip
    assert [each for each in found.sent if found.is_interrupted(each)] == ["a", "c"]


def test_a_damaged_history_is_named(tmp_path):
    path = write(tmp_path / "h.jsonl", json.dumps(LINES[1])[:-5])
    with pytest.raises(BadResult, match=r"h.jsonl: the file is damaged .*measure again"):
        seen(path)
    with pytest.raises(BadResult, match=r"none.jsonl: cannot be read: .*measure again"):
        seen(tmp_path / "none.jsonl")
