"""A client's bodies and queries as arguments of a method.

Arguments are put in the order of the signature, so that it makes no difference to the request's
identity whether they were given by name or by position, and in which order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from backends.runtime.public.operations import Operation, Parameter
from backends.runtime.public.strict_json import check_json
from core.errors import BadRequest

__all__ = ["Arguments", "from_body", "from_query"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_positional = msgspec.json.Decoder(list[msgspec.Raw])
_named = msgspec.json.Decoder(dict[str, msgspec.Raw])


def from_body(operation: Operation, body: bytes) -> Arguments:
    """Positional and keyword arguments from a JSON array or object; an empty body has none.

    :raises BadRequest: they do not fit the method.
    """
    if not body.strip():
        return _bind(operation, [], {}, _from_json)
    value = check_json(body)
    if isinstance(value, list):
        return _bind(operation, _positional.decode(body), {}, _from_json)
    if isinstance(value, dict):
        return _bind(operation, [], _named.decode(body), _from_json)
    raise BadRequest(
        f"{operation.full_name}: the body must be an object with the arguments by name, or an "
        "array with them in order"
    )


def from_query(operation: Operation, query: Mapping[str, str]) -> Arguments:
    """Keyword arguments from a query: what a text can be read as, otherwise JSON.

    :param query: its items have a name as often as it is given.
    :raises BadRequest: they do not fit the method, or one is given twice.
    """
    counts = Counter(name for name, _ in query.items())
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        told = f"{twice[0][:100]} is given more than once: give each argument once"
        raise BadRequest(f"{operation.full_name}: {told}")
    return _bind(operation, [], dict(query), _from_text)


def _bind(
    operation: Operation,
    args: list[Any],
    kwargs: dict[str, Any],
    convert: Callable[[Parameter, Any], Any],
) -> Arguments:
    try:
        bound = operation.signature.bind(*args, **kwargs)
    except TypeError as error:
        raise BadRequest(f"{operation.full_name}: {error}. It is {operation.shown}") from None
    if operation.own in kwargs:  # **kwargs takes any name but this one
        raise BadRequest(f"{operation.full_name}: {operation.own} is no argument's name")
    parameters = {each.name: each for each in operation.parameters}
    for name, given in bound.arguments.items():
        parameter = parameters[name]
        value: Any
        try:
            if parameter.kind is parameter.kind.VAR_POSITIONAL:
                value = tuple(convert(parameter, each) for each in given)
            elif parameter.kind is parameter.kind.VAR_KEYWORD:
                value = {key: convert(parameter, each) for key, each in given.items()}
            else:
                value = convert(parameter, given)
        except (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError) as error:
            raise BadRequest(_misfit(operation, name, error)) from None
        bound.arguments[name] = value
    return bound.args, bound.kwargs


def _from_json(parameter: Parameter, given: msgspec.Raw) -> Any:
    return parameter.decode(given)


def _from_text(parameter: Parameter, given: str) -> Any:
    """A query's text: itself where a text fits, otherwise what it says as JSON."""
    if parameter.type is Any:
        return given
    try:
        return parameter.decode(msgspec.json.encode(given))
    except msgspec.ValidationError as error:
        try:
            check_json(given.encode())
        except (BadRequest, UnicodeEncodeError):
            raise error from None
        return parameter.decode(given.encode())


def _misfit(operation: Operation, name: str, error: Exception) -> str:
    text = str(error) or type(error).__name__
    what, _, path = text.partition(" - at `$")
    path = path.rstrip("`")
    return f"{operation.full_name}: {name}{path}: {what}"
