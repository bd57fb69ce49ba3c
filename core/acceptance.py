"""What a request asks for: a method, and arguments that fit it."""

from __future__ import annotations

from typing import Any

from core.errors import Unfamiliar, UnsupportedValue
from core.messages import Request
from core.program import Method, Program

__all__ = ["accept"]


def accept(program: Program, request: Request) -> tuple[Method, tuple[Any, ...], dict[str, Any]]:
    """The method that a request asks for, and its arguments.

    :raises Unfamiliar: there is no such method for it, or they do not fit or decode. Who sent it
        knew better (:meth:`core.program.Program.fit`, a gateway): that may be another revision.
    """
    name = f"{request.service}.{request.method}"
    method = program.method(request.service, request.method)
    if method is None:
        raise Unfamiliar(f"there is no method {name}")
    from_within = method.scheduled or request.origin.started
    if request.id.is_root and not (method.public or from_within):
        raise Unfamiliar(f"{name} is not called from outside")
    try:
        args, kwargs = program.codec.decode(request.args)
        if not isinstance(args, tuple) or not isinstance(kwargs, dict):
            raise TypeError("not a tuple and a dictionary")
    except (UnsupportedValue, TypeError, ValueError) as error:
        raise Unfamiliar(f"{name}: the arguments do not decode: {error}") from None
    try:
        method.check(*args, **kwargs)
    except TypeError as error:
        raise Unfamiliar(f"{name}: {error}") from None
    return method, args, kwargs
