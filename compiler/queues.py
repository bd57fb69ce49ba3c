"""The queue of a method: read from its decorator or its service, and whether it can be meant."""

from __future__ import annotations

import ast
from collections.abc import Callable

from compiler.api.queues import declared_queue
from compiler.model import Function
from core.program import Queue

__all__ = ["read_queue"]


def read_queue(method: Function, error: Callable[[ast.AST, str, str], None]) -> None:
    """Set the queue of a method; what makes no sense is recorded as an error."""
    assert method.service is not None
    assert method.owner is not None
    cls, service = method.service.cls, method.service.name
    found = declared_queue(cls, method.name, method.owner)
    if found is None:
        return
    of_service = found is vars(cls).get("__mu2sls_queue__")
    if not method.is_request:
        if not of_service:
            what = f"{method.name} has a queue, but it is a {method.kind}, which is no request"
            error(method.node, what, "a queue on a method of its own")
        return
    parameters = _parameters(method.node)
    if found.per and found.per not in parameters:
        names = " or ".join(f"per={each!r}" for each in parameters) or "a queue without per"
        whose = f"the queue of {service}" if of_service else f"the queue of {method.name}"
        what = f"{whose} is per {found.per}, but {method.name} has no parameter {found.per}"
        error(method.node, what, f"{names}; or @queue(...) on it" if of_service else names)
        return
    name = service if of_service else method.full_name
    method.queue = Queue(name, found.limit, found.starts, found.seconds * 10**9, found.per)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of the parameters of a method that have one value each."""
    arguments = node.args
    return [each.arg for each in [*arguments.posonlyargs, *arguments.args]][1:] + [
        each.arg for each in arguments.kwonlyargs
    ]
