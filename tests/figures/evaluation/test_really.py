"""Figures from scenarios that are really run: few, and short."""

from figures import cli
from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Place
from figures.evaluation.running import run
from figures.evaluation.safety import BUSY
from figures.evaluation.sweeps import Demand, Sweep
from figures.evaluation.ways import SEQUENTIAL


def test_from_scenarios_to_pictures(tmp_path):
    place, told = Place(tmp_path / "points", seconds=0.1), []
    lines = [Line("counter", protocol) for protocol in ("mu2sls", "unsafe")]
    sweeps = [Sweep(place, Demand(line, (SEQUENTIAL, BUSY))) for line in lines]
    run(sweeps, 1, told.append)
    assert len(told) == 4
    out = tmp_path / "out"
    arguments = ["13", "14", "16", "--source", str(place.folder), "--out", str(out)]
    assert cli.main(arguments) == 0
    costs = (out / "figure-13.csv").read_text().splitlines()
    assert costs[2].startswith("counter,mu2sls,simulator,1,")  # one commit for each request
    times = (out / "figure-14.csv").read_text().splitlines()
    assert [row.split(",")[1:4] for row in times[2:]] == [
        ["mu2sls", "simulator", "sequential"],
        ["unsafe", "simulator", "sequential"],
        ["mu2sls", "simulator", "clients-16"],
        ["unsafe", "simulator", "clients-16"],
    ]
    assert (out / "figure-16.png").stat().st_size > 10_000
