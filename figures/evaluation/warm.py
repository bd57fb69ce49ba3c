"""Commands run one after the other by a process that has imported their module already.

Most points are measured in less time than it takes to import what measures them. So a process
imports it once, and then forks for each command: every command still runs in a process of its own.

    python -m figures.evaluation.warm PACKAGE

reads commands from standard input, a line of JSON each (what follows ``python -m PACKAGE``), and
answers each with a line of JSON: its exit status, and what it said on standard error.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import IO

__all__ = ["Warm"]


class Warm:
    """A process that runs the commands of a package that has a ``cli``."""

    def __init__(self, package: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, words: Sequence[str]) -> tuple[int, str]:
        """Run a command to its end: its exit status, and what it said."""
        taken, answers = self._process.stdin, self._process.stdout
        assert taken is not None
        assert answers is not None
        try:
            taken.write(json.dumps(list(words)) + "\n")
            taken.flush()
            status, said = json.loads(answers.readline())
        except (OSError, ValueError):
            return 1, "the process that measures has died"
        return int(status), str(said)

    def stop(self) -> None:
        """End it, with the command that it runs."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def close(self) -> None:
        """Nothing more is to be run."""
        self.stop()
        self._process.communicate()


def _serve(package: str, lines: IO[str]) -> None:
    main = importlib.import_module(f"{package}.cli").main
    for line in lines:
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                _become(main, json.loads(line), said)
            _, status = os.waitpid(child, 0)
            said.seek(0)
            answer = [os.waitstatus_to_exitcode(status), said.read().decode(errors="replace")]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _become(main: Callable[[list[str]], int], words: list[str], said: IO[bytes]) -> None:
    """Run one command in this process, and end."""
    status = 1
    try:
        with open(os.devnull, "r+b") as nothing:
            for number, file in enumerate((nothing, nothing, said)):
                os.dup2(file.fileno(), number)
        status = main(words)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdin)
