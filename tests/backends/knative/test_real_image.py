"""A real image, built and run: by buildah, without a registry and without a network inside.

Four minutes on two cores, most of it for the base image, so it runs only where
MU2SLS_IMAGE_TESTS=1 asks for it, and as root, with Debian's buildah and debootstrap.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backends.knative.context import write_context
from backends.knative.image import Build, build_image
from tests.backends.knative.manifests import ROOT
from tests.backends.knative.test_serve import KEY, ask, free_ports, until
from tests.patience import patience

IMAGE = "localhost/mu2sls-test-counter:1"
BASE, FDB = "localhost/mu2sls-test-base:1", "localhost/mu2sls-test-fdb:1"
RELEASE = "bookworm"


def unable():
    """Why there is no real image to test; None if there is."""
    if os.environ.get("MU2SLS_IMAGE_TESTS") != "1":
        return "builds a real image for minutes: set MU2SLS_IMAGE_TESTS=1"
    missing = [tool for tool in ("buildah", "debootstrap") if shutil.which(tool) is None]
    if missing:
        return f"needs {' and '.join(missing)}: apt-get install buildah debootstrap"
    if os.geteuid() != 0:
        return "debootstrap and buildah's chroot isolation need root"
    if sys.version_info[:2] != (3, 11):
        return "the base image has Python 3.11, and the wheels are made for this one"
    return None


pytestmark = pytest.mark.skipif(unable() is not None, reason=str(unable()))


def run(*command, **more):
    found = subprocess.run(command, capture_output=True, text=True, **more)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout.strip()


def local_image(folder, name):
    container = run("buildah", "from", "scratch")
    run("buildah", "add", "-q", container, str(folder), "/")
    run("buildah", "commit", "-q", container, name)
    run("buildah", "rm", container)


def make_base(folder):
    """A Debian with Python, and nothing else."""
    root = folder / "root"
    run("debootstrap", "--variant=minbase", "--include=python3,python3-venv", RELEASE, str(root))
    archive = folder / "base.tar"
    leave = [f"--exclude=./{each}/*" for each in ("proc", "sys", "dev", "var/cache/apt")]
    run("tar", "-C", str(root), *leave, "-cf", str(archive), ".")
    shutil.rmtree(root)
    local_image(archive, BASE)


def make_wheels(folder):
    context = folder / "context"
    write_context(ROOT / "apps/counter", context)
    wheels = folder / "wheels"
    pins = ["-r", context / "requirements.txt", "-c", context / "constraints.txt"]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-cache-dir"]
    run(*pip, *map(str, pins), "-w", str(wheels))
    return wheels


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The image of apps/counter, in a storage of its own."""
    folder = tmp_path_factory.mktemp("image")
    storage = folder / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
        make_base(folder)
        library = folder / "fdb" / "usr" / "lib" / "libfdb_c.so"
        library.parent.mkdir(parents=True)
        library.write_text("in the place of FoundationDB's client library")
        local_image(folder / "fdb", FDB)
        build = Build(
            builder="buildah",
            base=BASE,
            fdb_image=FDB,
            wheels=make_wheels(folder),
            options=("--isolation=chroot",),
        )
        build_image(ROOT / "apps/counter", [IMAGE], build)
        yield IMAGE
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def container(image):
    name = run("buildah", "from", image)
    yield name
    run("buildah", "rm", name)


def in_container(container, *command, **environ):
    given = [part for name, value in environ.items() for part in ("-e", f"{name}={value}")]
    return ["buildah", "run", "--isolation", "chroot", *given, container, "--", *command]


def node(port, tmp_store, service="Counter"):
    return {
        "MU2SLS_SERVICE": service,
        "MU2SLS_WIRE_KEY": KEY,
        "MU2SLS_STORE": f"sqlite:///{tmp_store}",
        "MU2SLS_ADDRESSES": json.dumps({"Counter": f"http://127.0.0.1:{port}"}),
        "PORT": str(port),
    }


def process_listening(port):
    """The id of the process that was given the port in its environment, and serves."""
    wanted = f"PORT={port}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"python") and wanted in variables:
            return int(entry.name)
    raise AssertionError("no such process")


def test_the_image_s_service_answers_as_nobody_in_particular(container):
    (port,) = free_ports(1)
    command = in_container(
        container, "python", "-m", "backends.knative.serve", **node(port, "/tmp/counter.db")
    )
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert until(port, "/readyz", 200) == "ready\n"
        assert ask(port, "/healthz") == (200, "alive\n")
        assert ask(port, "/call", "forged")[0] in (400, 401)
        process = process_listening(port)
        status = Path(f"/proc/{process}/status").read_text()
        assert "Uid:\t10001\t10001\t10001\t10001" in status
        os.kill(process, signal.SIGTERM)
        _, log = running.communicate(timeout=patience())
        assert running.returncode == 0
        assert json.loads(log.splitlines()[-1])["message"] == "Counter has ended"
    finally:
        running.kill()
        running.communicate()


def test_without_its_store_it_says_why(container):
    """The library in this image is none: the one message, and the status that says so."""
    environ = {**node(8080, "x"), "MU2SLS_STORE": "foundationdb"}
    found = subprocess.run(
        in_container(container, "python", "-m", "backends.knative.serve", **environ),
        capture_output=True,
        text=True,
    )
    assert found.returncode != 0
    log = [json.loads(line) for line in found.stderr.splitlines() if line.startswith("{")]
    assert "client library does not load" in log[-1]["message"]


def test_nothing_in_the_image_can_be_changed_by_its_process(container):
    for place in ("/app/x", "/app/code/core/x", "/opt/mu2sls/x", "/opt/fdb/libfdb_c.so", "/etc/x"):
        found = subprocess.run(
            in_container(container, "sh", "-c", f"echo x > {place}"), capture_output=True, text=True
        )
        assert found.returncode != 0, place


def test_bytecode_is_compiled_beforehand(container):
    program = (
        "import os, sys, core.attempt, backends.knative.serve as serve; "
        "assert sys.dont_write_bytecode; "
        "sys.exit(not all(os.path.exists(m.__cached__) for m in (core.attempt, serve)))"
    )
    run(*in_container(container, "python", "-c", program))


def test_the_image_is_configured_for_kubernetes(image):
    config = json.loads(run("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
    assert config["User"] == "10001:10001"  # a number: runAsNonRoot can be checked
    assert config["Cmd"] == ["python", "-m", "backends.knative.serve"]
    assert "MU2SLS_APP=/app/application/apps/counter" in config["Env"]
    assert not [each for each in config["Env"] if "KEY" in each]
