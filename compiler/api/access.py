"""Who may ask, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from compiler.api.current import current
from core.callers import KNOWN, Caller

__all__ = ["access", "allow", "allowed", "caller", "function_of", "internal"]

F = TypeVar("F", bound=Callable[..., Any])

_ALLOWED, _INTERNAL = "__mu2sls_allow__", "__mu2sls_internal__"


def internal(method: F) -> F:
    """Declare a method internal: services call it, and nobody from outside."""
    vars(method)[_INTERNAL] = True
    return method


def allow(*roles: str) -> Callable[[F], F]:
    """Declare who may ask for a method from outside: callers who have one of ``roles``.

    Without any, callers who are known.

    :raises TypeError: one is no name.
    """
    if not all(isinstance(each, str) and each.split() == [each] != [KNOWN] for each in roles):
        raise TypeError('allow(...) names roles, each a word: @allow("clerk", "admin")')

    def declared(method: F) -> F:
        vars(function_of(method))[_ALLOWED] = frozenset(roles or {KNOWN})
        return method

    return declared


def caller() -> Caller:
    """Who asks: the caller of the request, which is the same in every service that it calls."""
    return current().runner.caller()


def access(cls: type, name: str, owner: type | None = None) -> tuple[bool, frozenset[str]]:
    """Who may ask for a method of a service from outside.

    The first definition in the order of its bases that says something decides: an override that
    says nothing must not open what its base keeps.

    :param owner: the class whose definition is meant, if not the first.
    :returns: whether the method is internal; and the roles of which a caller must have one, empty:
        anybody may ask.
    """
    closed = bool(vars(cls).get(_INTERNAL, False))
    order = cls.__mro__
    for each in order[order.index(owner or cls) :]:
        method = vars(each).get(name)
        if _is_internal(method) or allowed(method):
            return closed or _is_internal(method), allowed(method)
    return closed, frozenset()


def _is_internal(method: object) -> bool:
    """Whether a definition says that the method is internal."""
    return bool(getattr(function_of(method), _INTERNAL, False))


def allowed(method: object) -> frozenset[str]:
    """The roles that a definition names."""
    roles: frozenset[str] = getattr(function_of(method), _ALLOWED, frozenset())
    return roles


def function_of(method: object) -> Any:
    """What a property, a class method or a static method is made of."""
    return getattr(method, "fget", None) or getattr(method, "__func__", method)
