"""Functions of the outside world: a payment, a mail, a file, another company's API.

``@outside(...)`` on a function at module level. Any Python stands inside. A method calls it by its
name; what led there is durable before it starts, and its answer before anything depends on it.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Generator, Iterable
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from compiler.api.current import nowhere, running
from compiler.api.misdeclared import Misdeclared
from compiler.machine.reading import reading
from core import outside as declared
from core.codec import Codec
from core.durations import nanoseconds
from core.errors import MuError
from core.messages import Outcome

__all__ = ["Known", "OutsideFunction", "asked_here", "outside", "tried_once"]

P = ParamSpec("P")
R = TypeVar("R")

Exceptions = type[Exception] | tuple[type[Exception], ...]


class OutsideFunction(Generic[P, R]):
    """A function of the outside world; called in a method, it is asked."""

    def __init__(self, function: Callable[P, R], declaration: declared.Outside) -> None:
        self.declaration = declaration
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.is_async = inspect.iscoroutinefunction(function)
        self.signature = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """In a method: ask. By itself, as in a test of it, it is the function."""
        run = running()
        if run is None:
            return self.declaration.function(*args, **kwargs)  # type: ignore[no-any-return]
        (answer,) = run.runner.join([run.runner.ask(self.declaration, args, kwargs)])
        return Known(answer) if self.is_async else answer  # type: ignore[return-value]

    def __deepcopy__(self, _: object) -> OutsideFunction[P, R]:
        return self

    def __repr__(self) -> str:
        return f"<outside function {self.declaration.name}>"


class Known:
    """What is known already, for a coroutine that awaits it."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from ()
        return self._answer


class _Outside:
    """The decorator, and what an outside function asks of it."""

    __name__ = "outside"

    @overload
    def __call__(self, function: Callable[P, R], /) -> OutsideFunction[P, R]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        attempts: int = 5,
        timeout: object = "10s",
        backoff: Literal["exponential"] | object = "exponential",
        retry_on: Exceptions = Exception,
        give_up_on: Exceptions = (),
    ) -> Callable[[Callable[P, R]], OutsideFunction[P, R]]: ...
    def __call__(
        self,
        function: Any = None,
        /,
        *,
        attempts: int = 5,
        timeout: object = "10s",
        backoff: object = "exponential",
        retry_on: Exceptions = Exception,
        give_up_on: Exceptions = (),
    ) -> Any:
        """Declare a function of the outside world.

        It is tried ``attempts`` times at most, each for ``timeout``, with ``backoff`` in between:
        ``"exponential"``, or always the same duration. Then the last exception is raised in the
        method that asked; at once, if it is none of ``retry_on``, or one of ``give_up_on``.

        :raises Misdeclared: one of them says nothing that could be meant.
        """
        if function is not None and not inspect.isroutine(function):
            raise Misdeclared(
                f"@outside is given {function!r}, which is no function", "@outside(attempts=5)"
            )
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
            raise Misdeclared(f"attempts={attempts!r} is no number of tries", "attempts=5")
        said: dict[str, Any] = {
            "attempts": attempts,
            "timeout": _duration("timeout", timeout, 1),
            "backoff": None if backoff == "exponential" else _duration("backoff", backoff, 0),
            "retry_on": _exceptions("retry_on", retry_on),
            "give_up_on": _exceptions("give_up_on", give_up_on),
        }

        def declare(function: Any) -> OutsideFunction[Any, Any]:
            _check(function)
            name = f"{function.__module__}.{function.__name__}"
            check = inspect.signature(function).bind
            return OutsideFunction(function, declared.Outside(name, function, check, **said))

        return declare if function is None else declare(function)

    def key(self) -> str:
        """In an outside function: the key of what is asked, the same at every try.

        A receiver that honours keys (``Idempotency-Key``) does for it once what is asked for.

        :raises MuError: no outside function is running.
        """
        key = declared.present_key()
        if key is None:
            raise MuError(
                "outside.key() is for the functions decorated with @outside, while they run"
            )
        return key


outside = _Outside()


def tried_once(
    function: declared.Outside,
    run: Callable[..., Any],
    codec: Codec,
    key: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tried: int,
) -> declared.Told:
    """Try an outside function, or what stands in for it, here and now: it does not wait.

    It runs outside of any run: it is no part of the application.
    """
    try:
        with declared.under_key(key), reading(None), nowhere():
            value = _driven(run(*args, **kwargs), function.name)
    except BaseException as error:
        return function.raised(codec, error, tried)
    return function.returned(codec, value)


def asked_here(
    function: declared.Outside, run: Callable[..., Any], codec: Codec, key: str, args: bytes
) -> Outcome:
    """Ask, as often as the declaration says, without waiting in between."""
    for tried in itertools.count(1):
        given, named = codec.decode(args)
        told = tried_once(function, run, codec, key, given, named, tried)
        if told.pause is None:
            return told.outcome
    raise AssertionError("unreachable")


def _driven(value: Any, name: str) -> Any:
    """What a function gave; if that is a coroutine, what it gives when it is run."""
    if not inspect.iscoroutine(value):
        return value
    try:
        while True:
            if value.send(None) is not None:
                value.close()
                raise MuError(
                    f"what stands in for {name} waits: it has no need to, a scenario says how "
                    "long it takes"
                )
    except StopIteration as stop:
        return stop.value


def _duration(name: str, value: object, least: int) -> int:
    try:
        found = nanoseconds(value)
    except (TypeError, ValueError) as error:
        raise Misdeclared(f"{name}={value!r}: {error}", f'{name}="10s"') from None
    if found < least:
        raise Misdeclared(f"{name}={value!r} leaves no time", f'{name}="10s"')
    return found


def _exceptions(name: str, value: Any) -> tuple[type[Exception], ...]:
    given = tuple(value) if isinstance(value, Iterable) else (value,)
    for each in given:
        if not isinstance(each, type) or not issubclass(each, Exception):
            raise Misdeclared(
                f"{name} names {each!r}, which is no class of exceptions", f"{name}=(OSError,)"
            )
    return given


def _check(function: Any) -> None:
    """See that something can be asked from wherever a method runs.

    :raises Misdeclared: it cannot.
    """
    if not inspect.isfunction(function):
        raise Misdeclared(f"@outside is given {function!r}, which is no function", "def, below it")
    name, owner = function.__name__, function.__qualname__.rpartition(".")[0]
    if owner.endswith("<locals>") or name == "<lambda>":
        raise Misdeclared(
            f"{function.__qualname__} is made anew by every call of what it stands in",
            "an outside function at module level",
        )
    if owner:
        raise Misdeclared(
            f"{function.__qualname__} is a method, and what it does must not depend on an object",
            f"def {name}(...) at module level, decorated with @outside; a method calls it by name",
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise Misdeclared(f"{name} is a generator, and an answer is one value", "return a list")
