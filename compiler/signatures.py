"""Whether the arguments of a call fit a method, decided from the source."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence

from compiler.model import Function

__all__ = ["fits", "misfit", "shown_as_method", "shown_signature"]


def shown_signature(function: Function) -> str:
    """``reserve(hotel, nights=1)``, without the instance."""
    arguments = ast.parse(f"def f({ast.unparse(function.node.args)}): pass").body[0]
    assert isinstance(arguments, ast.FunctionDef)
    if function.service is not None and not function.is_static:
        listed = arguments.args.posonlyargs or arguments.args.args
        del listed[:1]
    return f"{function.name}({ast.unparse(arguments.args)})"


def shown_as_method(function: Function) -> str:
    """``twice(self, x)``, of a static or class method that had better be a method."""
    if not function.is_static:
        return shown_signature(function).replace("(", "(self, ", 1).replace("(self, )", "(self)")
    arguments = ast.unparse(function.node.args)
    return f"{function.name}({', '.join(part for part in ('self', arguments) if part)})"


def fits(
    function: Function, arguments: list[ast.expr], keywords: list[ast.keyword]
) -> tuple[str, str] | None:
    """What is wrong with the arguments, and the remedy; None if they fit or cannot be known."""
    if any(isinstance(argument, ast.Starred) for argument in arguments):
        return None
    if any(keyword.arg is None for keyword in keywords):
        return None
    problem = _problem(function, len(arguments), [k.arg for k in keywords if k.arg is not None])
    return None if problem is None else (f" {problem}", shown_signature(function))


def misfit(
    signature: inspect.Signature, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
) -> str | None:
    """What Python would say of a call with these arguments, as far as it can be known."""
    unknown = any(isinstance(each, ast.Starred) for each in arguments)
    unknown = unknown or any(each.arg is None for each in keywords)
    given = [each for each in arguments if not isinstance(each, ast.Starred)]
    bind = signature.bind_partial if unknown else signature.bind
    try:
        bind(*given, **{each.arg: each.value for each in keywords if each.arg is not None})
    except TypeError as error:
        return str(error)
    return None


def _problem(function: Function, count: int, keywords: list[str]) -> str | None:
    parameters = function.node.args
    skip = 1 if function.service is not None and not function.is_static else 0
    positional = [*parameters.posonlyargs, *parameters.args][skip:]
    names = [each.arg for each in positional]
    if count > len(names) and parameters.vararg is None:
        expected = "no arguments" if not names else f"at most {len(names)}"
        return f"takes {expected}, but {count} are given"
    given = set(names[:count])
    only_by_position = {each.arg for each in parameters.posonlyargs}
    by_keyword = {*names, *(each.arg for each in parameters.kwonlyargs)} - only_by_position
    for keyword in keywords:
        if keyword in given and keyword in by_keyword:
            return f"is given {keyword} twice"
        if keyword not in by_keyword and parameters.kwarg is None:
            return f"has no parameter {keyword}"
        given.add(keyword)
    optional = set(names[len(names) - len(parameters.defaults) :] if parameters.defaults else [])
    required = [name for name in names if name not in optional]
    required += [
        each.arg
        for each, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        if default is None
    ]
    missing = [name for name in required if name not in given]
    return f"is not given {', '.join(missing)}" if missing else None
