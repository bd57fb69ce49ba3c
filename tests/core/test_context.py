"""Context variables that have another value for a while."""

import subprocess
import sys
from contextvars import ContextVar
from pathlib import Path

import pytest

from core.context import holding

ROOT = Path(__file__).parents[2]

held = ContextVar("held", default=None)

COLLECTING = """
import gc
from contextvars import ContextVar
from core.context import holding

held = ContextVar("held", default=None)
ContextVar("another").set(1)

class Value:
    number = 1

gc.callbacks.append(lambda *_: held.get())
gc.disable()
for left in range(40):
    gc.collect()
    inside = holding(held, Value())
    inside.__enter__()
    gc.set_threshold(gc.get_count()[0] + left, 1000, 1000)
    gc.enable()
    inside.__exit__(None, None, None)
    gc.disable()
    del inside
    others = [[] for _ in range(1000)]
    assert held.get() is None
"""


def test_what_it_held_before_it_holds_afterwards():
    with holding(held, 1):
        with holding(held, 2):
            assert held.get() == 2
        assert held.get() == 1
        with pytest.raises(ValueError, match="end"), holding(held, 3):
            raise ValueError("end")
        assert held.get() == 1
    assert held.get() is None


def test_who_reads_it_while_it_is_set_back_keeps_nothing_that_goes():
    """Garbage is collected at every place of that, and whoever is told of it reads."""
    subprocess.run([sys.executable, "-c", COLLECTING], check=True, cwd=ROOT)
