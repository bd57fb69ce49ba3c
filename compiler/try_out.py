"""``python -m compiler run``: one method of the plain classes, and what it left behind."""

from __future__ import annotations

import inspect
import json
import random
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.pretty import Pretty
from rich.text import Text

from compiler.errors import BadInput
from compiler.json_types import json_type
from compiler.signatures import fits, shown_signature
from compiler.type_variables import type_variables
from core.callers import NOBODY, Caller
from core.errors import Forbidden
from core.fields import FIELDS

if TYPE_CHECKING:
    from compiler.api.reference import Reference
    from compiler.application import Application
    from compiler.model import Function

__all__ = ["try_out"]

_SHOWN_ELEMENTS = 20
_SHOWN_CHARACTERS = 20
_MOST_STARTED = 100
"""What starts itself again and again never ends."""


def try_out(
    application: Application,
    target: str,
    words: Sequence[str],
    empty: bool,
    seed: int | None,
    caller: str = "",
) -> int:
    """Run ``target`` in a reference run and print its result and the state; the exit status.

    :raises BadInput: no such method or caller, or arguments that do not fit.
    """
    asking = _caller(application, caller)
    method = _find(application, target)
    given, named = _arguments(method, words)
    _check(method, given, named)
    arguments, keywords = _converted(application, method, given, named)
    reference = application.reference(
        rng=None if seed is None else random.Random(seed), set_up=not empty
    )
    console = Console()
    service, name = target.split(".", 1)
    try:
        result = reference.run(service, name, arguments, keywords, caller=asking)
    except Forbidden as error:
        raise BadInput(f"{error}: give --as with a caller who may ask") from None
    except Exception as error:  # whatever the user's method raises
        _show_exception(console, application, target, error)
        return 1
    console.print(Text("result", style="bold"))
    console.print(_shown(result))
    _show_started(console, reference)
    _show_state(console, application, reference)
    return 0


def _caller(application: Application, subject: str) -> Caller:
    known = application.workload.callers if application.workload is not None else {}
    if not subject or subject in known:
        return known.get(subject, NOBODY)
    names = ", ".join(known) or "none; write CALLERS in the workload"
    raise BadInput(f"there is no caller {subject}: there are {names}")


def _find(application: Application, target: str) -> Function:
    services = application.declared.services
    known = [
        method.full_name
        for service in services.values()
        for method in service.methods.values()
        if method.is_public
    ]
    if target in known:
        service, name = target.split(".")
        return services[service].methods[name]
    service, _, name = target.partition(".")
    if service in services and name.startswith("_"):
        raise BadInput(
            f"{target}: what begins with an underscore is private to its service: give a public "
            f"method ({', '.join(known)})"
        )
    close = get_close_matches(target, known, 1, 0.4)
    hint = f"did you mean {close[0]}?" if close else ""
    raise BadInput(
        f"there is no method {target}: {hint or 'give Service.method'} "
        f"(there are {', '.join(known)})"
    )


def _arguments(method: Function, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words given by position, and those given by name."""
    parameters = method.node.args
    names = {each.arg for each in (*parameters.args, *parameters.kwonlyargs)}
    positional: list[str] = []
    keywords: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in keywords:
            raise BadInput(f"{method.full_name} is given {name} twice: give it once")
        if equals and name in names:
            keywords[name] = value
        elif equals and name.isidentifier() and parameters.kwarg is None:
            raise BadInput(
                f"{method.full_name} has no parameter {name}: give {shown_signature(method)}, or "
                f"'\"{word}\"' for that very text"
            )
        elif equals and name.isidentifier():
            keywords[name] = value
        else:
            positional.append(word)
    return positional, keywords


def _check(method: Function, arguments: list[str], keywords: dict[str, str]) -> None:
    import ast

    nodes: list[ast.expr] = [ast.Constant(None) for _ in arguments]
    problem = fits(method, nodes, [ast.keyword(name, ast.Constant(None)) for name in keywords])
    if problem is not None:
        raise BadInput(
            f"{method.full_name}{problem[0]}: give {shown_signature(method)}, each argument as "
            "JSON or a bare word"
        )


def _converted(
    application: Application, method: Function, words: list[str], named: dict[str, str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as clients' are read: each of the type that its parameter is annotated with."""
    assert method.service is not None
    cls = application.classes[method.service.name]
    plain = inspect.unwrap(getattr(cls, method.name))
    variables = type_variables(cls, method.owner)
    bound = inspect.signature(plain).bind(None, *words, **named)
    _, *parameters = bound.signature.parameters.values()
    for each in parameters:
        if each.name not in bound.arguments:
            continue
        word = bound.arguments[each.name]
        kind = json_type(plain, each.name, json_in=True, variables=variables)
        value: Any
        if each.kind is each.VAR_POSITIONAL:
            value = tuple(_value(method, each.name, kind, one) for one in word)
        elif each.kind is each.VAR_KEYWORD:
            value = {name: _value(method, name, kind, one) for name, one in word.items()}
        else:
            value = _value(method, each.name, kind, word)
        bound.arguments[each.name] = value
    return bound.args[1:], bound.kwargs


def _value(method: Function, name: str, kind: Any, word: str) -> Any:
    try:
        value, text = json.loads(word), word
    except json.JSONDecodeError:
        value, text = word, json.dumps(word)
    except (ValueError, RecursionError):
        raise BadInput(
            f"the argument {word[:_SHOWN_CHARACTERS]}... is too long a number or nested too deeply"
            ": give a shorter one"
        ) from None
    try:
        return value if kind is Any else msgspec.json.decode(text, type=kind)
    except Exception as error:  # a class of the user's may raise whatever it likes
        what, _, path = str(error).partition(" - at `$")
        wants_text = what.startswith("Expected `str") and not isinstance(value, str)
        hint = f", or '{json.dumps(word)}' for that very text" if wants_text else ""
        raise BadInput(
            f"{method.full_name}: {name}{path.rstrip('`')}: {what or type(error).__name__}: give "
            f"{shown_signature(method)}, each argument as JSON or a bare word{hint}"
        ) from None


def _show_exception(
    console: Console, application: Application, target: str, error: Exception
) -> None:
    files = {str(source.path) for source in application.sources}
    console.print(
        Text.assemble((f"{target} raised ", "bold red"), f"{type(error).__name__}: {error}")
    )
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    for frame in traceback.extract_tb(causes[-1].__traceback__):
        if frame.filename in files:
            console.print(
                f"  {frame.filename}:{frame.lineno} in {frame.name}\n    {frame.line}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )


def _shown(value: Any, elements: int | None = None) -> Pretty:
    return Pretty(value, max_length=elements)


def _show_started(console: Console, reference: Reference) -> None:
    """Run what was started, its time having come, and show what became of it."""
    reference.run_pending(_MOST_STARTED)
    if not reference.pending.ended:
        return
    console.print(Text("started", style="bold"))
    for ended in reference.pending.ended[:_SHOWN_ELEMENTS]:
        started = ended.started
        parts = [*map(repr, started.args), *(f"{n}={v!r}" for n, v in started.kwargs.items())]
        told = f"returned {ended.result!r}"
        if ended.exception is not None:
            told = f"raised {type(ended.exception).__name__}: {ended.exception}"
        call = f"{started.service}.{started.method}({', '.join(parts)})"
        console.print(f"{call} {told}", highlight=False, markup=False, soft_wrap=True)
    more = len(reference.pending.ended) - _SHOWN_ELEMENTS
    if more > 0 or len(reference.pending):
        console.print(f"and {max(more, 0) + len(reference.pending)} more", highlight=False)


def _show_state(console: Console, application: Application, reference: Reference) -> None:
    console.print(Text("state", style="bold"))
    content = reference.dump()
    for service, fields in application.persistent.items():
        for name, kind in fields.items():
            field = FIELDS[kind](service, name, application.program.codec)
            value = field.decode(content)
            console.print(Text(f"{service}.{name} ="), _shown(value, _SHOWN_ELEMENTS))
