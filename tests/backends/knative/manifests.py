"""Applications and what is rendered of them."""

import functools
from pathlib import Path

from backends.knative.render import render
from backends.knative.settings import Settings
from compiler.application import load

ROOT = Path(__file__).parents[3]
APPS = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("apps/*/__init__.py"))
CLUSTER_FILE = b"hotel:Xk3mP9@10.0.4.1:4500,10.0.4.2:4501:tls\n"
KEY = b"0123456789abcdef0123456789abcdef"


@functools.cache
def application(app):
    return load(ROOT / app)


def settings(**changes):
    given = {"image": "registry/app:1", "cluster_file": CLUSTER_FILE, "wire_key": KEY}
    return Settings(**{**given, **changes})


def rendered(path="apps/hotel", /, **changes):
    return render(application(path), settings(**changes))


def of_kind(manifests, kind, api="serving.knative.dev/v1"):
    return {
        manifest["metadata"]["name"]: manifest
        for manifest in manifests
        if manifest["kind"] == kind and manifest["apiVersion"] == api
    }


def written(tmp_path, text, name="shop"):
    """An application made of a source text."""
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return load(path)
