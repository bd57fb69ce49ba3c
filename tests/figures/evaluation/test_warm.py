"""Commands in a process that has imported their package already."""

import pytest

from figures.evaluation.warm import Warm


@pytest.fixture
def warm():
    process = Warm("sim")
    yield process
    process.close()


def test_each_command_has_its_own_status_and_words(warm):
    status, said = warm.run(["nowhere.yaml", "--quiet"])
    assert (status, "nowhere.yaml" in said) == (2, True)
    status, said = warm.run(["nowhere.yaml", "--no-such-option"])
    assert (status, "--no-such-option" in said) == (2, True)
    assert warm.run(["--help"]) == (0, "")


def test_one_that_has_died_is_told(warm):
    warm.stop()
    assert warm.run(["--help"]) == (1, "the process that measures has died")
