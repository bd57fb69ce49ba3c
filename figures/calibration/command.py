"""``python -m figures calibrate``: how far a profile is from the published points; a better one."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from figures.calibration.curves import Comparison, Curve, chosen, curves
from figures.calibration.fit import search
from figures.calibration.parameters import PARAMETERS, Parameter, Profile
from figures.calibration.simulators import Simulators
from figures.calibration.table import after_the_fit, of_curves
from figures.errors import CannotRun
from figures.evaluation.points import Place, Point
from figures.evaluation.published import load
from figures.evaluation.ways import at_rate
from figures.marked import insert, replace
from figures.progress import counting

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "calibrate"]

DESCRIPTION = """\
Compare a profile of the simulated platform with the published points of the counter and the chain:
the error of each point and of each curve. --fit searches for better values first.
"""

EXAMPLES = """\
examples:
  python -m figures calibrate
      how well sim/profiles/cloudlab.yaml does
  python -m figures calibrate --fit
      search for values from there on, and say what they would do
  python -m figures calibrate --fit --write
      put them into the profile, too
  python -m figures calibrate --page docs/figures.md
      put the errors between the marks of a page
"""

_FOLDER: Final = Path("runs/calibration")


def add_arguments(parser: argparse.ArgumentParser, jobs: int) -> None:
    """What the command takes."""
    add = parser.add_argument
    add("--profile", default="cloudlab", metavar="P", help="a name, or a file (%(default)s)")
    add("--fit", action="store_true", help="search for better values, with SciPy")
    add("--write", action="store_true", help="put what was found into the profile")
    add("--rounds", type=int, default=4, metavar="N", help="of the search, at most (%(default)s)")
    add("--page", default="", metavar="PAGE", help="put the errors into a page, between its marks")
    add("--few", action="store_true", help="only the points that a fit looks at, in shorter runs")
    add("--out", type=Path, default=_FOLDER, metavar="DIR", help="keeps the runs (%(default)s)")
    add("--jobs", type=int, default=jobs, metavar="N", help="processes at once (%(default)s)")
    add("--quiet", action="store_true", help="show no progress")


def calibrate(options: argparse.Namespace, console: Console, errors: Console) -> None:
    """Fit, if that was asked for, and compare.

    :raises FiguresError: bad input, or a run that cannot be made.
    """
    if options.write and not options.fit:
        raise CannotRun("--write puts what was found into the profile: give --fit, too")
    profile = Profile(options.profile)
    wanted = curves(load())
    with counting("runs", errors, options.quiet) as bar:
        task = bar.add_task("simulating", total=None)
        with Simulators(max(options.jobs, 1), lambda: bar.advance(task)) as simulators:
            session = _Session(options.out, profile, wanted, simulators)
            values, told = profile.values, ""
            if options.fit:

                def evaluate(trial: Mapping[Parameter, float]) -> list[Comparison]:
                    return session.compare(trial, few=True)

                fitted = search(values, evaluate, options.rounds)
                values, told = fitted.values, after_the_fit(fitted)
            if options.write:
                profile.write(values)
            text = of_curves(session.compare(values, few=options.few), values)
    text = f"{text}\n{told}" if told else text
    if options.page:
        insert(Path(options.page), "calibration", text)
        console.print(f"Written: {options.page}", style="dim", markup=False, soft_wrap=True)
    else:
        console.print(text, markup=False, soft_wrap=True, highlight=False)
    if options.write:
        console.print(f"Written: {profile.path}", style="dim", markup=False, soft_wrap=True)


class _Session:
    """What trials have in common."""

    def __init__(
        self, out: Path, profile: Profile, wanted: Sequence[Curve], simulators: Simulators
    ) -> None:
        self._out = out
        self._profile = profile
        self._wanted = wanted
        self._simulators = simulators

    def compare(self, values: Mapping[Parameter, float], few: bool) -> list[Comparison]:
        """Simulate the curves with these values."""
        text = self._profile.text({each: values[each] for each in PARAMETERS})
        folder = self._out / hashlib.sha256(text.encode()).hexdigest()[:12]
        file = folder / "profile.yaml"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotRun(f"{error.filename}: cannot be written: {error.strerror}") from None
        if not file.exists():
            replace(file, text)
        rates = {
            curve.line: chosen(curve) if few else [point.offered for point in curve.points]
            for curve in self._wanted
        }
        points = [
            Point(
                Place(folder / _seconds(rate, few), "sim", float(_seconds(rate, few)), str(file)),
                line,
                at_rate(rate),
            )
            for line, each in rates.items()
            for rate in each
        ]
        found = dict(zip(points, self._simulators.run(points), strict=True))
        return [
            Comparison(
                curve,
                {p.way.rate: measured for p, measured in found.items() if p.line == curve.line},
            )
            for curve in self._wanted
        ]


def _seconds(rate: float, few: bool) -> str:
    """Seconds of load: a few bursts of sixteen, or enough requests beyond saturation."""
    if few:
        return f"{max(1.2, 32 / rate):.1f}"
    return f"{min(max(3.0, 200 / rate), 30.0):.1f}"
