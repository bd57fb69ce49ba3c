"""Names of services as names of objects: lawful, unique, or refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.knative.errors import RenderProblem
from backends.knative.names import kubernetes_name
from backends.knative.render import render
from tests.backends.knative.manifests import settings, written

SERVICE = """
@service
class {name}:
    def __init__(self):
        self.n: Persistent[int] = 0

    def get(self) -> int:
        return self.n
"""


def application(tmp_path, *names):
    text = "from compiler import Persistent, service\n"
    return written(tmp_path, text + "".join(SERVICE.format(name=name) for name in names))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Hotel", "hotel"),
        ("OrderBook", "order-book"),
        ("HTTPServer", "http-server"),
        ("Order_Book2", "order-book2"),
        ("Zimmer2Frei", "zimmer2-frei"),
        ("_Hidden", "hidden"),
    ],
)
def test_a_class_name_becomes_a_label(name, label):
    assert kubernetes_name(name) == label


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True))
def test_whatever_it_becomes_is_a_dns_label(name):
    try:
        label = kubernetes_name(name)
    except RenderProblem:
        assert not re.search("[A-Za-z]", name) or re.match("_*[0-9]", name)
    else:
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", label)
        assert kubernetes_name(label) == label


@pytest.mark.parametrize("name", ["_1", "__", "_2nd", "Ж"])
def test_a_name_without_letters_to_use_is_refused(name):
    with pytest.raises(RenderProblem, match="rename it"):
        kubernetes_name(name)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("OrderBook", "Order_Book"), "so is service OrderBook: rename"),
        (("Gateway",), "so is the gateway: rename"),
        (("Upkeep",), "so is upkeep: rename"),
        (("Common",), "so is what they share: rename"),
        (("A" * 60,), "over 50 characters"),
    ],
)
def test_names_that_collide_or_do_not_fit_are_refused(tmp_path, names, says):
    with pytest.raises(RenderProblem) as refused:
        render(application(tmp_path, *names), settings())
    assert says in str(refused.value)


def test_names_that_differ_stay_apart(tmp_path):
    manifests = render(application(tmp_path, "OrderBook", "OrderBooks"), settings())
    names = [m["metadata"]["name"] for m in manifests if m["kind"] == "Service"]
    assert names == ["shop-order-books", "shop-order-book", "shop-gateway"]
