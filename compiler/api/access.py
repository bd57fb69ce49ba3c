"""Who may ask, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from compiler.api.current import current
from core.callers import KNOWN, Caller

__all__ = ["allow", "allowed", "caller", "internal", "is_internal"]

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
        vars(method)[_ALLOWED] = frozenset(roles or {KNOWN})
        return method

    return declared


def caller() -> Caller:
    """Who asks: the caller of the request, which is the same in every service that it calls."""
    return current().runner.caller()


def is_internal(cls: type, method: object) -> bool:
    """Whether a method of a service is internal, or all of them are."""
    return bool(getattr(method, _INTERNAL, False) or vars(cls).get(_INTERNAL, False))


def allowed(method: object) -> frozenset[str]:
    """The roles of which a caller from outside must have one; empty: anybody may ask."""
    roles: frozenset[str] = getattr(method, _ALLOWED, frozenset())
    return roles
