"""The command line: what it teaches, what it refuses, and that a dry run needs nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from urllib3.exceptions import NewConnectionError

from backends.knative import cli
from tests.backends.knative.cluster.running import CLUSTER_FILE, TWO, run
from tests.backends.knative.cluster.standin import StandIn, listing, status

ROOT = Path(__file__).parents[3]
COMMANDS = ("build", "render", "deploy", "status", "resume", "invoke", "run", "logs", "delete")


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "FDB_CLUSTER_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(TWO)
    return path


def manifests(seen):
    return list(YAML(typ="safe").load_all(seen.out))


def test_help_names_every_command_and_says_what_it_does():
    seen = run("--help")
    assert seen.status == 0
    for command in COMMANDS:
        assert f"\n    {command} " in seen.out
        assert run(command, "--help").status == 0
    assert "exit status:" in seen.out
    assert "deploy apps/hotel --dry-run" in seen.out


def test_help_names_what_a_command_takes_and_nothing_else():
    assert "--name" not in run("build", "--help").out
    for command in ("build", "render", "deploy"):
        assert "deployment's name;" not in run(command, "--help").out
        assert "or the deployment's name" not in run(command, "--help").out
    for command in ("invoke", "run"):
        assert {"--url", "--host"} <= set(run(command, "--help").out.split())


def test_every_command_has_its_function():
    for command in COMMANDS:
        assert callable(cli._command(command))
    assert set(cli._COMMANDS) == set(COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly", "apps/hotel"],
        ["deploy"],
        ["deploy", "apps/hotel", "--dry"],
        ["deploy", "apps/hotel", "--dry-run=maybe"],
        ["deploy", "apps/hotel", "--timeout", "0"],
        ["deploy", "apps/hotel", "--timeout", "nan"],
        ["logs", "apps/hotel", "--since", "yesterday"],
        ["logs", "apps/hotel", "--since", "0s"],
        ["logs", "apps/hotel", "--tail", "-1"],
        ["build", "apps/hotel"],
        ["build", "apps/hotel", "--image", "shop", "--builder", "make"],
    ],
    ids=" ".join,
)
def test_bad_arguments(arguments):
    seen = run(*arguments)
    assert seen.status == 2
    assert seen.out == ""
    assert seen.err.startswith("usage:")


def test_a_dry_run_prints_manifests_and_says_what_is_missing(app):
    seen = run("deploy", app, "--dry-run")
    assert seen.status == 0
    found = manifests(seen)
    kinds = {(each["kind"], each["metadata"]["name"]) for each in found}
    assert {("Service", "shop-stock"), ("Deployment", "shop-upkeep")} <= kinds
    assert "Secret" not in {kind for kind, _name in kinds}
    for part in ("placeholder", "--image", "shop-wire-key", "shop-cluster-file", "kubectl create"):
        assert part in seen.err


def test_a_dry_run_with_everything_given_has_nothing_to_add(app, tmp_path):
    cluster, key = tmp_path / "fdb.cluster", tmp_path / "key"
    cluster.write_bytes(CLUSTER_FILE)
    key.write_bytes(b"k" * 32)
    given = ["--image", "r/shop:1", "--cluster-file", cluster, "--wire-key-file", key, "-n", "here"]
    seen = run("deploy", app, "--dry-run", *given)
    assert (seen.status, seen.err) == (0, "")
    found = manifests(seen)
    assert {each["metadata"]["namespace"] for each in found} == {"here"}
    assert {each["metadata"]["name"] for each in found if each["kind"] == "Secret"} == {
        "shop-cluster-file",
        "shop-wire-key",
    }
    assert run("render", app, *given).out == seen.out


def test_a_dry_run_needs_nothing_but_the_repository():
    """No Kubernetes client, no configuration, no network."""
    program = (
        "import sys; sys.modules['kubernetes'] = None; sys.modules['urllib3'] = None\n"
        "from backends.knative.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "deploy", "apps/hotel", "--dry-run"]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kind: Service\n") == 5


def test_without_the_client_a_cluster_cannot_be_asked():
    program = (
        "import sys; sys.modules['kubernetes'] = None\n"
        "from backends.knative.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "status", "apps/hotel"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'mu2sls[knative]'" in done.stderr
    assert "Traceback" not in done.stderr


ASKING = [
    ["status", "shop"],
    ["logs", "shop"],
    ["logs", "shop", "--follow"],
    ["delete", "shop", "--yes"],
    ["invoke", "shop", "Shop.buy", "x"],
    ["run", "scenarios/smoke.yaml"],
    ["deploy", "apps/hotel", "--image", "shop", "--cluster-config-map", "fdb"],
    ["deploy", "apps/hotel", "--image", "shop", "--cluster-config-map", "fdb", "--dry-run=server"],
]
"""Every command that needs a cluster."""


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_without_a_configuration_there_is_no_cluster(monkeypatch, command):
    monkeypatch.chdir(ROOT)
    seen = run(*command)
    assert (seen.status, seen.out) == (2, "")
    assert "no Kubernetes configuration" in seen.err
    assert "KUBECONFIG" in seen.err
    assert len(seen.err.splitlines()) == 1


def configure(monkeypatch, path, server):
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: a,"
        f" clusters: [{{name: a, cluster: {{server: '{server}'}}}}], users: [],"
        " contexts: [{name: a, context: {cluster: a}}]}"
    )
    monkeypatch.setenv("KUBECONFIG", str(path))


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_server_that_cannot_be_reached(monkeypatch, tmp_path, command):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    patient = "backends.knative.cluster.api.Api._send"
    monkeypatch.setattr(patient, refused := Refused())
    configure(monkeypatch, tmp_path / "kubeconfig", "http://127.0.0.1:1")
    seen = run(*command)
    assert (seen.status, seen.out) == (2, "")
    last = seen.err.splitlines()[-1]
    assert "http://127.0.0.1:1 cannot be reached: Connection refused: see whether" in last
    assert "--context" in last
    assert "object at" not in last
    assert refused.times > 1


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_namespace_that_there_is_not(monkeypatch, tmp_path, command):
    monkeypatch.chdir(ROOT)

    def handle(asked):
        if asked.path == "/api/v1/namespaces/nowhere":
            return status(404, "not found", "NotFound", {"name": "nowhere", "kind": "namespaces"})
        return listing([])

    with StandIn(handle) as server:
        configure(monkeypatch, tmp_path / "kubeconfig", server.url)
        seen = run(*command, "--namespace", "nowhere")
    assert (seen.status, seen.out) == (2, "")
    assert "namespace nowhere does not exist" in seen.err
    assert "--namespace" in seen.err
    assert len(seen.err.splitlines()) == 1


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_names_that_there_cannot_be(monkeypatch, tmp_path, command):
    """They are refused before anything is asked."""
    monkeypatch.chdir(ROOT)
    configure(monkeypatch, tmp_path / "kubeconfig", "http://127.0.0.1:1")
    for option, name in (("--namespace", "a/b"), ("--namespace", "A"), ("--name", "A b")):
        seen = run(*command, option, name)
        assert (seen.status, seen.out) == (2, "")
        assert option in seen.err
        assert repr(name) in seen.err or name in seen.err
        assert len(seen.err.splitlines()) == 1
    seen = run(*command, "--context", "other")
    assert (seen.status, seen.out) == (2, "")
    assert "there is no context other" in seen.err
    assert seen.err.endswith("it has a\n")


def test_logs_of_a_service_that_there_is_not(monkeypatch, tmp_path):
    def handle(asked):
        labels = {"app.kubernetes.io/component": "stock"}
        item = {"kind": "Service", "metadata": {"name": "shop-stock", "labels": labels}}
        return listing([] if asked.path.endswith("/pods") else [item])

    with StandIn(handle) as server:
        configure(monkeypatch, tmp_path / "kubeconfig", server.url)
        seen = run("logs", "shop", "--service", "Stork")
        assert (seen.status, seen.out) == (2, "")
        assert "shop has no stork in namespace default: choose one of stock" in seen.err
        assert run("logs", "shop", "--service", "Stock").status == 1


class Refused:
    """In place of a request: nobody listens."""

    def __init__(self):
        self.times = 0

    def __call__(self, *_asked):
        self.times += 1
        raise NewConnectionError(object(), "Connection refused")


def test_deploying_takes_an_image(app, monkeypatch):
    configure(monkeypatch, app.with_name("kubeconfig"), "http://127.0.0.1:1")
    seen = run("deploy", app)
    assert seen.status == 2
    assert "--image" in seen.err


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("image: r/shop:7\nscale: {min_scale: 1}\n", None),
        ("image: [", ["is not YAML"]),
        ("image: 2001-99-99", ["is not YAML"]),
        ("- image", ["holds no settings"]),
        ("", ["is empty"]),
        ("imgae: x\n", ["no setting imgae", "image"]),
        ("image: shop\n\ntimeout: soon\n", [":3: timeout: ", "`int`"]),
        (
            "image: shop\nscale:\n  minscale: 1\n",
            [":3: ", "no setting scale.minscale", "mean min_scale"],
        ),
        ("nodes: {retries: 1}", [":1: ", "no setting nodes.retries", "attempts"]),
        ("scale: 5", [":1: scale: "]),
        ("scales:\n  Stock:\n    concurrency: lots\n", [":3: scales.Stock.concurrency: "]),
        ("scales:\n  Stock:\n    concurrency: 1001\n", [":3: Stock cannot", "1000 at most"]),
        ("image: shop\nscale: {concurrency: 1001}\n", [":2: ", "1000 at most"]),
        ("scales: {1: {}}", [":1: scales.1: "]),
        ("scales:\n  Stock: {}\n  Stork: {}\n", [":3: ", "scales has Stork", "Stock"]),
        ("resources:\n  memory_limit: big\n", [":2: ", "'big'", "512Mi"]),
        ("image: Shop\n", [":1: ", "in lower case"]),
        ("uid: 5\ntimeout: 7\n", [":2: ", "a timeout of 7 s"]),
        ("namespace: A\n", [":1: ", "no namespace 'A'"]),
        ("name: A\n", [":1: ", "no DNS label"]),
        ("uid: 1\nuid: 2\n", [":2: ", "is not YAML", "duplicate key"]),
        ("[" * 5000, ["nested too deeply"]),
        ("wire_key: abc\n", ["--wire-key-file"]),
        ("cluster_file: abc\n", ["--cluster-file"]),
    ],
)
def test_settings_come_from_a_file(app, tmp_path, text, parts):
    settings = tmp_path / "settings.yaml"
    settings.write_text(text)
    seen = run("render", app, "--settings", settings)
    if parts is None:
        assert seen.status == 0
        assert "image: r/shop:7" in seen.out
        assert (
            "image: r/shop:8"
            in run("render", app, "--settings", settings, "--image", "r/shop:8").out
        )
        return
    assert seen.status == 2
    for part in [*parts, str(settings)]:
        assert part in seen.err
    assert len(seen.err.splitlines()) == 1


def test_what_an_option_gives_is_not_blamed_on_the_file(app, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("image: r/shop:7\nnamespace: here\n")
    seen = run("render", app, "--settings", settings, "--image", "Shop")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith("--image: ")


@pytest.mark.parametrize("option", ["--settings", "--cluster-file", "--wire-key-file"])
def test_files_that_cannot_be_read(app, tmp_path, option):
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        seen = run("render", app, option, path)
        assert seen.status == 2
        assert why in seen.err
        assert option in seen.err


def test_files_that_hold_something_else(app, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\xff\xfe")
    for option, says in (
        ("--settings", "holds no settings"),
        ("--cluster-file", "no cluster file"),
        ("--wire-key-file", "2 bytes is too short"),
    ):
        seen = run("render", app, option, path)
        assert (seen.status, seen.out) == (2, "")
        assert seen.err.startswith(f"{path}")
        assert says in seen.err
        assert len(seen.err.splitlines()) == 1


def test_the_cluster_file_of_foundationdb_is_found(app, tmp_path, monkeypatch):
    path = tmp_path / "fdb.cluster"
    path.write_bytes(CLUSTER_FILE)
    monkeypatch.setenv("FDB_CLUSTER_FILE", str(path))
    assert "shop-cluster-file" not in run("render", app).err
    assert "kind: Secret" not in run("render", app, "--cluster-config-map", "fdb").out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["status", "x", "--name", "a b"], "a-z, 0-9 and -"),
        (["delete", "x", "--yes", "--name", "x,y!=z"], "a-z, 0-9 and -"),
        (["invoke", "x", "A.b", "--url", "http://"], "http://host:port"),
        (["invoke", "x", "A.b", "--url", "http://["], "http://host:port"),
        (["invoke", "x", "A.b", "--url", "http://h:99999"], "http://host:port"),
        (["invoke", "x", "A.b", "--url", "http://h", "--host", "a\nb"], "--host"),
        (["invoke", "x", "A.b", "--url", "http://h", "--key", "\u00e9"], "--key"),
        (["invoke", "x", "A.b", "--url", "http://h", "--host", "http://h"], "--host"),
        (["run", "scenarios/smoke.yaml", "--url", "gateway"], "http://host:port"),
        (["run", "scenarios/smoke.yaml", "--url", "http://h", "--host", "a b"], "--host"),
        (["run", "scenarios/smoke.yaml", "--name", "A b"], "--name"),
        (["render", "apps/hotel", "--image", "A b"], "no name of an image"),
        (["deploy", "apps/hotel", "--image", "A b"], "no name of an image"),
        (["build", "apps/hotel", "--image", "A b"], "no name of an image"),
        (["build", "apps/hotel", "--image", f"shop@sha256:{'0' * 64}"], "give a tag"),
        (["render", "apps/hotel", "--cluster-config-map", "A b"], "--cluster-config-map"),
        (["render", "apps/hotel", "--namespace", "A b"], "--namespace"),
        (["render", "apps/hotel", "--name", "A b"], "--name"),
    ],
)
def test_names_and_addresses_that_are_none(monkeypatch, arguments, part):
    monkeypatch.chdir(ROOT)
    seen = run(*arguments)
    assert (seen.status, seen.out) == (2, "")
    assert part in seen.err
    assert len(seen.err.splitlines()) == 1


def test_no_such_application():
    seen = run("render", "apps/nowhere")
    assert seen.status == 2
    assert "apps/nowhere" in seen.err


def test_a_program_with_errors(app):
    app.write_text(TWO.replace("call(Stock.add", "call(Stock.ad"))
    seen = run("deploy", app, "--dry-run")
    assert seen.status == 2
    assert "shop.py:18" in seen.err


def test_ctrl_c_says_what_stays(app, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_command", lambda _name: interrupted)
    seen = run("deploy", app)
    assert (seen.status, seen.err) == (
        130,
        "interrupted; what was done so far stays, and the same command goes on from there\n",
    )
    assert run("status", app).err == "interrupted\n"


def test_build_hands_on_what_is_asked_for(app, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "backends.knative.commands.image.build_image", lambda *given: asked.append(given)
    )
    options = ["--push", "--builder", "buildah", "--build-option=--isolation=chroot"]
    seen = run("build", app, "--image", "r/shop:1", *options, "--extra", "a.csv")
    assert seen.status == 0
    ((path, tags, build, _told),) = asked
    assert (path, tags) == (str(app), ["r/shop:1"])
    assert (build.push, build.builder, build.options) == (True, "buildah", ("--isolation=chroot",))
    assert build.extras == (Path("a.csv"),)
    assert "r/shop:1 built and pushed" in seen.out
