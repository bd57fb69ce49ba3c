"""When a call is sent again, how long each try may take, and what is known after the last.

What is retried is what says nothing about the request: silence, a broken connection, a
callee that was interrupted or too busy. Everything else is the answer. Whoever runs out of
tries knows nothing, unless every try was turned away.
"""

from __future__ import annotations

from core.messages import Failed, Reply

__all__ = ["NO_TIME_LEFT", "Tries", "is_retried", "patience"]

NO_TIME_LEFT = "no answer within the time and the tries that there were"

_UNANSWERED = ("Interrupted", "Overloaded")
_FINAL = ("Expired", "SetAside")
_SHARE = 0.75
_LEAST = 0.1


def is_retried(reply: Reply) -> bool:
    """Whether ``reply`` says nothing about the request, so that it is worth another try.

    What a service passes on to its own caller, a client asks again about.
    """
    outcome = reply.outcome
    if not isinstance(outcome, Failed):
        return False
    if reply.id.is_root:
        return outcome.kind == "Overloaded" or not (outcome.definite or outcome.kind in _FINAL)
    return outcome.kind in _UNANSWERED


def patience(deadline_ns: int, now_ns: int, timeout: float) -> float:
    """How long to wait for a try, in seconds.

    A part of what the caller has left, so that a lost message is noticed before the caller's
    own caller loses patience; but all of it where little is left, so that many services can
    call one another in a row. Never more, so that what nobody waits for any more ends by itself;
    a survivor whose time is over does not know that, but has little time for what it asks then.

    :param deadline_ns: when nobody waits any more, 0 for never.
    :param timeout: the longest wait.
    """
    if not deadline_ns:
        return timeout
    left = (deadline_ns - now_ns) / 1e9
    if left <= 0.0:
        return min(timeout, _LEAST)
    return min(timeout, left, max(_SHARE * left, _LEAST))


class Tries:
    """What is known of a call after some tries without an answer."""

    __slots__ = ("_maybe", "made")

    def __init__(self) -> None:
        self.made = 0
        self._maybe = False

    def missed(self, reply: Reply | None, sent: bool = True) -> None:
        """One more try brought no answer.

        :param reply: a reply that is none; None: there was silence.
        :param sent: whether anything may have arrived.
        """
        turned_away = reply is not None and _is_turned_away(reply)
        self._maybe |= sent and not turned_away

    def gave_up(self, is_root: bool) -> Failed:
        """What is known after the last try.

        A call between services is always open: another attempt may have sent it as well.
        """
        if self._maybe or not is_root:
            return Failed("Interrupted", False, NO_TIME_LEFT)
        return Failed("Overloaded", True, f"turned away {self.made} times")


def _is_turned_away(reply: Reply) -> bool:
    return isinstance(reply.outcome, Failed) and reply.outcome.definite
