"""What commands print, on a terminal and elsewhere."""

import io

from rich.console import Console

from backends.knative.cluster.status import ServiceStatus
from backends.knative.reporting import Readying, print_status, summary


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=200, soft_wrap=True)


def row(service, ready, why=""):
    return ServiceStatus(
        service=service,
        kind="Knative service",
        ready=ready,
        url="",
        revision="",
        generation=3,
        pods=2,
        pods_ready=1,
        restarts=0,
        image="registry.example/" + "long/" * 40 + "shop:1",
        why=why,
    )


def test_elsewhere_each_change_is_a_line():
    seen = console(False)
    with Readying(seen) as readying:
        readying.told("Knative service a", "waiting", "[red]soon[/red]")
        readying.told("Knative service a", "ready", "")
    assert seen.file.getvalue().splitlines() == [
        "Knative service a: waiting: [red]soon[/red]",
        "Knative service a: ready",
    ]


def test_on_a_terminal_each_object_has_one_line():
    seen = console(True)
    with Readying(seen) as readying:
        readying.told("Knative service a", "waiting", "[/red] in brackets")
        readying.told("Knative service b", "failed", "no")
        readying.told("Knative service a", "ready", "")
    last = seen.file.getvalue().rpartition("Knative service a")
    assert last[2].startswith(": ready")
    assert "Knative service b: failed: no" in last[2]


def test_programs_get_one_line_for_each_service():
    seen = console(False)
    print_status(seen, [row("a", "ready"), row("b", "waiting", "[bold] why")])
    lines = seen.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["SERVICE", "a", "b", "b:"]
    assert lines[-1] == "b: waiting: [bold] why"
    assert "long/long" in lines[1]


def test_counts_in_words():
    assert summary(["created", "unchanged", "created"]) == "2 created, 1 unchanged"
    assert summary([]) == "nothing"
