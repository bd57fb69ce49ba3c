"""Whether a manifest is what the cluster would take, unknown fields refused.

Knative's kinds are held against the official definitions (``openAPIV3Schema``), Kubernetes' own
against the models of its official client, which are generated from its API.
"""

import base64
import functools
import re
from pathlib import Path

import kubernetes.client
import pytest
import yaml

ROOT = Path(__file__).parents[3]
DEFINITIONS = ROOT.parent / "shared" / "knative"
NATIVE = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Secret"): "V1Secret",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}
CONFIGURATION = kubernetes.client.Configuration()


@functools.cache
def definition(version="1.23"):
    """The schema of Knative Services, or a visible skip."""
    path = DEFINITIONS / version / "service.crd.yaml"
    if not path.exists():
        pytest.skip(f"Knative's definitions are not there: {path}")
    found = yaml.safe_load(path.read_text())
    return found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def crd_problems(value, schema, place="", top=True):
    """What a structural schema has against a value, pruning counted as refusal."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            return [f"{place}: neither number nor string"]
        pattern = schema.get("pattern")
        if isinstance(value, str) and pattern and not re.search(pattern, value):
            return [f"{place}: does not match"]
        return []
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kind = schema.get("type")
    if kind and (
        not isinstance(value, kinds[kind]) or (kind == "integer" and isinstance(value, bool))
    ):
        return [f"{place}: not of type {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place}: not one of {schema['enum']}"]
    if isinstance(value, list):
        items = schema.get("items", {})
        return [
            problem
            for number, each in enumerate(value)
            for problem in crd_problems(each, items, f"{place}[{number}]", False)
        ] + map_list_problems(value, schema, place)
    if isinstance(value, dict):
        return object_problems(value, schema, place, top)
    return []


def map_list_problems(value, schema, place):
    if schema.get("x-kubernetes-list-type") != "map":
        return []
    keys = [tuple(each.get(key) for key in schema["x-kubernetes-list-map-keys"]) for each in value]
    return [] if len(keys) == len(set(keys)) else [f"{place}: the same key twice"]


def object_problems(value, schema, place, top):
    known = schema.get("properties", {})
    others = schema.get("additionalProperties")
    found = [f"{place}.{name}: missing" for name in schema.get("required", ()) if name not in value]
    for name, each in value.items():
        if top and name == "metadata":
            found += model_problems(each, "V1ObjectMeta", f"{place}.metadata")
        elif name in known:
            found += crd_problems(each, known[name], f"{place}.{name}", False)
        elif others is not None:
            found += crd_problems(
                each, others if others is not True else {}, f"{place}.{name}", False
            )
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.append(f"{place}.{name}: unknown")
    return found


def model_problems(value, kind, place=""):
    """What the client's model of a kind has against a value."""
    kind = kind[:1].lower() + kind[1:] if kind.startswith(("List[", "Dict[")) else kind
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{place}: no list"]
        return [
            problem
            for number, each in enumerate(value)
            for problem in model_problems(each, kind[5:-1], f"{place}[{number}]")
        ]
    if kind.startswith(("dict(", "dict[")):
        inner = kind[5:-1].split(", ")[1]
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            return [f"{place}: no mapping"]
        return [p for name in value for p in model_problems(value[name], inner, f"{place}.{name}")]
    if kind in PLAIN:
        wrong = not isinstance(value, PLAIN[kind]) or (kind == "int" and isinstance(value, bool))
        return [f"{place}: no {kind}"] if wrong else []
    if kind == "datetime":
        return []
    if kind == "bytes":
        return [] if is_base64(value) else [f"{place}: not base64"]
    model = getattr(kubernetes.client, kind)
    if not isinstance(value, dict):
        return [] if kind == "IntOrString" else [f"{place}: no {kind}"]
    return [*missing(value, model, place), *fields(value, model, place)]


def is_base64(value):
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except ValueError:
        return False


def missing(value, model, place):
    """Required fields, by what the client's release has: declared, or its constructor refuses."""
    if hasattr(model, "model_fields"):
        required = [name for name, each in model.model_fields.items() if each.is_required()]
        wire = model.attribute_map
        return [f"{place}.{wire[n]}: missing" for n in required if value.get(wire[n]) is None]
    named = {wire: name for name, wire in model.attribute_map.items()}
    given = {named[wire]: each for wire, each in value.items() if wire in named}
    try:
        model(**given, local_vars_configuration=CONFIGURATION)
    except ValueError as error:
        return [f"{place}: {error}"]
    return []


def fields(value, model, place):
    kinds = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    found = []
    for name, each in value.items():
        if name not in kinds:
            found.append(f"{place}.{name}: unknown")
        elif (
            name in ("port", "targetPort", "maxUnavailable", "maxSurge") and kinds[name] == "object"
        ):
            found += [] if isinstance(each, int | str) else [f"{place}.{name}: neither"]
        else:
            found += model_problems(each, kinds[name], f"{place}.{name}")
    return found


def problems(manifest, version="1.23"):
    """What is wrong with a manifest; empty if a cluster takes it as it is."""
    kind = (manifest.get("apiVersion"), manifest.get("kind"))
    if kind == ("serving.knative.dev/v1", "Service"):
        return crd_problems(manifest, definition(version))
    return model_problems(manifest, NATIVE[kind])
