"""Tries random applications by the thousand, and prints the seeds with which something is wrong.

python -m tests.experiment.checks --seeds 2000
python -m tests.experiment.checks --seeds 1000 --from 5000 --faults
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from compiler.errors import CompileErrors
from tests.experiment.checks.generated import HARSH, Writer, judged
from tests.experiment.checks.wider import Brief, Wider

_WRITERS = {"plain": Writer, "wider": Wider, "brief": Brief}


def main() -> None:
    """Try seeds, and print those with which something does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.experiment.checks")
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first")
    parser.add_argument("--faults", action="store_true", help="crashes, pauses, store errors, ...")
    parser.add_argument("--seconds", type=float, default=1.0, help="of load on each")
    parser.add_argument("--programs", choices=sorted(_WRITERS), default="wider")
    chosen = parser.parse_args()
    say = Console(markup=False, soft_wrap=True, highlight=False).print
    tried = refused = wrong = commits = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            faults, writer = HARSH if chosen.faults else [], _WRITERS[chosen.programs]
            try:
                done, verdicts = judged(seed, faults, Path(folder), writer, chosen.seconds)
            except CompileErrors as errors:
                refused += 1
                say(f"seed {seed} is refused: {errors.errors[0].what}")
                continue
            tried += 1
            commits += len(done.history.commits)
            wrong += bool(verdicts)
            for each in verdicts:
                say(f"seed {seed}: {each.name} {each.status}: {each.detail}")
                say("\n".join(f"    {line}" for line in each.evidence[:2]))
    say(f"{tried} programs, {commits} commits: {wrong} did not hold; {refused} did not compile")


if __name__ == "__main__":
    main()
