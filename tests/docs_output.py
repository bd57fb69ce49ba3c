"""Runs the commands that the documentation shows and writes what they said into it.

    python -m tests.docs_output

A ``console`` block is a line ``$ python -m ...`` and its output. Those of the tutorial
run in a folder of their own, where its code blocks are saved as its text says. How long a command
took on this machine is not said anew.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "docs/tutorial.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)

TOOK = re.compile(r"(?<= virtual seconds in )[\d.]+ s$", flags=re.MULTILINE)

LONGEST_STATE = 10


def save(folder, language, text):
    """Save a code block of the tutorial as its text says."""
    file = folder / ("shop.yaml" if language == "yaml" else "shop.py")
    before = file.read_text() if file.exists() else ""
    if text.startswith("    def buy"):
        start, end = before.index("    def buy"), before.index("\n\nCUSTOMERS =")
        text = before[:start] + text + before[end:]
    elif before:
        text = before + "\n\n" + text
    file.write_text(text)


def answer(command, folder):
    """What a command prints, in a terminal of 80 columns."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    words = [sys.executable, *command.split()[1:]]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    lines = re.sub(r" +$", "", done.stdout + done.stderr, flags=re.MULTILINE).splitlines()
    if " compiler run " in command:  # a whole state is too long to read
        lines[LONGEST_STATE:] = ["..."] if len(lines) > LONGEST_STATE else []
    return "\n".join(lines) + "\n"


def refreshed(name):
    """A document with the present output of its commands."""
    is_tutorial = name == "docs/tutorial.md"

    def refresh(block):
        language, text = block.groups()
        if language == "console":
            command = text.splitlines()[0].removeprefix("$ ")
            took = iter(TOOK.findall(text))
            said = TOOK.sub(lambda new: next(took, new[0]), answer(command, place))
            return f"```console\n$ {command}\n{said}```"
        if is_tutorial:
            save(place, language, text)
        return block[0]

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) if is_tutorial else ROOT
        return BLOCK.sub(refresh, (ROOT / name).read_text())


def main():
    for name in DOCUMENTS:
        (ROOT / name).write_text(refreshed(name))


if __name__ == "__main__":
    main()
