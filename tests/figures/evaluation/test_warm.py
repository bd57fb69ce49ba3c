"""Commands in a process that has imported their package already."""

import pytest

from figures.evaluation.points import RUN_WAS_MADE
from figures.evaluation.warm import Warm
from tests.experiment.outcomes import read_result


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


def test_what_a_command_does_is_done(warm, tmp_path):
    for seed in ("1", "2"):  # the second finds nothing of the first
        out = tmp_path / seed
        words = [
            "scenarios/smoke.yaml",
            "--seed",
            seed,
            "--unchecked",
            "--quiet",
            "--out",
            str(out),
        ]
        assert warm.run(words)[0] in RUN_WAS_MADE
        assert read_result(out / "result.json").measurements.succeeded > 0


def test_one_that_has_died_is_told(warm):
    warm.stop()
    assert warm.run(["--help"]) == (1, "the process that measures has died")
