"""The page at ``/``, and a page for each kind of problem: self-contained HTML.

Nothing is loaded from elsewhere, and the policy that goes along with the pages allows nothing
but their own style and script, by digest. Everything that comes from the application is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from inspect import Parameter as Python
from inspect import cleandoc
from typing import Any

import msgspec

from backends.runtime.public.look import SCRIPT, STYLE
from backends.runtime.public.operations import Operation, Parameter
from backends.runtime.public.problems import Kind
from backends.runtime.public.service_map import draw
from compiler.application import Application
from core.callers import KNOWN

__all__ = ["SECURITY", "problem_page", "render"]


def _digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src {_digest(STYLE)}",
            f"script-src {_digest(SCRIPT)}",
            "connect-src 'self'",
            "img-src data:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of the pages."""

_OUTCOMES = {
    "done": "done: the method ran to its end; its answer is kept, but cannot be shown",
    "raised": "raised: the method ran and raised; asking again gives the same",
    "definite": "definite: this try did nothing and will do nothing",
    "indefinite": "indefinite: nobody knows yet; ask again, with the same key",
}


def render(
    application: Application, operations: Mapping[str, Operation], bearers: str = ""
) -> bytes:
    """The page of an application.

    :param bearers: what callers are known by; empty: nobody is known.
    """
    services: dict[str, list[Operation]] = {}
    for operation in operations.values():
        services.setdefault(operation.service, []).append(operation)
    drawing = draw(application)
    body = (
        f'<div class="shell">{_navigation(application.name, services)}<main>'
        f"<h1>{escape(application.name)}</h1>"
        '<p class="lead">Call a method with POST and JSON. It runs exactly once for each '
        "<code>Idempotency-Key</code>, whatever fails: ask again with the same key until there "
        "is an answer. With <code>Prefer: respond-async</code> it is answered at once, and what "
        "becomes of it is at <code>/requests/KEY</code>.</p>"
        '<div class="links"><a href="/openapi.json">OpenAPI document</a>'
        '<a href="/healthz">/healthz</a><a href="/readyz">/readyz</a></div>'
        + (f'<div class="scroll">{drawing}</div>' if drawing else "")
        + "".join(_service(application, name, listed, bearers) for name, listed in services.items())
        + f"</main></div><script>{SCRIPT}</script>"
    )
    return _document(application.name, body)


def problem_page(kind: Kind) -> bytes:
    """The page of a kind of problem."""
    again = f"after {kind.retry_after} s" if kind.retry_after else "does not help"
    if kind.slug == "internal":
        again = "with the same key"
    rows = (
        ("status", str(kind.status)),
        ("outcome", _OUTCOMES[kind.outcome]),
        ("asking again", again),
        ("type", f"/problems/{kind.slug}"),
    )
    table = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    body = (
        f'<main><h1>{escape(kind.title)}</h1><p class="lead">{_marked(kind.meaning)}</p>'
        f'<table>{table}</table><p><a href="/">All methods</a></p></main>'
    )
    return _document(kind.title, body)


def _document(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{body}</body></html>"
    ).encode(errors="replace")


def _marked(text: str) -> str:
    """Text with `code` in backticks, single or double."""
    parts = escape(text).replace("``", "`").split("`")
    return "".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(parts))


def _navigation(name: str, services: Mapping[str, list[Operation]]) -> str:
    lists = "".join(
        f'<h2><a href="#{escape(service)}">{escape(service)}</a></h2><ul>'
        + "".join(
            f'<li><a href="#{escape(each.full_name)}">{escape(each.name)}</a></li>'
            for each in listed
        )
        + "</ul>"
        for service, listed in services.items()
    )
    return f'<nav><a class="brand" href="/">{escape(name)}</a>{lists}</nav>'


def _service(application: Application, name: str, operations: list[Operation], bearers: str) -> str:
    documentation = cleandoc(application.classes[name].__doc__ or "")
    return (
        f'<section id="{escape(name)}"><h2>{escape(name)}</h2>'
        + (f"<p>{_marked(documentation)}</p>" if documentation else "")
        + "".join(_method(each, bearers) for each in operations)
        + "</section>"
    )


def _method(operation: Operation, bearers: str) -> str:
    name, _, rest = operation.shown.partition("(")
    badges = []
    if operation.allow:
        who = " or ".join(sorted(operation.allow - {KNOWN})) or "known callers"
        badges.append(f'<span class="badge">for {escape(who)}</span>')
    if operation.facts.read_only:
        badges.append('<span class="badge reads">read-only</span>')
    if operation.transactional:
        badges.append('<span class="badge transaction">transaction</span>')
    elif operation.facts.single_region and not operation.facts.read_only:
        badges.append('<span class="badge">one commit</span>')
    documentation = operation.documentation
    return (
        f'<article id="{escape(operation.full_name)}"><header>'
        f'<h3 class="signature"><b>{escape(name)}</b>({escape(rest)}</h3>{"".join(badges)}</header>'
        + (f'<div class="doc">{_marked(documentation)}</div>' if documentation else "")
        + _facts(operation)
        + _form(operation, bearers)
        + "</article>"
    )


def _facts(operation: Operation) -> str:
    calls = [
        f'<a href="#{escape(each)}"><code>{escape(each)}</code></a>'
        for each in sorted(operation.facts.callees)
    ]
    touches = [f"<code>{escape(each)}</code>" for each in sorted(operation.facts.footprint)]
    rows = [("calls", calls), ("touches" if not operation.facts.read_only else "reads", touches)]
    shown = "".join(f"<dt>{what}</dt><dd>{' '.join(each)}</dd>" for what, each in rows if each)
    return f'<dl class="facts">{shown}</dl>' if shown else ""


# --- forms


def _form(operation: Operation, bearers: str) -> str:
    fields = "".join(map(_field, _fields(operation.parameters)))
    path = escape(f"/{operation.full_name}")
    return (
        f'<details><summary>Try it</summary><form action="{path}" autocomplete="off">{fields}'
        '<div class="keyline"><label>Idempotency-Key<input name="Idempotency-Key" '
        'maxlength="257" spellcheck="false"></label>'
        '<button type="button" class="draw">New key</button></div>'
        f"{_BEARER.format(escape(bearers)) if bearers else ''}"
        f"{'' if operation.facts.read_only else _PREFER}"
        '<div class="curl"><pre></pre><button type="button" class="copy">Copy</button></div>'
        '<button class="send">Send</button>'
        '<div class="answer" hidden aria-live="polite"><div class="told"></div><pre></pre></div>'
        "</form></details>"
    )


_PREFER = (
    '<label class="prefer"><span><input type="checkbox" name="respond-async"> '
    "do not wait for the answer: <code>Prefer: respond-async</code></span></label>"
)
_BEARER = (
    '<div class="keyline"><label>Authorization: Bearer ({})<input name="Authorization" '
    'type="password" spellcheck="false"></label></div>'
)


def _fields(parameters: Iterable[Parameter]) -> list[Parameter]:
    """Those that can be given by name."""
    by_position = (Python.POSITIONAL_ONLY, Python.VAR_POSITIONAL)
    return [each for each in parameters if each.kind not in by_position]


def _field(parameter: Parameter) -> str:
    many = parameter.kind is Python.VAR_KEYWORD
    kind = "json" if many else _input_kind(parameter.type)
    example = "{}" if many else _EXAMPLES.get(kind, "")
    optional = ""
    if parameter.default is not None:
        optional = f' <span class="optional">= {escape(parameter.default)}</span>'
    shown = f": {parameter.shown}" if parameter.shown else ""
    required = " required" if parameter.required and kind != "text" else ""
    marked = ' data-required="yes"' if parameter.required else ""
    return (
        f"<label><span>{escape(parameter.name)}"
        f'<span class="type">{escape(shown)}</span>{optional}</span>'
        f'<input name="{escape(parameter.name)}" data-as="{kind}"{required}{marked}'
        + (' data-many="names"' if many else "")
        + f' placeholder="{example}" spellcheck="false"></label>'
    )


_EXAMPLES = {"text": "text", "json": "JSON", "any": "JSON or text"}


def _input_kind(kind: Any) -> str:
    """Whether a form takes a parameter as text, as JSON, or as either."""
    if kind is Any:
        return "any"
    (schema,), _ = msgspec.json.schema_components([kind])
    return "text" if schema.get("type") == "string" else "json"
