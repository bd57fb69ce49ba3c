"""A scenario: what runs, on what platform, under what load, with which faults, and what must hold.

Plain data with defaults; :mod:`experiment.scenario.file` reads it from YAML. Every
duration here is in seconds, every rate per second, every size in bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "CHECKS",
    "CLIENT",
    "FAULT_KINDS",
    "OUTSIDE_ERRORS",
    "PLATFORM",
    "POINTS",
    "STORE_ERRORS",
    "UPKEEP",
    "Call",
    "Check",
    "Fault",
    "Load",
    "Platform",
    "Recovery",
    "Retention",
    "Retry",
    "Scenario",
    "Selector",
    "ServicePlatform",
    "Stage",
    "Step",
    "StoreModel",
    "Threshold",
]

CLIENT = "client"
"""The clients' name in partitions."""

PLATFORM = "platform"
"""The service name under which recovery and retention run, for selectors and partitions."""

POINTS = (
    "start",
    "before_read",
    "after_read",
    "before_commit",
    "after_commit",
    "before_call",
    "during_call",
    "after_call",
    "before_outside",
    "during_outside",
    "after_outside",
    "before_reply",
    "after_reply",
)
"""The named points of an execution at which ``crash`` and ``pause`` can strike. ``after_commit``
is after the store applied the commit and before the pod learns of it."""

FAULT_KINDS = (
    "crash",
    "pause",
    "drop",
    "duplicate",
    "delay",
    "partition",
    "store_error",
    "outside_error",
    "kill",
    "poison",
)

STORE_ERRORS = {
    "read_version": ("store_unavailable",),
    "read": ("transaction_too_old", "future_version", "store_unavailable"),
    "commit": (
        "not_committed",
        "commit_unknown_result_applied",
        "commit_unknown_result_not_applied",
        "commit_unknown_result_late",
        "transaction_too_old",
        "store_unavailable",
    ),
}
"""What ``store_error`` can answer to each kind of store call; see ``docs/scenarios.md``."""

OUTSIDE_ERRORS = ("before_effect", "after_effect", "no_answer")
"""How a try at an outside function can fail: an error before it took effect, or after, or nothing
is heard until its timeout."""

CHECKS = (
    "exactly_once",
    "strict_serializable",
    "reference",
    "determinism",
    "atomicity",
    "liveness",
    "bounded_storage",
    "outside",
    "schedule",
    "queue",
)
"""Checked on every run; a scenario's ``check`` adds invariants and documents intent."""


class ServicePlatform(msgspec.Struct, frozen=True):
    """How one service is deployed.

    :ivar concurrency: requests a replica holds at once (Knative's ``containerConcurrency``);
        the rest queue in front.
    :ivar workers: how many of them compute at the same moment.
    :ivar max_replicas: above ``replicas``, the autoscaler may add up to this many.
    """

    replicas: int = 2
    concurrency: int = 16
    workers: int = 2
    max_replicas: int = 0


UPKEEP = ServicePlatform(replicas=1, concurrency=64)
"""How the platform's own service is deployed, unless a scenario says otherwise."""


class StoreModel(msgspec.Struct, frozen=True):
    """Latency (median seconds) and throughput of the store; FoundationDB's, as measured.

    :ivar read_version_cpu: seconds of processor time that asking for one takes in the process
        that asks, before the latency; ``read_cpu`` and ``commit_cpu`` likewise.
    :ivar backoff: how long its client waits after the first refusal, at most; twice as long after
        each further one, up to ``backoff_most``.
    """

    read_version: float = 0.0003
    read: float = 0.0005
    commit: float = 0.0011
    read_version_cpu: float = 0.0
    read_cpu: float = 0.0
    commit_cpu: float = 0.0
    spread: float = 0.3
    window: float = 5.0
    commits_per_second: float = 20_000.0
    backoff: float = 0.002
    backoff_most: float = 0.25


class Platform(msgspec.Struct, frozen=True):
    """The modelled cluster.

    :ivar profile: what it began with: a name, or a file's path as it can be opened.
    :ivar hop: median seconds of one network hop between two services; ``spread`` is the sigma
        of its lognormal.
    :ivar outside: median seconds of one try at an outside function.
    :ivar cpu: seconds of processor time one execution of a method takes, apart from its calls
        and what it asks of the store. ``call_cpu`` is a caller's for each call, ``client_cpu`` a
        client's for each request.
    :ivar ingress_cpu: that of the gateway for each request; 0: clients ask the services directly.
    :ivar ingress: whose messages pass the gateway: those of ``clients``, or ``all``, calls between
        services included; it has ``ingress_workers``.
    :ivar ack_delay: how long TCP holds the rest of an answer back, waiting for an acknowledgement
        that is delayed; it does on a kept connection to a pod that was last used less than
        ``ack_recent`` seconds ago. 0: never.
    :ivar cpu_after: the part of all processor time that comes when its result is on its way
        already, from 0 to 1.
    :ivar cores: processors that all of it has to share, clients included; 0: there is always one.
    :ivar queue: requests that may wait in front of a service before it turns more away.
    """

    profile: str = "default"
    hop: float = 0.0005
    spread: float = 0.3
    outside: float = 0.05
    cpu: float = 0.0005
    call_cpu: float = 0.0
    client_cpu: float = 0.0
    ingress_cpu: float = 0.0
    ingress: str = "clients"
    ingress_workers: int = 1
    ack_delay: float = 0.0
    ack_recent: float = 0.0
    cpu_after: float = 0.0
    cores: int = 0
    cold_start: float = 1.0
    restart: float = 0.5
    queue: int = 10_000
    store: StoreModel = StoreModel()
    defaults: ServicePlatform = ServicePlatform()
    services: dict[str, ServicePlatform] = {}


class Retry(msgspec.Struct, frozen=True):
    """How clients, and services calling services, retry: always with the same request id."""

    attempts: int = 10
    timeout: float = 2.0
    backoff: str = "exponential"
    initial: float = 0.05
    maximum: float = 2.0


class Call(msgspec.Struct, frozen=True):
    """One kind of request in a mix: ``Service.method`` with arguments from the application's own
    generator, or given here.

    :ivar caller: who asks; empty: who may, of the application's ``CALLERS``.
    """

    call: str
    weight: float = 1.0
    args: list[Any] | None = None
    caller: str = ""


class Step(msgspec.Struct, frozen=True):
    """One call of a script, and what is to come of it.

    :ivar gives: the answer, as JSON has it, as the one item of a list; empty: any answer will do.
    :ivar raises: the class of the exception that is the answer, without its module.
    :ivar caller: who asks; empty: nobody who is known.
    :ivar refused: whether it is to be turned away: the method is internal, or not for the caller.
    """

    call: str
    args: list[Any] = []
    gives: list[Any] = []
    raises: str = ""
    caller: str = ""
    refused: bool = False


class Stage(msgspec.Struct, frozen=True):
    """Reach ``target`` (a rate, or a number of clients) after ``duration``."""

    duration: float
    target: float


class Load(msgspec.Struct, frozen=True):
    """A stream of requests, in k6's words.

    :ivar executor: ``constant-arrival-rate``, ``poisson-arrival-rate``, ``ramping-arrival-rate``
        (open loop), ``constant-vus``, ``ramping-vus`` (closed loop), ``shared-iterations``,
        ``script`` (one client that makes ``calls``, one after the other).
    :ivar iterations: how many requests there are at most; 0 for no limit.
    :ivar connections: of an open loop, requests under way at a time; the others wait for one to
        end, which counts as theirs, and are not sent any more when the load is over (as wrk2 has
        it). 0: as many as there are.
    :ivar threads: as wrk2's, among which the connections are shared out: each connection then has a
        schedule and requests of its own, and within a thread they begin one after the other. 0: the
        schedule is one, and whichever connection is free takes what is due.
    :ivar keys: the share of requests that clients call by keys of their own.
    :ivar reuse: the share of answered requests whose ids are used again, for something else.
    """

    name: str
    executor: str
    mix: list[Call] = []
    rate: float = 0.0
    duration: float = 0.0
    start: float = 0.0
    vus: int = 0
    iterations: int = 0
    stages: list[Stage] = []
    calls: list[Step] = []
    connections: int = 0
    threads: int = 0
    keys: float = 0.0
    reuse: float = 0.0


class Selector(msgspec.Struct, frozen=True):
    """What a fault aims at; empty fields match everything.

    :ivar target: for message faults: ``request`` or ``response``.
    """

    service: str = ""
    method: str = ""
    target: str = ""


class Fault(msgspec.Struct, frozen=True):
    """A failure to inject, in Chaos Mesh's words.

    :ivar at: for ``crash`` and ``pause``: one of POINTS, or ``any``.
    :ivar probability: chance at each opportunity; 1.0 with a ``schedule`` or ``nth``.
    :ivar schedule: seconds between strikes (``@every 10s``); 0 for none.
    :ivar nth: strike exactly at these opportunities, counted from 0 (used to replay and shrink).
    :ivar between: for ``partition``: two services, ``store``, ``client`` or ``*``.
    :ivar error: for ``store_error``: ``not_committed``, ``commit_unknown_result_applied``,
        ``commit_unknown_result_not_applied``, ``commit_unknown_result_late`` (applied up to two
        seconds later), ``transaction_too_old``, ``future_version``, ``store_unavailable``. For
        ``outside_error`` one of OUTSIDE_ERRORS; empty: any of them.
    :ivar mode: for ``kill``: ``one`` (random pod) or ``all`` of the selected service.
    :ivar limit: at most this many strikes, 0 for no limit.
    """

    kind: str
    at: str = ""
    selector: Selector = Selector()
    probability: float = 0.0
    schedule: float = 0.0
    start: float = 0.0
    duration: float = 0.0
    nth: list[int] = []
    between: list[str] = []
    error: str = ""
    mode: str = "one"
    limit: int = 0


class Recovery(msgspec.Struct, frozen=True):
    """The recovery worker: looks every ``interval`` for intents older than ``stale``."""

    interval: float = 1.0
    stale: float = 3.0


class Retention(msgspec.Struct, frozen=True):
    """Retention: every ``interval``, forget finished requests older than ``period``."""

    period: float = 3600.0
    interval: float = 60.0


class Check(msgspec.Struct, frozen=True):
    """A check by name, or an application's invariant ``app.function``."""

    name: str
    invariant: str = ""


class Threshold(msgspec.Struct, frozen=True):
    """A bound on a metric, as written: ``metric`` ``expression`` (``latency``, ``p(99)<0.5``).

    :ivar aggregate: ``p(99)``, ``avg``, ``max``, ``rate``, ``kept``, ``count``.
    :ivar bound: in seconds, per second or a ratio, as the metric is.
    :ivar modelled: whether it bounds the modelled platform only, and no real one.
    """

    metric: str
    aggregate: str
    operator: str
    bound: float
    text: str
    modelled: bool = False


class Scenario(msgspec.Struct, frozen=True):
    """The whole file.

    :ivar app: the application as :mod:`compiler` takes it.
    :ivar duration: when faults stop and load is over, at the latest; 0 for the end of the load.
    :ivar heal: how long the system then has to settle before the final checks.
    """

    name: str
    app: str
    seed: int = 0
    duration: float = 0.0
    heal: float = 15.0
    platform: Platform = Platform()
    retry: Retry = Retry()
    recovery: Recovery = Recovery()
    retention: Retention = Retention()
    load: list[Load] = []
    faults: list[Fault] = []
    check: list[Check] = []
    thresholds: list[Threshold] = []
    file: str = ""
