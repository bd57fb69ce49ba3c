"""The command ``invoke``."""

from __future__ import annotations

import argparse
import asyncio
import os

import msgspec
from rich.console import Console

from backends.knative.choices import ChoiceProblem, base_url, header_value, host_name, instance_name
from backends.knative.commands.connection import connected, find_gateway
from backends.runtime.invoke import Call, Result, bearer, make_body, new_key
from backends.runtime.invoke import invoke as call_gateway

__all__ = ["invoke"]

_FAILED = 1


def invoke(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Call a method; 1 if it raised, or if there is no answer.

    :raises MuError: bad input, or the gateway cannot be found.
    """
    if options.method.count(".") != 1:
        raise ChoiceProblem(f"{options.method} names no method: write Service.method")
    given = base_url(options.url) if options.url else ""
    host = host_name(options.host)
    try:
        body = make_body(options.arguments)
    except ValueError as error:
        raise ChoiceProblem(str(error)) from None
    key = header_value("--key", options.key) or new_key()
    url = given or _find(options, errors)
    errors.print(f"Idempotency-Key: {key}", markup=False, style="dim")
    call = Call(url, options.method, body, key, host, options.timeout, bearer=bearer(os.environ))
    result = asyncio.run(call_gateway(call, lambda line: errors.print(line, markup=False)))
    return _report(result, key, console, errors)


def _find(options: argparse.Namespace, errors: Console) -> str:
    instance = instance_name(options.application, options.name)
    with connected(options, errors) as objects:
        return find_gateway(objects, instance)


def _report(result: Result, key: str, console: Console, errors: Console) -> int:
    if result.outcome == "returned":
        shown = msgspec.json.format(msgspec.json.encode(result.content)).decode()
        console.print(shown, markup=False)
        return 0
    errors.print(result.why, markup=False)
    if result.outcome == "definite":
        errors.print("Nothing happened.")
        if not result.problem:  # nobody answered
            errors.print("See that it runs (status), or give its address with --url and --host.")
    elif result.outcome == "indefinite":
        errors.print(
            f"Nobody knows yet whether it took effect: call it again with --key {key}",
            markup=False,
        )
    return _FAILED
