"""The OpenAPI 3.1 document: from the annotations, the docstrings and what the analysis proved.

Extensions of ours: ``x-read-only``, ``x-transactional``, ``x-calls`` and ``x-touches``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from backends.runtime.public.keys import AHEAD_SECONDS
from backends.runtime.public.operations import Operation, Parameter
from backends.runtime.public.problems import KINDS
from backends.runtime.public.requests import PATH
from backends.runtime.public.schemas import Json, schemas_of
from backends.runtime.settings import Settings
from core.callers import KNOWN
from core.client_keys import KEY_LENGTH
from core.promises import STATES

__all__ = ["describe"]

_BY_POSITION = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_SCHEME = "bearer"
_PROBLEM = "problem-answer"  # no identifier, so no class of the application has that name
_UNFINISHED = "unfinished-request"
_ELSEWHERE = {
    *("no-request", "request-done", "not-found", "method-not-allowed", "too-long"),
    "unknown-host",
}
"""Problems of paths that the document does not have, or that were not read to their end."""


def describe(
    name: str, operations: Mapping[str, Operation], settings: Settings, bearers: str = ""
) -> Json:
    """The document of an application.

    :param bearers: what callers are known by, a key or a JWT; empty: nobody is known.
    """
    schemas, components = _schemas(operations)
    components[_PROBLEM] = _problem_schema()
    components[_UNFINISHED] = _unfinished_schema()
    services = dict.fromkeys(operation.service for operation in operations.values())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": "1",
            "description": "Every method runs exactly once for each `Idempotency-Key`, whatever "
            "fails: ask again with the same key until there is an answer.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": service} for service in services],
        "paths": {
            **{f"/{each.full_name}": _path(each, schemas, bearers) for each in operations.values()},
            f"{PATH}{{key}}": _request_path(settings, bearers),
        },
        "components": {
            "schemas": components,
            "parameters": _headers(settings),
            "headers": {"Idempotency-Key": _answered_key()},
            "responses": {**_problems(), _UNFINISHED: _unfinished()},
            **({"securitySchemes": {_SCHEME: _scheme(bearers)}} if bearers else {}),
        },
    }


def _scheme(bearers: str) -> Json:
    return {"type": "http", "scheme": "bearer", "bearerFormat": bearers}


def _security(operation: Operation, bearers: str) -> Json:
    """Who may call a method: anybody, or whoever is known; the roles are for people to read."""
    if not bearers:
        return {}
    needed: list[Json] = [{_SCHEME: sorted(operation.allow - {KNOWN})}]
    return {"security": needed if operation.allow else [{}, {_SCHEME: []}]}


class _Schemas:
    """JSON schemas of the types that annotations name."""

    def __init__(self, kinds: list[Any], schemas: tuple[Json, ...]) -> None:
        self._by_type = list(zip(kinds, schemas, strict=True))

    def of(self, kind: Any) -> Json:
        """The schema of a type; Any allows everything."""
        return next((dict(schema) for known, schema in self._by_type if known is kind), {})


def _schemas(operations: Mapping[str, Operation]) -> tuple[_Schemas, Json]:
    kinds: list[Any] = []
    for operation in operations.values():
        for kind in (*(each.type for each in operation.parameters), operation.returns):
            if kind is not Any and not any(kind is known for known in kinds):
                kinds.append(kind)
    schemas, components = schemas_of(kinds)
    return _Schemas(kinds, schemas), components


def _path(operation: Operation, schemas: _Schemas, bearers: str) -> Json:
    common = {
        **_security(operation, bearers),
        "tags": [operation.service],
        "summary": operation.summary,
        "description": operation.documentation,
        "x-read-only": operation.facts.read_only,
        "x-transactional": operation.transactional,
        "x-calls": sorted(operation.facts.callees),
        "x-touches": sorted(operation.facts.footprint),
        "responses": _responses(operation, schemas),
    }
    reads = operation.facts.read_only
    names = _HEADER_NAMES if reads else (*_HEADER_NAMES, "Prefer")
    headers = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    path: Json = {
        "post": {
            "operationId": operation.full_name,
            "parameters": headers,
            "requestBody": _body(operation, schemas),
            **common,
        }
    }
    if reads:
        query = [_query(each, schemas) for each in operation.parameters if _in_query(each)]
        path["get"] = {
            "operationId": f"{operation.full_name}.get",
            "parameters": headers + query,
            **common,
        }
    return path


def _body(operation: Operation, schemas: _Schemas) -> Json:
    forms = [form for form in (_named(operation, schemas), _listed(operation, schemas)) if form]
    required = any(each.required for each in operation.parameters)
    schema = {"oneOf": forms} if len(forms) > 1 else (forms or [{}])[0]
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _named(operation: Operation, schemas: _Schemas) -> Json | None:
    """The form of arguments by name; None if one can only be given by position."""
    only = inspect.Parameter.POSITIONAL_ONLY
    if any(each.kind is only and each.required for each in operation.parameters):
        return None
    properties = {}
    required = [each.name for each in operation.parameters if each.required]
    further: bool | Json = False
    for each in operation.parameters:
        if each.kind in _BY_NAME:
            properties[each.name] = schemas.of(each.type)
        elif each.kind is inspect.Parameter.VAR_KEYWORD:
            further = schemas.of(each.type)
    form: Json = {"type": "object", "properties": properties, "additionalProperties": further}
    return {**form, "required": required} if required else form


def _listed(operation: Operation, schemas: _Schemas) -> Json | None:
    """The form of arguments in order; None if one can only be given by name."""
    only = inspect.Parameter.KEYWORD_ONLY
    if any(each.kind is only and each.required for each in operation.parameters):
        return None
    items = [each for each in operation.parameters if each.kind in _BY_POSITION]
    further: bool | Json = False
    for each in operation.parameters:
        if each.kind is inspect.Parameter.VAR_POSITIONAL:
            further = schemas.of(each.type)
    form: Json = {"type": "array", "items": further, "minItems": sum(e.required for e in items)}
    return {**form, "prefixItems": [schemas.of(each.type) for each in items]} if items else form


def _in_query(parameter: Parameter) -> bool:
    return parameter.kind in _BY_NAME


def _query(parameter: Parameter, schemas: _Schemas) -> Json:
    schema = schemas.of(parameter.type)
    described: Json = {"name": parameter.name, "in": "query", "required": parameter.required}
    if parameter.type is Any:
        return {**described, "schema": {"type": "string"}}
    if _is_written_as_it_is(schema):
        return {**described, "schema": schema}
    return {**described, "content": {"application/json": {"schema": schema}}}


def _is_written_as_it_is(schema: Json) -> bool:
    """Whether a value stands in a query without quotation marks."""
    if "anyOf" in schema:  # a text is taken for itself, whatever else may be given
        return any("string" in each.get("type", ()) for each in schema["anyOf"])
    kind = schema.get("type", ())
    return kind in ("integer", "number", "boolean") or "string" in kind


# --- answers


def _responses(operation: Operation, schemas: _Schemas) -> Json:
    answer = {
        "description": "What the method returned",
        "headers": {"Idempotency-Key": _KEY_HEADER},
        "content": {"application/json": {"schema": schemas.of(operation.returns)}},
    }
    statuses = {kind.status for slug, kind in KINDS.items() if slug not in _ELSEWHERE}
    problems = {
        str(status): {"$ref": f"#/components/responses/{_response_name(status)}"}
        for status in sorted(statuses)
    }
    if operation.facts.read_only:
        return {"200": answer, **problems}
    return {"200": answer, "202": _reference(_UNFINISHED), **problems}


def _reference(response: str) -> Json:
    return {"$ref": f"#/components/responses/{response}"}


def _request_path(settings: Settings, bearers: str) -> Json:
    """Where long requests are looked at."""
    statuses = sorted({kind.status for slug, kind in KINDS.items() if slug != "method-not-allowed"})
    problems = {str(status): _reference(_response_name(status)) for status in statuses}
    key = {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "The request's `Idempotency-Key`, without quotes",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH},
    }
    security: Json = {"security": [{}, {_SCHEME: []}]} if bearers else {}
    wait = f"How long to wait for the answer, as 30s or 5; {settings.request_timeout:g} s at most."
    return {
        "get": {
            "operationId": "request",
            "summary": "What a request is doing, or its answer",
            "description": "A request that was answered with 202, or with a 504 that names this "
            "path. Only for the caller who asked for it.",
            **security,
            "parameters": [
                key,
                {"name": "wait", "in": "query", "description": wait, "schema": {"type": "string"}},
            ],
            "responses": {
                "200": {
                    "description": "What the method returned",
                    "headers": {"Idempotency-Key": _KEY_HEADER},
                    "content": {"application/json": {"schema": {}}},
                },
                "202": _reference(_UNFINISHED),
                **problems,
            },
        },
        "delete": {
            "operationId": "cancel",
            "summary": "Cancel a request",
            "description": "Where it waits, or next waits, it goes no further; what must happen "
            "all the same happens first. `GET` then has the problem `cancelled`.",
            **security,
            "parameters": [key],
            "responses": {"202": _reference(_UNFINISHED), **problems},
        },
    }


def _unfinished() -> Json:
    text = {"schema": {"type": "string"}}
    return {
        "description": "It is promised that the request is completed; `Location` has what becomes "
        "of it.",
        "headers": {
            "Idempotency-Key": _KEY_HEADER,
            "Location": {"schema": {"type": "string", "format": "uri-reference"}},
            "Preference-Applied": {**text, "description": "Where `Prefer` was heeded"},
            "Retry-After": {"schema": {"type": "integer"}},
        },
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{_UNFINISHED}"}}
        },
    }


def _unfinished_schema() -> Json:
    text = {"type": "string"}
    return {
        "title": "UnfinishedRequest",
        "type": "object",
        "properties": {
            "state": {"enum": [*STATES, "in-line"]},
            "method": text,
            "line": {
                "type": "string",
                "description": "Where it stands in line, or what it called does",
            },
            "until": {
                "type": "string",
                "format": "date-time",
                "description": "When it is woken, if it sleeps",
            },
            "waits_for": {
                "type": "string",
                "description": "What it waits for, if that is not a time",
            },
            "idempotency_key": text,
            "request": {"type": "string", "format": "uri-reference"},
        },
        "required": ["state", "method", "idempotency_key", "request"],
    }


def _response_name(status: int) -> str:
    return f"problem-{status}"


def _problems() -> Json:
    responses: Json = {}
    for status in sorted({kind.status for kind in KINDS.values()}):
        kinds = [kind for kind in KINDS.values() if kind.status == status]
        types = [f"/problems/{kind.slug}" for kind in kinds]
        schema = {
            "allOf": [
                {"$ref": f"#/components/schemas/{_PROBLEM}"},
                {"properties": {"status": {"const": status}, "type": {"enum": types}}},
            ]
        }
        headers = {"Idempotency-Key": _KEY_HEADER}
        if any(kind.retry_after for kind in kinds):
            headers["Retry-After"] = {"schema": {"type": "integer"}}  # type: ignore[dict-item]
        responses[_response_name(status)] = {
            "description": "\n\n".join(f"**{kind.title}.** {kind.meaning}" for kind in kinds),
            "headers": headers,
            "content": {"application/problem+json": {"schema": schema}},
        }
    return responses


def _problem_schema() -> Json:
    text = {"type": "string"}
    return {
        "title": "Problem",
        "description": "RFC 9457; `outcome` says what is known of the request",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "outcome": {"enum": ["done", "raised", "definite", "indefinite"]},
            "idempotency_key": text,
            "exception": text,
            "args": {"type": "array"},
            "place": text,
            "request": {
                "type": "string",
                "format": "uri-reference",
                "description": "Where what becomes of the request can be looked at",
            },
        },
        "required": ["type", "title", "status", "detail", "outcome"],
    }


# --- headers

_HEADER_NAMES = ("Idempotency-Key", "Request-Timeout")
_KEY_HEADER = {"$ref": "#/components/headers/Idempotency-Key"}
_KEY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH + 2}


def _headers(settings: Settings) -> Json:
    return {
        "Idempotency-Key": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Names the request: asked again with the same key, it runs once and "
            "gives the same answer. Any printable ASCII, in quotes if there is a comma in it; a "
            f"UUIDv7 costs nothing, and may be {AHEAD_SECONDS} s in the future at most. Without a "
            "key, the answer names one.",
            "schema": _KEY_SCHEMA,
        },
        "Request-Timeout": {
            "name": "Request-Timeout",
            "in": "header",
            "required": False,
            "description": f"Seconds to wait for the answer; {settings.request_timeout:g} at most.",
            "schema": {"type": "number", "exclusiveMinimum": 0},
        },
        "Prefer": {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": "`respond-async` (RFC 7240): answer with 202 as soon as it is promised "
            "that the request is completed; with `respond-async, wait=5`, after so many seconds.",
            "schema": {"type": "string"},
        },
    }


def _answered_key() -> Json:
    return {"description": "The request's key, to ask again with", "schema": _KEY_SCHEMA}
