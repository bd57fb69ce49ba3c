"""What experiments do not log, and that only they do not."""

import logging

import pytest

from backends.drill.quiet import errors_only

LOG = logging.getLogger("backends.somewhere")


def test_warnings_are_not_logged_meanwhile(caplog):
    with errors_only():
        LOG.warning("a connection broke")
        LOG.error("a defect")
    LOG.warning("afterwards")
    assert caplog.messages == ["a defect", "afterwards"]


def test_the_level_is_put_back_when_a_run_breaks_off(caplog):
    with pytest.raises(KeyboardInterrupt), errors_only():
        raise KeyboardInterrupt
    LOG.warning("afterwards")
    assert caplog.messages == ["afterwards"]
