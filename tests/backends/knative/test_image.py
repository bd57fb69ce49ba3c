"""Building: which builder, which command, and what is said when it goes wrong."""

import json
import os
import shutil

import pytest

from backends.knative.errors import ImageProblem
from backends.knative.image import Build, build_image, find_builder
from tests.backends.knative.manifests import ROOT

FAKE = """#!/bin/sh
printf '%s\\n' "$@" >> "$(dirname "$0")/{name}.log"
echo end >> "$(dirname "$0")/{name}.log"
{body}
"""


@pytest.fixture
def builders(tmp_path, monkeypatch):
    """Makes builders that only note what they are asked, the only ones on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: which(name, path=str(folder)))

    def make(name, body="exit 0"):
        path = folder / name
        path.write_text(FAKE.format(name=name, body=body))
        path.chmod(0o755)

    def calls(name):
        text = (folder / f"{name}.log").read_text()
        return [call.split("\n") for call in text.removesuffix("\nend\n").split("\nend\n")]

    make.calls = calls
    return make


def test_the_first_that_works_is_taken(builders):
    builders("podman")
    builders("buildah")
    assert find_builder() == "podman"
    builders("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert find_builder() == "podman"
    assert find_builder("buildah") == "buildah"


def test_without_a_builder_the_remedy_is_said(builders):
    with pytest.raises(ImageProblem, match="docker is not installed; podman is not installed"):
        find_builder()
    builders("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(ImageProblem, match=r"docker cannot be used \(Cannot connect.*apt-get"):
        find_builder("docker")
    with pytest.raises(ImageProblem, match="kaniko is not known here"):
        find_builder("kaniko")


@pytest.mark.parametrize(
    ("name", "verb"), [("docker", "build"), ("podman", "build"), ("buildah", "bud")]
)
def test_the_command_says_it_all(builders, name, verb):
    builders(name)
    build = Build(base="python:3.13-slim", uid=123, options=("--isolation=chroot",), push=True)
    build_image(ROOT / "apps/hotel", ["r.example/hotel:1", "r.example/hotel:latest"], build)
    info, command, *pushes = builders.calls(name)
    assert info == ["info"]
    assert command[:6] == [
        verb, "--isolation=chroot", "--tag", "r.example/hotel:1", "--tag", "r.example/hotel:latest",
    ]  # fmt: skip
    assert {"BASE=python:3.13-slim", "UID=123", "APP=apps/hotel"} <= set(command)
    assert "FDB_IMAGE=docker.io/foundationdb/foundationdb:7.3.69" in command
    assert pushes == [["push", "r.example/hotel:1"], ["push", "r.example/hotel:latest"]]
    assert not os.path.exists(command[-1]), "the context is gone"


def test_nothing_is_pushed_unasked(builders):
    builders("docker")
    build_image(ROOT / "apps/counter", ["hotel:1"], Build())
    assert [call[0] for call in builders.calls("docker")] == ["info", "build"]


def test_a_build_that_fails_shows_the_last_it_said(builders):
    builders("docker", '[ "$1" = info ] || { echo step 1; echo no space left >&2; exit 125; }')
    heard = []
    with pytest.raises(ImageProblem) as failed:
        build_image(ROOT / "apps/counter", ["counter:1"], Build(push=True), heard.append)
    assert "`docker build` ended with status 125" in str(failed.value)
    assert str(failed.value).endswith("step 1\nno space left")
    assert heard == ["step 1", "no space left"]
    assert all(call[0] != "push" for call in builders.calls("docker"))


@pytest.mark.parametrize(
    ("tags", "build", "says"),
    [([], Build(), "has no name"), (["a:1"], Build(uid=0), "does not run as root")],
)
def test_what_cannot_be_built_is_refused(builders, tags, build, says):
    builders("docker")
    with pytest.raises(ImageProblem, match=says):
        build_image(ROOT / "apps/counter", tags, build)


def test_the_containerfile_keeps_to_what_is_promised():
    text = (ROOT / "backends/knative/Containerfile").read_text()
    final = text.split("FROM ${BASE}\n")[1]
    assert final.rstrip().endswith(
        'USER ${UID}:${UID}\nCMD ["python", "-m", "backends.knative.serve"]'
    )
    assert "ARG UID=10001" in final
    command = final.rstrip().rsplit("CMD ", 1)[1]
    assert json.loads(command)[0] == "python"  # no shell: SIGTERM reaches the process itself
