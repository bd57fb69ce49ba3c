"""``python -m experiment SCENARIO``: the scripts of a scenario on the plain classes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from command_line import BAD_INPUT, ended
from compiler.stopping import stoppable
from core.errors import MuError
from experiment.outcome import Task
from experiment.plain import run
from experiment.preparation import prepare
from experiment.script import shown
from experiment.unprinted import unprinted

__all__ = ["main"]

_DESCRIPTION = """\
Make the calls of a scenario's scripts on the plain, uncompiled classes, one after the other in this
process, and compare the answers. The same file runs in the other worlds:

  python -m sim SCENARIO
  python -m backends.local run SCENARIO
  python -m backends.knative run SCENARIO
"""

_EXAMPLES = """\
examples:
  python -m experiment apps/hotel/calls.yaml
      what the plain classes answer

exit status:
  0  every answer is what the script says
  1  one is not
  2  bad input: the message names the place and the remedy
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m experiment",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario with scripts")
    parser.add_argument("--app", default="", metavar="APP", help="another application than its own")
    options = parser.parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    return ended(lambda: _run(options, errors), errors.print)


def _run(options: argparse.Namespace, errors: Console) -> int:
    console = Console(highlight=False, soft_wrap=True)
    try:
        with stoppable():
            return _calls(options, console)
    except MuError as error:
        errors.print(str(error), markup=False)
        return BAD_INPUT


def _calls(options: argparse.Namespace, console: Console) -> int:
    prepared = prepare(Task(options.scenario, options.app))
    wrong = calls = 0
    with unprinted():
        found = list(run(prepared))
    for step, misfit in found:
        calls += 1
        wrong += bool(misfit)
        console.print(f"{'wrong' if misfit else 'right'}  {misfit or shown(step)}", markup=False)
    if not calls:
        raise MuError(
            f"{options.scenario}: no load is a script; write\n    load: [{{executor: script, "
            "calls: [{call: Service.method, args: [1], gives: 2}]}]"
        )
    said = "call" if calls == 1 else "calls"
    console.print(f"\n{calls - wrong} of {calls} {said} gave what the script says.", markup=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
