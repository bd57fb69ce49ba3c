"""Many runs in one process: commands of ``python -m sim``, one after the other.

Whoever runs hundreds of short scenarios (figures, calibration) would otherwise wait for the
interpreter longer than for the runs. Each line of standard input is a command's arguments, as a
JSON list; the answer is a line with its exit status and what it said on standard error, as another.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from sim.cli import main

__all__ = ["serve"]


def serve() -> None:
    """Run what comes, until nothing more comes."""
    answers = sys.stdout
    for line in sys.stdin:
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            try:
                status = _run(line)
            except SystemExit as ended:  # the parser's
                status = ended.code if isinstance(ended.code, int) else 1
        print(json.dumps([status, said.getvalue()]), file=answers, flush=True)


def _run(line: str) -> int:
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        command = None
    if isinstance(command, list) and all(isinstance(each, str) for each in command):
        return main(command)
    wanted = (
        'write a command\'s arguments as a JSON list of strings: ["scenario.yaml", "--seed", "3"]'
    )
    sys.stderr.write(f"this line is no command: {line.strip()[:100]!r}: {wanted}\n")
    return 2


if __name__ == "__main__":
    serve()
