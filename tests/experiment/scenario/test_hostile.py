"""Scenarios that are small and come to much."""

import pytest

from experiment.scenario.source import ScenarioError, Source


def source(tmp_path, text):
    path = tmp_path / "case.yaml"
    path.write_text(text)
    return Source(str(path))


def doubled(levels):
    """A list of 2 ** levels words, in as many lines as there are levels."""
    lines = ["x0: &x0 [ha, ha]"]
    lines += [f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_names_for_parts_are_read_where_they_stand(tmp_path):
    found = source(tmp_path, doubled(4))
    assert found.plain(found.root)["x3"] == [[[["ha"] * 2] * 2] * 2] * 2


@pytest.mark.parametrize("text", [doubled(40), "a: &a [1, *a]\nb: [*a, *a]", "a: &a {b: *a}"])
def test_a_file_that_repeats_itself_without_end_is_refused(tmp_path, text):
    found = source(tmp_path, text)
    with pytest.raises(Exception, match=r"more than 100,000 values|nested too deeply"):
        found.plain(found.root)


def test_what_is_repeated_here_and_there_counts_together(tmp_path):
    """It is one file, however many of its values are looked at."""
    found = source(tmp_path, doubled(12))
    each = len(str(found.plain(found.root)).split("ha")) - 1
    for _ in range(100_000 // each // 2 - 2):
        found.plain(found.root)
    with pytest.raises(ScenarioError, match=r"case.yaml:.*more than 100,000 values.*counted too"):
        [found.plain(found.root) for _ in range(4)]


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
def test_brackets_without_end_are_refused_at_once(tmp_path, bracket):
    """The library's time for each of them grows with their number."""
    text = ("a: " if bracket == "[" else "") + bracket * 30_000
    with pytest.raises(ScenarioError, match="nested too deeply"):
        source(tmp_path, text)


def test_every_mistake_is_told_once_however_many_there_are(tmp_path):
    found = source(tmp_path, "a: 1")
    for _ in range(3):
        for line in range(2_000):
            found._at(line, 1, "wrong", "right it")
    assert len(found.mistakes) == 2_000
