"""The log is JSON lines, whatever is logged."""

import io
import json
import logging

import pytest

from backends.runtime.logs import JsonLines, log_to


@pytest.fixture
def stream():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_one_object_a_line(stream):
    log_to(JsonLines("Hotel"), stream)
    logging.getLogger("mu2sls").info("a %s\nwith a second line, and “quotes”", "message")
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found["message"] == "a message\nwith a second line, and “quotes”"
    assert (found["severity"], found["logger"], found["part"]) == ("INFO", "mu2sls", "Hotel")
    assert found["time"].endswith("Z")


def test_a_traceback_is_within_its_line(stream):
    log_to(JsonLines(), stream)
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("mu2sls").exception("it failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: no" in json.loads(line)["exception"]


def test_what_is_said_of_a_request_is_in_members_of_its_own(stream):
    log_to(JsonLines(), stream, level="warning")
    logging.getLogger("mu2sls").info("not this")
    logging.getLogger("mu2sls").warning("a request", extra={"fields": {"status": 503}})
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["status"], line["message"]) == (503, "a request")
