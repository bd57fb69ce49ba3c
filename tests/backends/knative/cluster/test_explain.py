"""An answer of the API server's becomes an error of its own type, with a remedy."""

import pytest

from backends.knative.cluster import errors
from backends.knative.cluster.explain import Answer, Asked, explain
from backends.knative.cluster.kinds import DEPLOYMENT, KNATIVE_SERVICE, NAMESPACE, SECRET

ASKED = Asked("patch", KNATIVE_SERVICE, "shop", "hotel", who="user ada (context test)")


def answer(code, message, reason="", **details):
    return Answer.in_status(
        {"kind": "Status", "code": code, "message": message, "reason": reason, "details": details}
    )


FORBIDDEN = (
    'secrets "key" is forbidden: User "ada" cannot patch resource "secrets" in API group "" in '
    'the namespace "shop"'
)
QUOTA = (
    'services.serving.knative.dev "hotel" is forbidden: exceeded quota: small, requested: '
    "count/services=1, used: count/services=3, limited: count/services=3"
)
REFUSED = (
    'admission webhook "validation.webhook.serving.knative.dev" denied the request: validation '
    "failed: must not set the field(s): spec.template.spec.containers[0].env[0]"
)
UNREACHED = (
    'Internal error occurred: failed calling webhook "webhook.serving.knative.dev": Post '
    '"https://webhook.knative-serving.svc:443/?timeout=10s": no endpoints available'
)


@pytest.mark.parametrize(
    ("given", "kind", "parts"),
    [
        (answer(401, "Unauthorized"), errors.Unauthenticated, ["user ada", "log in"]),
        (
            answer(403, FORBIDDEN, "Forbidden"),
            errors.Forbidden,
            ['apiGroups: [""]', 'resources: ["secrets"]', 'verbs: ["patch"]', "namespace shop"],
        ),
        (answer(403, QUOTA, "Forbidden"), errors.QuotaExceeded, ["used: count/services=3"]),
        (answer(403, REFUSED, "Forbidden"), errors.WebhookRefused, ["must not set the field"]),
        (answer(400, REFUSED, "BadRequest"), errors.WebhookRefused, ["validation.webhook"]),
        (answer(500, UNREACHED, "InternalError"), errors.WebhookFailed, ["could not be asked"]),
        (
            answer(403, "unable to create", causes=[{"reason": "NamespaceTerminating"}]),
            errors.Terminating,
            ["being deleted"],
        ),
        (
            answer(403, "pods must not run as root (pod security)", "Forbidden"),
            errors.Forbidden,
            ["pods must not run as root", "admission rule"],
        ),
        (
            answer(404, 'namespaces "shop" not found', kind="namespaces", name="shop"),
            errors.NamespaceMissing,
            ["shop", "--create-namespace"],
        ),
        (answer(404, "not found", "NotFound", name="hotel"), errors.NotThere, ["hotel"]),
        (Answer.of(404, b"404 page not found\n"), errors.NotInstalled, ["install Knative"]),
        (
            answer(404, "the server could not find the requested resource", "NotFound"),
            errors.NotInstalled,
            ["install Knative"],
        ),
        (answer(409, "the object has been modified", "Conflict"), errors.Modified, ["again"]),
        (answer(410, "too old resource version", "Expired"), errors.Gone, ["too old"]),
        (answer(413, "Request entity too large"), errors.Invalid, ["too large"]),
        (answer(422, "spec.x: Invalid value", "Invalid"), errors.Invalid, ["spec.x"]),
        (answer(429, "too many requests"), errors.TooBusy, ["overloaded"]),
        (answer(503, "etcdserver: leader changed"), errors.ServerFailed, ["leader changed"]),
        (Answer.of(502, b"<html>Bad Gateway</html>"), errors.ServerFailed, ["Bad Gateway"]),
        (Answer.of(503, None, "Service Unavailable"), errors.ServerFailed, ["Unavailable"]),
    ],
)
def test_each_answer_has_its_error(given, kind, parts):
    error = explain(ASKED, given)
    assert type(error) is kind
    for part in parts:
        assert part in str(error), str(error)


def test_a_conflict_of_fields_names_who_owns_what():
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using serving.knative.dev/v1',
            "field": ".spec.template",
        },
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "argo" with subresource "status" using apps/v1',
            "field": ".metadata.labels.a",
        },
    ]
    error = explain(ASKED, answer(409, "Apply failed with 2 conflicts", causes=causes))
    assert isinstance(error, errors.FieldConflict)
    assert error.owners == (("kubectl-edit", ".spec.template"), ("argo", ".metadata.labels.a"))
    assert "--force-conflicts" in str(error)
    assert ".spec.template is owned by kubectl-edit" in str(error)


def test_without_words_the_rule_is_what_was_asked():
    asked = Asked("get", SECRET, "shop", "key", "log")
    error = explain(asked, Answer.of(403, b""))
    assert 'resources: ["secrets/log"], verbs: ["get"]' in str(error)


def test_a_cluster_wide_kind_needs_a_cluster_role():
    error = explain(Asked("get", NAMESPACE, "shop", "shop"), Answer.of(403, b""))
    assert "a ClusterRole needs" in str(error)


def test_an_unknown_kind_of_kubernetes_itself():
    error = explain(Asked("list", DEPLOYMENT, "shop"), Answer.of(404, b"404 page not found"))
    assert isinstance(error, errors.NotInstalled)
    assert "newer Kubernetes" in str(error)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"kind": "Status"}', b"\xff", b'{"kind": "Status", "details":3}'],
)
@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 302])
def test_no_body_is_too_strange(code, body):
    assert isinstance(explain(ASKED, Answer.of(code, body)), errors.ClusterError)
