"""The pages: complete, self-contained, and nothing of the application's text is markup."""

import asyncio
import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from backends.runtime.public.problems import KINDS
from tests.backends.runtime.public.parts import Gateway

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """What is in a page."""

    def __init__(self, outgoing):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.inline = [], [], set(), [], {}
        self.fields = {}
        self.text = outgoing.body.decode()
        self.feed(self.text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            assert attributes["id"] not in self.ids
            self.ids.add(attributes["id"])
        if tag == "form":
            self.fields[attributes["action"]] = []
        if tag == "input" and attributes["name"] not in ("Idempotency-Key", "respond-async"):
            self.fields[list(self.fields)[-1]].append((attributes["name"], attributes["data-as"]))
        self.links += [v for k, v in attrs if k in ("href", "src", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.inline[self.open[-1]] = self.inline.get(self.open[-1], "") + data


def get(application, path="/"):
    answer = asyncio.run(Gateway(application).send("GET", path))
    assert (answer.status, answer.content_type) == (200, "text/html")
    return Page(answer), answer


@pytest.mark.parametrize("name", ["hotel", "bank", "shelf"])
def test_every_method_has_its_form(name, request):
    application = request.getfixturevalue(name)
    page, _ = get(application)
    public = {
        f"{service.name}.{method.name}"
        for service in application.program.services.values()
        for method in service.methods.values()
        if method.public
    }
    assert {action[1:] for action in page.fields} == public
    assert public <= page.ids
    assert set(application.program.services) <= page.ids


def test_forms_ask_for_what_methods_take(shelf, bank):
    page, _ = get(shelf)
    assert page.fields["/Shelf.get"] == [("name", "text")]
    assert page.fields["/Shelf.put"] == [("thing", "json"), ("by", "text")]
    assert page.fields["/Shelf.anything"] == [("what", "any"), ("named", "json")]
    assert page.fields["/Wall.hello"] == []
    kinds = dict(page.fields["/Shelf.mix"])
    assert kinds["when"] == kinds["uuid"] == kinds["data"] == "text"
    assert kinds["number"] == kinds["pair"] == kinds["few"] == "json"
    text = get(bank)[0].text
    assert "transfer</b>(source: str, target: str, amount: int) -&gt; None" in text
    assert ":raises InsufficientFunds:" in text


def test_badges_calls_and_touches(bank):
    text = get(bank)[0].text
    transfer = text[text.index('<article id="Bank.transfer"') :].partition("</article>")[0]
    assert 'class="badge transaction"' in transfer
    assert "<code>North.deposit</code>" in transfer
    assert "<code>Bank.reported</code>" in transfer
    audit = text[text.index('<article id="Bank.audit"') :].partition("</article>")[0]
    assert 'class="badge reads"' in audit


def test_what_the_application_says_is_text(shelf):
    page, _ = get(shelf)
    assert "Keeps &lt;things&gt; &amp; counts &quot;them&quot;." in page.text
    assert "<things>" not in page.text
    assert not any(tag == "things" for tag, _ in page.tags)
    assert "what is in it" not in page.text or "<b>data class</b>" not in page.text


@pytest.mark.parametrize("path", ["/", *(f"/problems/{slug}" for slug in KINDS)])
def test_nothing_is_loaded_from_elsewhere(shelf, path):
    page, _ = get(shelf, path)
    for link in page.links:
        assert link.startswith(("/", "#", "data:,")), link
        assert not link.startswith("//")
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
    assert not re.search(r"url\((?!#head)|@import|https?://", page.text)
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag


def test_the_policy_allows_the_pages_own_script_and_style_alone(shelf):
    page, answer = get(shelf)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.inline[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("slug", list(KINDS))
def test_a_problems_type_leads_to_its_page(shelf, slug):
    page, _ = get(shelf, f"/problems/{slug}")
    assert KINDS[slug].title in page.text
    assert str(KINDS[slug].status) in page.text
