"""Scenario files: what they mean, and what every kind of mistake is told."""

import dataclasses
import textwrap

import pytest

from experiment.scenario.file import ScenarioError, read
from experiment.scenario.model import (
    Call,
    Check,
    Fault,
    Scenario,
    Selector,
    ServicePlatform,
    Stage,
    Threshold,
)
from experiment.scenario.names import Known

SHAPE = """\
    name: crash
    app: apps/hotel
    seed: 7
    duration: 60s
    platform: {profile: default, services: {Hotel: {replicas: 2, concurrency: 8}}}
    retry: {attempts: 10, timeout: 2s, backoff: exponential}
    load:
      - {name: steady, executor: constant-arrival-rate, rate: 50/s, duration: 40s,
         mix: [{call: Frontend.book, weight: 9}, {call: Frontend.show, weight: 1}]}
    faults:
      - {kind: crash, at: after_commit, selector: {service: Hotel}, probability: 0.02}
      - {kind: partition, between: [Hotel, store], schedule: "@every 10s", duration: 500ms}
    heal: 15s
    check: [exactly_once, strict_serializable, reference, {invariant: hotel.no_overselling}]
    thresholds: {latency: ["p(99)<500ms"]}
"""

HOTEL = Known(
    "apps.hotel",
    {
        "Hotel": {"reserve": True, "free": True},
        "Frontend": {"book": True, "show": True, "_help": False},
    },
    invariants=["hotel.no_overselling"],
    arguments=["Frontend.book", "Frontend.show"],
    mix=True,
)

LOAD = "load: [{executor: constant-arrival-rate, rate: 50/s, duration: 10s}]\n"


@pytest.fixture
def file(tmp_path):
    """Writes a scenario file and returns its path."""

    def write(text):
        path = tmp_path / "case.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


def _read_and_fit(path, known):
    found = read(path)
    if known is not None:
        found.fit(known)


@pytest.fixture
def mistakes(file):
    """The mistakes in a scenario file, without its folder."""

    def find(text, known=None):
        path = file(text)
        with pytest.raises(ScenarioError) as caught:
            _read_and_fit(path, known)
        return str(caught.value).replace(path, "case.yaml")

    return find


def test_the_whole_shape(file):
    path = file(SHAPE)
    found = read(path)
    found.fit(HOTEL)
    scenario = found.scenario
    assert (scenario.name, scenario.app, scenario.seed, scenario.file) == (
        "crash", "apps/hotel", 7, path,
    )  # fmt: skip
    assert (scenario.duration, scenario.heal) == (60.0, 15.0)
    assert scenario.platform.services == {"Hotel": ServicePlatform(replicas=2, concurrency=8)}
    assert (scenario.retry.attempts, scenario.retry.timeout) == (10, 2.0)
    (load,) = scenario.load
    assert (load.name, load.executor, load.rate, load.duration) == (
        "steady", "constant-arrival-rate", 50.0, 40.0,
    )  # fmt: skip
    assert load.mix == [Call("Frontend.book", 9.0), Call("Frontend.show", 1.0)]
    assert scenario.faults == [
        Fault("crash", at="after_commit", selector=Selector("Hotel"), probability=0.02),
        Fault("partition", between=["Hotel", "store"], schedule=10.0, duration=0.5, probability=1),
    ]
    assert scenario.check[-1] == Check("invariant", "hotel.no_overselling")
    assert [check.name for check in scenario.check[:2]] == ["exactly_once", "strict_serializable"]
    assert scenario.thresholds == [Threshold("latency", "p(99)", "<", 0.5, "p(99)<500ms")]


def test_the_least_there_can_be(file):
    path = file("app: apps/hotel\n" + LOAD)
    scenario = read(path).scenario
    (load,) = scenario.load
    assert load.name == "load-1"
    assert scenario == Scenario("case", "apps/hotel", load=[load], file=path)


def test_another_application_takes_the_place_of_the_files_own(file):
    path = file("app: apps/hotel\n" + LOAD + "check: [{invariant: hotel.no_overselling}]\n")
    found = read(path, "apps/bank")
    assert found.scenario.app == "apps/bank"
    found.fit(Known("apps.bank", {}, mix=True))
    assert read(file(LOAD), "apps/bank").scenario.app == "apps/bank"


def test_every_executor(file):
    scenario = read(
        file("""\
            app: a
            load:
              - {name: a, executor: constant-arrival-rate, rate: 12/min, duration: 1m}
              - {name: b, executor: poisson-arrival-rate, rate: 5/s, duration: 1m, start: 5s}
              - {name: c, executor: ramping-arrival-rate, rate: 1/s,
                 stages: [{duration: 5s, target: 50/s}]}
              - {name: d, executor: constant-vus, vus: 5, duration: 10s}
              - {name: e, executor: ramping-vus, stages: [{duration: 5s, target: 50}]}
              - {name: f, executor: shared-iterations, vus: 5, iterations: 100}
            """)
    ).scenario
    assert [load.executor for load in scenario.load][-2:] == ["ramping-vus", "shared-iterations"]
    assert scenario.load[0].rate == pytest.approx(0.2)
    assert scenario.load[2].stages == [Stage(5.0, 50.0)]
    assert scenario.load[4].stages == [Stage(5.0, 50.0)]


def test_every_fault(file):
    scenario = read(
        file(
            "app: a\n"
            + LOAD
            + textwrap.dedent("""\
            faults:
              - {kind: crash, probability: 1%}
              - {kind: pause, at: before_commit, duration: 3s, probability: 1%, limit: 4}
              - {kind: drop, selector: {target: response}, probability: 1%}
              - {kind: duplicate, duration: 5s, probability: 1%}
              - {kind: delay, duration: 1s, probability: 1%}
              - {kind: partition, between: ["*", store], duration: 1s, schedule: "@every 5s"}
              - {kind: store_error, error: not_committed, nth: [3, 1, 3]}
              - {kind: kill, mode: all, selector: {service: Hotel}, schedule: "@every 5s"}
            """)
        )
    ).scenario
    assert [fault.kind for fault in scenario.faults] == [
        "crash", "pause", "drop", "duplicate", "delay", "partition", "store_error", "kill",
    ]  # fmt: skip
    assert scenario.faults[0].at == "any"
    assert scenario.faults[6].nth == [1, 3]
    assert scenario.faults[6].probability == 1.0


def test_thresholds_of_the_modelled_platform(file):
    text = 'thresholds: {failed: ["rate<1%"], modelled: {goodput: ["rate>100/s", "kept>80%"]}}\n'
    thresholds = read(file("app: a\n" + LOAD + text)).scenario.thresholds
    assert [(each.metric, each.aggregate, each.modelled) for each in thresholds] == [
        ("failed", "rate", False),
        ("goodput", "rate", True),
        ("goodput", "kept", True),
    ]


def test_every_threshold(file):
    text = (
        'thresholds: {latency: ["p(99)<500ms", "avg < 50ms"], goodput: "rate>100/s",'
        ' failed: ["rate<1%", "count<=0"], commits_per_request: ["avg<2.1"]}\n'
    )
    thresholds = read(file("app: a\n" + LOAD + text)).scenario.thresholds
    assert [(each.metric, each.aggregate, each.operator, each.bound) for each in thresholds] == [
        ("latency", "p(99)", "<", 0.5),
        ("latency", "avg", "<", 0.05),
        ("goodput", "rate", ">", 100.0),
        ("failed", "rate", "<", 0.01),
        ("failed", "count", "<=", 0.0),
        ("commits_per_request", "avg", "<", 2.1),
    ]


def test_a_mistake_shows_its_place_and_the_remedy(mistakes):
    assert mistakes("app: a\n" + LOAD + "faults:\n  - {kind: crash, probabilty: 2%}\n") == (
        "case.yaml:4:5: nothing says when this crash strikes\n"
        "    - {kind: crash, probabilty: 2%}\n"
        "      ^\n"
        '    write probability: 2%, schedule: "@every 10s" or nth: [0]\n'
        "\n"
        "case.yaml:4:19: 'probabilty' is not a key of a fault\n"
        "    - {kind: crash, probabilty: 2%}\n"
        "                    ^\n"
        "    did you mean 'probability'? Known: kind, probability, schedule, nth, start, limit, "
        "at, selector, duration, between, error, mode\n"
        "\n"
        "2 mistakes"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "1:1: a scenario must be a mapping"),
        ("hello", "1:1: a scenario must be a mapping"),
        ("", "case.yaml: the file is empty"),
        ("# nothing\n", "case.yaml: the file is empty"),
        ("name: x\n" + LOAD, "the scenario names no application"),
        ("app: a\n", "the scenario has no load"),
        ("app: a\nload: []\n", "2:7: the load is empty"),
        ("app: a\nload: {rate: 5/s}\n", "2:7: 'load' must be a list"),
        ("app: [a]\n" + LOAD, "1:6: a list is not a word"),
        ("app: a\nseed: x\n" + LOAD, "2:7: 'x' is not a whole number"),
        ("app: a\nseed: 1\nseed: 2\n" + LOAD, "3:1: 'seed' is written twice in a scenario"),
        ("app: a\n? [b]\n: c\n" + LOAD, "2:3: a scenario has a key that is not a word"),
        ("app: a\nplatfrom: {}\n" + LOAD, "2:1: 'platfrom' is not a key of a scenario"),
        ("app: a\nheal: 15\n" + LOAD, "2:7: the duration '15' has no unit"),
        ("app: a\nplatform: {profile: fast}\n" + LOAD, "2:21: there is no profile 'fast'"),
        ("app: a\nplatform: {hop: 5}\n" + LOAD, "2:17: the duration '5' has no unit"),
        ("app: a\nplatform: {store: {comit: 5ms}}\n" + LOAD, "did you mean 'commit'?"),
        ("app: a\nplatform: {services: {A: {replicas: 0}}}\n" + LOAD, "'0' is not above zero"),
        (
            "app: a\nplatform: {services: {A: {replicas: 4, max_replicas: 2}}}\n" + LOAD,
            "2:54: max_replicas 2 is below replicas 4",
        ),
        ("app: a\nretry: {backoff: exponentail}\n" + LOAD, "did you mean 'exponential'?"),
        ("app: a\nretention: 5s\n" + LOAD, "2:12: retention must be a mapping"),
        ("app: a\ncheck: [exactly_onc]\n" + LOAD, "2:9: there is no check 'exactly_onc'"),
        ("app: a\ncheck: [{inv: x}]\n" + LOAD, "2:9: this check names no invariant"),
        ("app: a\ncheck: exactly_once\n" + LOAD, "2:8: 'check' must be a list"),
        ("app: !!python/name:os.system a\n" + LOAD, "means nothing here"),
        ("app: a\nseed: 0x_\n" + LOAD, "2:7: '0x' is not a number"),
        ("app: a\nseed: !!int x\n" + LOAD, "2:7: 'x' is not a number"),
        ("app: a\nheal: !!float x\n" + LOAD, "2:7: 'x' is not a number"),
        (f"app: a\nseed: {'9' * 5000}\n" + LOAD, f"2:7: '{'9' * 40}...' is not a number"),
        (f"app: a\nseed: {'9' * 50}\n" + LOAD, "2:7: this number is too large"),
        ("app: a\nheal: 8761h\n" + LOAD, "2:7: '8761h' is longer than a year"),
        ("app: a\nplatform: {services: {A: {replicas: 10001}}}\n" + LOAD, "at most 10,000"),
        ("app: a\nplatform: {defaults: {workers: 10001}}\n" + LOAD, "at most 10,000"),
        ("app: a\nplatform: {defaults: {max_replicas: 10001}}\n" + LOAD, "at most 10,000"),
        ("app: a\n" + LOAD + "---\napp: b\n", "remove what follows '---'"),
        ("app: *a\n" + LOAD, "1:6: this is not YAML: found undefined alias 'a'"),
        ("app: *a\n" + LOAD, "put what begins with * in quotes"),
    ],
)
def test_mistakes(mistakes, text, says):
    assert says in mistakes(text)


def test_of_a_very_long_line_only_what_stands_around_the_place_is_shown(mistakes):
    said = mistakes(f"app: a\nload: [{'{}, ' * 5000}{{rate: 5}}]\n").split("\n\n")[-2]
    _, shown, caret, _ = said.splitlines()
    assert len(shown) < 210
    assert shown[caret.index("^")] == "5"


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ("{rate: 5/s, duration: 1s}", "the load 'load-1' has no executor"),
        ("{executor: constant-rate}", "2:19: there is no executor 'constant-rate'"),
        ("{executor: constant-arrival-rate, duration: 1s}", "the load 'load-1' has no rate"),
        ("{executor: constant-arrival-rate, rate: 5/s}", "the load 'load-1' has no duration"),
        ("{executor: constant-arrival-rate, rate: 50, duration: 1s}", "write 50/s"),
        ("{executor: constant-arrival-rate, rate: 0/s, duration: 1s}", "is not above zero"),
        (
            "{executor: constant-vus, vus: 3, duration: 1s, rate: 5/s}",
            "2:55: 'rate' means nothing to constant-vus",
        ),
        ("{executor: ramping-vus, stages: [{duration: 1s}]}", "this stage has no target"),
        ("{executor: ramping-vus, stages: [{duration: 1s, target: 5/s}]}", "not a whole number"),
        ("{executor: ramping-arrival-rate, stages: [{duration: 1s, target: 5}]}", "write 5/s"),
        ("{executor: shared-iterations, vus: 3}", "the load 'load-1' has no iterations"),
        ("{executor: constant-vus, vus: 3, duration: 1s, mix: [{weight: 3}]}", "names no method"),
        ("{executor: constant-vus, vus: 3, duration: 1s, mix: [book]}", "'book' is not a method"),
        ("{executor: constant-vus, vus: 100001, duration: 1s}", "2:38: '100001' is too many"),
        (
            "{executor: ramping-vus, stages: [{duration: 1s, target: 100001}]}",
            "write at most 100,000",
        ),
        ("{executor: script}", "the load 'load-1' has no calls"),
        ("{executor: script, calls: [A.b]}", "2:35: a call must be a mapping"),
        ("{executor: script, calls: [{args: []}]}", "this step names no method"),
        ("{executor: script, calls: [{call: A.b, gives: 1, raises: X}]}", "2:65: a call gives som"),
        ("{executor: script, vus: 2, calls: []}", "'vus' means nothing to script"),
        ("{executor: script, mix: [A.b], calls: [{call: A.b}]}", "draws nothing from a mix"),
        ("5", "2:8: a load must be a mapping"),
    ],
)
def test_mistakes_in_a_load(mistakes, load, says):
    assert says in mistakes(f"app: a\nload: [{load}]\n")


def test_two_loads_of_one_name(mistakes):
    load = "{name: x, executor: constant-vus, vus: 3, duration: 1s}"
    assert "there are two loads 'x'" in mistakes(f"app: a\nload: [{load}, {load}]\n")


def test_a_load_that_starts_too_late(mistakes):
    load = "{name: x, executor: constant-vus, vus: 3, duration: 1s, start: 9s}"
    said = mistakes(f"app: a\nduration: 5s\nload: [{load}]\n")
    assert "the load 'x' starts when the scenario is over" in said


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("{probability: 1%}", "this fault has no kind"),
        ("{kind: explode, probability: 1%}", "there is no fault 'explode'"),
        ("{kind: crash, at: after_comit, probability: 1%}", "did you mean 'after_commit'?"),
        ("{kind: crash, probability: 2}", "the probability '2' is out of range"),
        ("{kind: crash, probability: 0}", "'0' is not above zero"),
        ("{kind: crash}", "nothing says when this crash strikes"),
        ("{kind: poison}", "write probability: 2% or nth: [0]"),
        (
            "{kind: poison, probability: 1%, limit: 3}",
            "remove it: a poison takes selector, probability, nth",
        ),
        (
            "{kind: crash, probability: 1%, mode: all}",
            "a crash takes at, selector, probability, schedule, nth, start, limit",
        ),
        ("{kind: crash, probability: 1%, nth: 3}", "'probability' and 'nth' contradict each other"),
        ("{kind: crash, nth: []}", "'nth' names no opportunity"),
        ("{kind: crash, nth: [x]}", "'x' is not a whole number"),
        ("{kind: crash, probability: 1%, error: x}", "'error' means nothing to a crash"),
        ("{kind: pause, probability: 1%}", "this pause has no duration"),
        ("{kind: store_error, probability: 1%}", "this store_error has no error"),
        ("{kind: store_error, error: 1020, nth: 0}", "there is no store error '1020'"),
        ("{kind: kill, mode: some, nth: 0}", "there is no mode 'some'"),
        ("{kind: kill, schedule: hourly}", "'hourly' is not a schedule"),
        ("{kind: drop, selector: {target: both}, nth: 0}", "there is no target 'both'"),
        ("{kind: crash, selector: {target: request}, nth: 0}", "'target' is not a key of the"),
        ("{kind: crash, selector: Hotel, nth: 0}", "the selector of a crash must be a mapping"),
        ("{kind: partition, between: [A], duration: 1s, nth: 0}", "between two, not 1"),
        ("{kind: partition, between: A, duration: 1s, nth: 0}", "is not a pair of parties"),
        (
            '{kind: partition, between: [A, B], duration: 9s, schedule: "@every 5s"}',
            "this partition lasts 9s and comes every 5s: it never heals",
        ),
        ("{kind: crash, nth: 0, start: 10s}", "this fault starts at 10s, when faults have stopped"),
    ],
)
def test_mistakes_in_a_fault(mistakes, fault, says):
    assert says in mistakes(f"app: a\n{LOAD}faults: [{fault}]\n")


@pytest.mark.parametrize(
    ("threshold", "says"),
    [
        ('latency: ["p(99)<500"]', "the duration '500' has no unit"),
        ('latency: ["p(0)<5ms"]', "there is no percentile 'p(0)'"),
        ('latency: ["p99<5ms"]', "'p99<5ms' is not a threshold"),
        ('latency: ["rate<5ms"]', "latency has no aggregate 'rate'"),
        ('latency: ["avg=5ms"]', "'=' is not a comparison"),
        ("latency: [5]", "'5' is not a threshold"),
        ('goodput: ["rate>100"]', "write 100/s"),
        ('failed: ["rate<200%"]', "is out of range"),
        ("speed: [x]", "'speed' is not a key of thresholds"),
    ],
)
def test_mistakes_in_a_threshold(mistakes, threshold, says):
    assert says in mistakes(f"app: a\n{LOAD}thresholds: {{{threshold}}}\n")


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("app: a\nload: [\n", "case.yaml:", "close every bracket"),
        ("app: a\n\tload: 5\n", "case.yaml:2:1:", "indent with spaces"),
        ("faults: [{schedule: @every 10s}]\n", "case.yaml:1:21:", "put the schedule in quotes"),
        ("app: 'a\n", "case.yaml:", "close every bracket and quote"),
        ("app: *a\n", "case.yaml:1:6:", "found undefined alias"),
    ],
)
def test_what_is_not_yaml(mistakes, text, place, remedy):
    said = mistakes(text)
    assert said.startswith(place)
    assert "this is not YAML" in said
    assert remedy in said


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ScenarioError, match=r"none\.yaml: there is no such file"):
        read(str(tmp_path / "none.yaml"))
    with pytest.raises(ScenarioError, match="this is a folder"):
        read(str(tmp_path))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="this is not text in UTF-8"):
        read(str(binary))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Frontend.book", "Frontend.bok", "has no method 'Frontend.bok' that clients may call"),
        ("Frontend.book", "Frontend._help", "has no method 'Frontend._help' that clients may"),
        ("Frontend.book", "Hotel.free", "nothing says what arguments Hotel.free gets"),
        ("{service: Hotel}", "{service: Hotl}", "has no service 'Hotl'\n"),
        ("{service: Hotel}", "{service: Hotel, method: book}", "Hotel has no method 'book'"),
        ("{service: Hotel}", "{method: bok}", "apps.hotel has no method 'bok'"),
        ("[Hotel, store]", "[Hotl, store]", "apps.hotel has no service 'Hotl'"),
        ("services: {Hotel", "services: {Motel", "apps.hotel has no service 'Motel'"),
        ("no_overselling", "no_oversell", "did you mean 'hotel.no_overselling'?"),
    ],
)
def test_names_that_the_application_does_not_have(mistakes, old, new, says):
    assert old in SHAPE
    assert says in mistakes(SHAPE.replace(old, new), HOTEL)


def test_names_beside_the_services(file):
    faults = "faults: [{kind: crash, selector: {service: platform}, nth: 0}]\n"
    read(file("app: a\n" + LOAD + faults)).fit(HOTEL)


def test_given_arguments_need_no_generator(file):
    load = LOAD.replace("}]", ", mix: [{call: Hotel.free, args: [h1, 2, {a: [true, null]}]}]}]")
    found = read(file("app: a\n" + load))
    found.fit(HOTEL)
    assert found.scenario.load[0].mix[0].args == ["h1", 2, {"a": [True, None]}]


def test_given_arguments_must_fit_the_method(mistakes):
    load = LOAD.replace("}]", ", mix: [{call: Hotel.free, args: [h1, 2]}]}]")
    known = dataclasses.replace(HOTEL, refuses=lambda name, args: f"{name} of {len(args)}")
    said = mistakes("app: a\n" + load, known)
    assert "Hotel.free does not take these arguments: Hotel.free of 2\n" in said
    assert said.startswith(f"case.yaml:2:{load.index('[h1') + 1}: ")


@pytest.mark.parametrize("stages", ["[]", "[{duration: 0, target: 5/s}]"])
def test_stages_must_last(mistakes, stages):
    load = f"load: [{{executor: ramping-arrival-rate, stages: {stages}}}]\n"
    said = mistakes("app: a\n" + load)
    assert "these stages last no time at all" in said
    assert "write 'stages: [{duration: 10s, target: 50/s}]'" in said


def test_the_defaults_of_services_are_checked_like_a_service(mistakes):
    platform = "platform: {defaults: {replicas: 4, max_replicas: 2}}\n"
    assert "max_replicas 2 is below replicas 4" in mistakes("app: a\n" + LOAD + platform)


def test_a_value_that_is_missing_is_told_at_its_key(mistakes):
    said = mistakes("app: a\nfaults:\nheal: 5s\n" + LOAD)
    assert said.startswith("case.yaml:2:1: 'faults' must be a list\n    faults:\n    ^")


def test_nobody_has_a_mix(mistakes):
    said = mistakes("app: a\n" + LOAD, Known("apps.x", {"A": {"b": True}}, mix=False))
    assert "neither the load 'load-1' nor apps.x has a mix" in said
    assert "write 'mix: [{call: A.b}]', or MIX in the application" in said


def test_all_mistakes_are_told_in_the_order_of_the_file(mistakes):
    said = mistakes("app: a\nheal: 5\nload: [{executor: x}]\nfaults: [{kind: y, nth: 0}]\n")
    lines = [line.split(":")[1] for line in said.splitlines() if line.startswith("case.yaml")]
    assert lines == ["2", "3", "4"]
    assert said.endswith("3 mistakes")
