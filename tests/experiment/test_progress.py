"""The bar of a run: for whoever watches, and for nobody else."""

import io

from rich.console import Console

from experiment.progress import Bar


def shown(terminal, hidden=False):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    with Bar(console, "crash", hidden) as bar:
        assert out.getvalue() == "", "nothing before the first news"
        bar.show(3.0, 15.0)
        bar.show(14.6, 15.0)
    return out.getvalue()


def test_whoever_watches_sees_how_far_it_is():
    text = shown(True)
    assert "crash" in text
    assert "15 of 15 s" in text


def test_nobody_watches():
    assert shown(False) == ""
    assert shown(True, hidden=True) == ""
