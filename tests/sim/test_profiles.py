"""Profiles in files: what a scenario and the command line can name, and what mistakes are told."""

import textwrap
from types import SimpleNamespace

import pytest
from msgspec.structs import astuple, replace

from experiment.outcome import Task
from experiment.scenario.file import ScenarioError, read
from experiment.scenario.model import Platform, ServicePlatform, StoreModel
from experiment.scenario.platform import read_profile
from sim import cli
from sim.search.shrink import write_scenario
from tests.experiment.outcomes import read_result

PROFILE = """\
    # measured
    hop: 20us
    cpu: 200us
    call_cpu: 210us
    client_cpu: 220us
    ingress_cpu: 0.3ms
    cpu_after: 15%
    cores: 2
    store: {read: 0, commit: 50us, read_version_cpu: 20us, read_cpu: 10us, commit_cpu: 150us}
    defaults: {replicas: 1, workers: 1}
"""
SCENARIO = """\
app: apps/counter
platform: {profile: PROFILE, cpu: 1ms, services: {Counter: {replicas: 3}}}
load: [{executor: constant-arrival-rate, rate: 20/s, duration: 1s}]
"""


@pytest.fixture
def files(tmp_path):
    """Writes files by their names; the folder they are in."""

    def write(**texts):
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return tmp_path

    return write


def named(profile):
    return SCENARIO.replace("PROFILE", profile)


def test_a_profile_is_seen_from_its_scenario(files):
    folder = files(sub__case=named("../measured.yaml"), measured=PROFILE)
    platform = read(str(folder / "sub/case.yaml")).scenario.platform
    costs = (platform.hop, platform.call_cpu, platform.client_cpu, platform.ingress_cpu)
    assert costs == pytest.approx((20e-6, 210e-6, 220e-6, 0.3e-3))
    assert (platform.cpu_after, platform.cores) == (0.15, 2)
    store = StoreModel(
        read=0.0, commit=50e-6, read_version_cpu=20e-6, read_cpu=10e-6, commit_cpu=150e-6
    )
    assert astuple(platform.store) == pytest.approx(astuple(store))
    assert platform.defaults == ServicePlatform(replicas=1, workers=1)
    assert platform.profile == str(folder / "sub/../measured.yaml")


def test_what_the_scenario_writes_takes_precedence(files):
    folder = files(case=named("./measured.yaml"), measured=PROFILE)
    platform = read(str(folder / "case.yaml")).scenario.platform
    assert platform.cpu == 1e-3
    assert platform.services == {"Counter": ServicePlatform(replicas=3, workers=1)}


def test_another_profile_takes_the_place_of_the_scenarios_own(files):
    folder = files(case=named("./no-such.yaml"), measured=PROFILE)
    path, profile = str(folder / "case.yaml"), str(folder / "measured.yaml")
    platform = read(path, profile=profile).scenario.platform
    assert (platform.profile, platform.cores, platform.cpu) == (profile, 2, 1e-3)
    plain = read(path, profile="default").scenario.platform
    assert plain == replace(Platform(), cpu=1e-3, services={"Counter": ServicePlatform(3)})


def test_a_scenario_without_a_platform_takes_the_given_profile(files):
    without = "\n".join(line for line in SCENARIO.splitlines() if "platform" not in line)
    folder = files(case=without, measured=PROFILE)
    profile = str(folder / "measured.yaml")
    assert read(str(folder / "case.yaml"), profile=profile).scenario.platform.cores == 2


def test_mistakes_are_told_with_the_profiles_file_and_line(files):
    folder = files(
        case=named("./measured.yaml").replace("cpu: 1ms", "cpu: 1"),
        measured=PROFILE.replace("cpu: 200us", "cpuu: 200us").replace("20us", "20", 1),
    )
    with pytest.raises(ScenarioError) as caught:
        read(str(folder / "case.yaml"))
    text = str(caught.value)
    assert f"{folder}/measured.yaml:2:6: the duration '20' has no unit" in text
    assert f"{folder}/measured.yaml:3:1: 'cpuu' is not a key of a profile" in text
    assert "did you mean 'cpu'?" in text
    assert f"{folder}/case.yaml:2:" in text
    assert text.endswith("3 mistakes")


@pytest.mark.parametrize(
    ("profile", "what"),
    [
        ("./no-such.yaml", "case.yaml:2:21: there is no file"),
        ("defalt", "case.yaml:2:21: there is no profile 'defalt'"),
        ("3", "case.yaml:2:21: there is no profile '3'"),
        ("./folder/", "case.yaml:2:21: there is no file"),
        ("./empty.yaml", "empty.yaml: the file is empty"),
        ("./list.yaml", "list.yaml:1:1: a profile must be a mapping"),
        ("./nested.yaml", "nested.yaml:1:1: 'profile' is not a key of a profile"),
        ("./deployed.yaml", "deployed.yaml:1:1: 'services' is not a key of a profile"),
        ("./broken.yaml", "broken.yaml:1:"),
        ("./part.yaml", "part.yaml:1:12: the probability '15' is out of range"),
    ],
)
def test_what_is_no_profile(files, profile, what):
    folder = files(
        case=named(profile), empty="", list="[1]", nested="profile: default",
        deployed="services: {Counter: {replicas: 2}}", broken="a: {", part="cpu_after: 15",
    )  # fmt: skip
    (folder / "folder").mkdir()
    with pytest.raises(ScenarioError) as caught:
        read(str(folder / "case.yaml"))
    assert what in str(caught.value)
    assert len(caught.value.mistakes) == 1


def test_what_the_command_line_names_must_be_there(files):
    folder = files(case=named("default"))
    for profile in ("nope", str(folder)):
        with pytest.raises(ScenarioError, match="there is no such profile"):
            read(str(folder / "case.yaml"), profile=profile)
    assert read_profile("default") == Platform()


def test_the_command_line_takes_a_profile(files, capsys):
    folder = files(case=named("default"), measured=PROFILE)
    case, profile = str(folder / "case.yaml"), str(folder / "measured.yaml")
    assert cli.main([case, "--profile", profile, "--out", str(folder)]) == 0
    found = read_result(folder / "result.json")
    assert found.scenario.platform.cores == 2
    assert found.command.endswith(f"--profile {profile}")
    assert cli.main([case, "--profile", "nope"]) == 2
    assert "nope: there is no such profile" in capsys.readouterr().err


def test_a_command_names_its_profile():
    assert Task("case.yaml", profile="p.yaml").command(3) == (
        "python -m sim case.yaml --seed 3 --profile p.yaml"
    )


def test_a_shrunk_scenario_has_the_same_platform(files):
    folder = files(sub__case=named("../measured.yaml"), measured=PROFILE)
    path = folder / "sub" / "case.yaml"
    scenario = read(str(path)).scenario
    for target in (folder / "shrunk.yaml", folder / "sub" / "shrunk.yaml"):
        write_shrunk(target, scenario)
        again = read(str(target)).scenario.platform
        assert replace(again, profile="") == replace(scenario.platform, profile="")


def test_a_shrunk_scenario_keeps_the_profile_of_the_command_line(files, monkeypatch):
    folder = files(case=named("default"), measured=PROFILE)
    monkeypatch.chdir(folder)
    scenario = read("case.yaml", profile="measured.yaml").scenario
    (folder / "out").mkdir()
    write_shrunk(folder / "out" / "shrunk.yaml", scenario)
    monkeypatch.chdir("/")
    assert read(str(folder / "out/shrunk.yaml")).scenario.platform.cores == 2


def write_shrunk(path, scenario):
    write_scenario(path, SimpleNamespace(scenario=scenario, kept=[]))


def test_a_profile_of_the_projects_own_has_a_name(files):
    folder = files(case=named("cloudlab"))
    platform = read(str(folder / "case.yaml")).scenario.platform
    assert (platform.profile, platform.cores, platform.cpu) == ("cloudlab", 12, 1e-3)
    assert read_profile("cloudlab").defaults.workers == 4
    write_shrunk(folder / "shrunk.yaml", read(str(folder / "case.yaml")).scenario)
    assert read(str(folder / "shrunk.yaml")).scenario.platform.profile == "cloudlab"
