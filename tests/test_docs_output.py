"""What the documentation shows as printed is printed, to the letter.

After a change of what is printed, ``python -m tests.docs_output`` writes it into the documents.
"""

import json
import re
import shlex
import time
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from sim.cli import main as sim_main
from tests.backends.local.running import Up, command
from tests.docs_output import BLOCK, DOCUMENTS, ROOT, refreshed
from tests.patience import until

INDENTED = re.compile(r"^    \$ ((?:.*\\\n)*.*)\n((?:    .*\n)+)", flags=re.MULTILINE)
NUMBER = re.compile(r"\d[\d,.]*")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def shown(document, word):
    """Commands that begin with a word, as words, and what the document says that they print."""
    found = [
        (shlex.split(line.replace("\\\n", " ")), re.sub("^    ", "", text, flags=re.MULTILINE))
        for line, text in INDENTED.findall((ROOT / "docs" / document).read_text())
    ]
    return [(words, text) for words, text in found if words[0] == word]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_commands_print(name):
    assert refreshed(name) == (ROOT / name).read_text()


def test_every_command_with_its_output_is_run():
    """Another document that shows some belongs among those that are compared."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = {str(page.relative_to(ROOT)): page.read_text() for page in pages}
    fenced = {name for name, text in texts.items() if "console" in dict(BLOCK.findall(text))}
    assert fenced == set(DOCUMENTS)
    indented = {name: len(re.findall(r"^    \$ ", text, re.M)) for name, text in texts.items()}
    assert {name: count for name, count in indented.items() if count} == {
        "docs/http.md": len(shown("http.md", "curl")),
        "docs/local.md": len(shown("local.md", "python")),
    }


def test_a_mistake_in_a_scenario_as_shown(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "scenarios.md").read_text()
    [text] = re.findall(r"^    case\.yaml:.*\n(?:    .*\n)+", page, flags=re.MULTILINE)
    lines = [re.escape(line[4:]).replace(r"\.\.\.", ".*") for line in text.splitlines()]
    (tmp_path / "apps").symlink_to(ROOT / "apps")
    load = "load: [{executor: constant-vus, vus: 1, duration: 1s}]\n"
    (tmp_path / "case.yaml").write_text(f"name: case\napp: apps/hotl\n{load}")
    monkeypatch.chdir(tmp_path)
    assert sim_main(["case.yaml"]) == 2
    assert re.match("\n".join(lines), capsys.readouterr().err)


KEY = "a-key-for-the-page-on-HTTP"
"""What the page calls ``$KEY``."""


@pytest.fixture
def up(tmp_path):
    """Starts applications, and leaves nothing of them."""
    started = []

    def start(name, *options):
        started.append(Up(f"apps/{name}", tmp_path / name, *options))
        return started[-1]

    yield start
    for each in started:
        each.end()


def curl(running, words):
    """What a running application answers to a command line of curl's: status, headers, body."""
    headers, body, rest = {}, None, iter(words[1:])
    for word in rest:
        if word == "--json":
            body = next(rest)
            headers["Content-Type"] = "application/json"
        elif word == "-H":
            name, value = next(rest).split(": ")
            headers[name] = value.replace("$KEY", KEY)
        elif word not in ("-s", "-i"):
            address = urlsplit(word)
    path = f"{address.path}?{address.query}" if address.query else address.path
    return running.request("POST" if body else "GET", path, body or b"", headers)


@pytest.mark.real
def test_what_an_application_answers(up, tmp_path):
    commands = shown("http.md", "curl")
    assert commands
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"ada": {"key": KEY, "roles": ["clerk"]}}))
    running = {
        "hotel": up("hotel"),
        "bank": up("bank"),
        "expenses": up("expenses", "--auth", f"keys:{keys}"),
        "customers": up("reminders"),
    }
    for words, text in commands:
        method = urlsplit(words[-1]).path.lower()
        name = next((each for each in running if each in method), "hotel")
        status, headers, body = curl(running[name], words)
        text = UUID.sub("id", text)
        if "-i" in words:
            first, *lines = text.strip().removesuffix("...").splitlines()
            assert first == f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
            assert lines
            for line in lines:
                header, _, value = line.partition(": ")
                assert UUID.sub("id", headers[header.lower()]) == value
        else:
            assert json.loads(UUID.sub("id", body.decode())) == json.loads(text)


@pytest.mark.real
def test_what_gc_says(up):
    [(words, text)] = shown("local.md", "python")
    counter = up("counter")
    for number in range(3):
        counter.call("Counter.increment", "a", key=str(number))
    counter.process.terminate()
    counter.wait()
    words[words.index("--older-than") + 1] = "1s"
    finished = time.time()
    until(lambda: time.time() > finished + 1, "a second, after which all of it is old enough")
    done = command(*words[3:], "--data", counter.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert NUMBER.sub("N", done.stdout) == NUMBER.sub("N", text)
