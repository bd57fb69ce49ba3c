"""Random applications whose effects are hidden in helpers: what is proved of them holds."""

import functools
import random

import pytest

from compiler.analysis import build, facts, last
from compiler.errors import CompileErrors
from tests.compiler.driver import Driver, compiled
from tests.compiler.hidden import METHODS, NAMES, Writer
from tests.compiler.witness import check_facts, measured

REFUSED = ("a generator expression cannot await", "assignment expression cannot be used")
"""What a drawn program may be refused for."""


class TooMuch(Exception):
    pass


class Bounded(Driver):
    """Raises in programs that ask for very much, so that they end."""

    def perform(self, effect, activation):
        if len(self.effects) > 300:
            raise TooMuch
        return super().perform(effect, activation)


@functools.cache
def written(seed):
    return Writer(random.Random(seed).randrange).application()


def application(folder, seed):
    """The application of a seed; None if it is refused."""
    try:
        return compiled(folder, written(seed), f"hidden{seed}")
    except CompileErrors as errors:
        for error in errors.errors:
            assert any(what in error.what for what in REFUSED), (seed, error)
        return None


def check(app, seed):
    """Run every method; all that was proved of the application holds."""
    driver = Bounded(app.program, app.initial_state(), random.Random(seed))
    for service in NAMES:
        for method in METHODS:
            for x in (3, 0, 2, 7):
                driver.effects.clear()
                try:
                    driver.run(service, method, (x,))
                except Exception:  # what programs raise is theirs
                    continue
    depths = measured(app)
    for activation in driver.activations.values():
        try:
            check_facts(app, activation, depths)
        except AssertionError as error:
            where = f"seed {seed}, {activation.service}.{activation.method}"
            raise AssertionError(f"{where}: {error}") from error


@pytest.mark.parametrize("block", range(4))
def test_what_is_proved_of_hidden_effects(tmp_path, block):
    for seed in range(block * 15, block * 15 + 15):
        app = application(tmp_path, seed)
        if app is not None:
            check(app, seed)


# --- that the tests above can fail: the analysis, broken in one place


def own_effects_only(self, function):
    return list(function.effects)


MUTANTS = {
    "helpers are not looked into": (facts.Analysis, "direct", own_effects_only),
    "calls write nothing": (facts, "_greatest", lambda own, callees: dict(own)),
    "callees touch nothing": (facts, "_reachable", lambda name, callees: set()),
    "nothing follows a call": (last, "_matters", lambda effect: False),
    "nothing is outstanding": (last, "outstanding_at", lambda *_: False),
    "no helper leaves calls outstanding": (
        facts.Analysis,
        "leaves_outstanding",
        lambda self, function: frozenset(),
    ),
    "one transaction at most": (facts, "_most_begins", lambda flow, beginning: 1),
    "calls end no region": (facts.Analysis, "is_effectful_call", lambda self, effect: False),
    "no region has anything to commit": (last, "_dirty", lambda *_: set()),
    "calls raise no TransactionException": (build, "_MAY_FAIL_TRANSACTION", frozenset()),
}


SHOWN_BY = {
    "nothing follows a call": 94,
    "no helper leaves calls outstanding": 252,
    "calls raise no TransactionException": 88,
}
"""The first seed, where it takes many to show what is wrong: it is tried before all others."""


@pytest.mark.search
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_proof_is_seen(tmp_path, monkeypatch, mutant):
    monkeypatch.setattr(*MUTANTS[mutant])
    first = SHOWN_BY.get(mutant, 0)
    for seed in (first, *range(400)):  # what may read a clock is not taken for last, and shows less
        app = application(tmp_path, seed)
        try:
            if app is not None:
                check(app, seed)
        except AssertionError:
            return
    raise AssertionError("nobody noticed")
