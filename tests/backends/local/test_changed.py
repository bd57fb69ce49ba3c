"""``up`` on data that an earlier release of the application wrote."""

import pytest

from tests.backends.local.running import Up, command

pytestmark = pytest.mark.real

RELEASE = """
from dataclasses import dataclass

from compiler import Persistent, service


@dataclass
class Guest:
    name: str{more}


@service
class Desk:
    def __init__(self) -> None:
        self.count: Persistent[{count}] = {empty}
        self.guests: Persistent[dict[str, Guest]] = {{}}

    def put(self, name: str) -> None:
        {put}
        self.guests[name] = Guest(name)

    def names(self) -> list[str]:
        return [each.name for each in self.guests.values()]
"""
FIRST = {"count": "dict[str, int]", "empty": "{}", "put": "self.count[name] = 1", "more": ""}


@pytest.fixture
def release(tmp_path):
    """Writes a release of the application; what differs from the first is given."""
    path = tmp_path / "inn.py"

    def write(**changes):
        path.write_text(RELEASE.format(**{**FIRST, **changes}))
        return path

    return write


@pytest.fixture
def data(release, tmp_path):
    """A folder with data of the first release."""
    up = Up(release(), tmp_path / "data")
    assert up.call("Desk.put", "ada").status == 200
    up.end()
    return up.data


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"count": "list[int]", "empty": "[]", "put": "self.count.append(1)"},
            "Desk.count holds dict[str, int] and is declared list[int]",
        ),
        (
            {"count": "dict[str, str]", "put": "self.count[name] = name"},
            "Desk.count holds dict[str, int] and is declared dict[str, str]",
        ),
        (
            {"more": "\n    age: int"},
            "Desk.guests holds dict[str, inn.Guest]: inn.Guest.age is not",
        ),
    ],
)
def test_data_that_the_code_would_misread_are_refused_before_the_first_request(
    release, data, changes, said
):
    done = command("up", release(**changes), "--data", data, "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "let a method convert" in done.stderr or "give it a default" in done.stderr
    assert "Traceback" not in done.stderr
    again = Up(release(), data)
    assert again.call("Desk.names").value == ["ada"]
    again.end()


def test_what_fits_goes_on(release, data):
    changes = {"count": "dict[str, float | None]", "more": "\n    age: int = 0"}
    again = Up(release(**changes), data)
    assert again.call("Desk.put", "bob").status == 200
    assert sorted(again.call("Desk.names").value) == ["ada", "bob"]
    again.end()
    done = command("up", release(), "--data", data, "--port", "0")
    assert done.returncode == 2
    assert "Desk.count holds dict[str, float | None]" in done.stderr
