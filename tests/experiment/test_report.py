"""The report, as it is printed on 80 columns."""

import io

import pytest
from rich.console import Console

from experiment.outcome import Outcome, Sweep, Task
from experiment.report import print_report, print_sweep
from experiment.verdict import Verdict
from tests.experiment.outcomes import FAILS, HOLDS, SCENARIO, UNCLEAR, outcome

TASK = Task("scenarios/crash.yaml")


def printed(show, *arguments, width=80):
    file = io.StringIO()
    show(Console(file=file, width=width, highlight=False), *arguments)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def report(one, task=TASK):
    return printed(print_report, task, SCENARIO, one)


def sweep_report(*outcomes, asked=None):
    sweep = Sweep(SCENARIO, TASK, asked or len(outcomes), wall_seconds=4.2)
    for each in outcomes:
        sweep.add(each)
    return printed(print_sweep, sweep)


def test_a_run_that_holds():
    assert report(outcome()) == (
        "crash  apps/hotel, seed 7\n"
        "25.0 virtual seconds in 1.5 s\n"
        "\n"
        "Requests        500 sent: 480 succeeded, 20 raised\n"
        "                0 failed definitely, 0 failed indefinitely\n"
        "Latency         p50 25.0 ms  p90 45.0 ms  p99 49.5 ms  max 50.0 ms\n"
        "Goodput         50.0/s answered over 10s of load\n"
        "Store           2.04 commits per request, 5.8 round trips\n"
        "                1,020 commits in all, 20 of them upkeep\n"
        "Faults          crash 14, partition 3 struck\n"
        "Crash points    2 of 12 passed, 1 of them struck\n"
        "\n"
        "Checks\n"
        "holds           exactly_once          500 requests\n"
        "holds           liveness              500 trees\n"
        "\n"
        "Thresholds\n"
        "holds           latency p(99)<500ms   measured 49.5 ms\n"
        "\n"
        "Held on this run: 2 checks and 1 threshold.\n"
        "Run again: python -m sim scenarios/crash.yaml --seed 7"
    )


def test_a_run_that_fails_shows_the_evidence():
    text = report(outcome(checks=FAILS))
    assert "FAILS           exactly_once          500 requests\n" in text
    assert "  exactly_once:\n    request 1 happened twice\n    and again\n" in text
    assert "\nFAILED: exactly_once\n" in text


def test_a_run_whose_fault_never_struck_says_which():
    text = report(outcome(strikes=[14, 0]))
    said = " ".join(text.split())
    assert (
        "INCONCLUSIVE: fault 2 (partition between Hotel and store, every 10s) never struck" in said
    )
    assert "Held on this run" not in said


def test_a_check_that_could_not_be_made():
    assert "INCONCLUSIVE: exactly_once could not be checked" in report(outcome(checks=UNCLEAR))


def test_the_command_is_complete():
    text = report(outcome(), Task("s.yaml", "apps/bank", "no_intent", True))
    assert "with the planted bug no_intent" in text
    assert f"Run again: {Task('s.yaml', 'apps/bank', 'no_intent', True).command(7)}" in " ".join(
        text.split()
    )


def test_another_protocol_is_named():
    text = report(outcome(), Task("s.yaml", protocol="unsafe"))
    assert "with the protocol unsafe" in text
    assert "Run again: python -m sim s.yaml --seed 7 --protocol unsafe" in " ".join(text.split())


def test_nothing_that_is_quoted_is_taken_for_markup():
    checks = [Verdict("reference", "fails", "[bold]1[/bold]", ["got ['x'] not [red]y[/red]"])]
    text = report(outcome(checks=checks))
    assert "[bold]1[/bold]" in text
    assert "got ['x'] not [red]y[/red]" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_is_never_wider_than_80_columns(width):
    long = [Verdict("hotel.customers_are_known_everywhere", "fails", "x " * 90, ["word " * 60])]
    text = printed(print_report, TASK, SCENARIO, outcome(checks=[*HOLDS, *long]), width=width)
    lines = [line for line in text.splitlines() if "python -m sim" not in line]
    assert max(map(len, lines)) <= min(width, 80)
    assert "customers_are_known_everywhere" in "".join(text.split())


def test_a_sweep_that_holds():
    text = sweep_report(outcome(7), outcome(8))
    assert text.startswith("crash  apps/hotel, 2 seeds\n50 virtual seconds in 4.2 s\n")
    assert "1,000 sent: 960 succeeded, 40 raised" in text
    assert "crash 28, partition 6 struck" in text
    assert "holds           exactly_once          in 2 of 2 seeds\n" in text
    assert text.endswith("\nAll checks held on all of 2 seeds.")


def test_a_sweep_names_its_failing_seeds_with_their_commands():
    broken = Outcome(10, error="boom")
    text = sweep_report(outcome(7), outcome(8, FAILS), outcome(9, UNCLEAR), broken)
    assert "FAILS           exactly_once          in 1 of 3 seeds\n" in text
    assert (
        "seed 8  exactly_once fails: request 1 happened twice\n"
        "  python -m sim scenarios/crash.yaml --seed 8\n"
        "seed 9  exactly_once inconclusive: nothing to examine\n"
        "  python -m sim scenarios/crash.yaml --seed 9\n"
        "seed 10  the run broke off: boom\n"
        "  python -m sim scenarios/crash.yaml --seed 10\n"
    ) in text
    assert text.endswith("FAILED on 1 of 4 seeds.")


def test_a_sweep_shows_the_first_failing_seeds_only():
    text = sweep_report(*(outcome(seed, FAILS) for seed in range(25)))
    assert "seed 9  " in text
    assert "seed 10  " not in text
    assert "and 15 more seeds" in text


def test_a_sweep_that_was_stopped_says_so():
    text = sweep_report(outcome(7), asked=10)
    assert "1 seed of 10" in text
    assert "INCONCLUSIVE: 9 of 10 seeds were not run" in text
