"""Who waits how long for whom, when a call is sent again, and what is known after the last try.

A tree of requests has one *deadline*, which travels down unchanged: everybody in it waits for
what they called until then. Were it less further down, those who are deepest, and make the
progress that all others wait for, would be given up first.

A try is not given up because it is silent. After a while another is sent beside it, since the
message or the process may be lost, and the first answer of any is taken. Whoever is nearest to the
silence notices first: a process that is asked again for what it is doing joins it
(:mod:`core.joins`), but one that is not would begin anew.

What is sent again is what says nothing about the request: silence, a broken connection, a
callee that was interrupted, too busy, or of another revision (:mod:`core.revisions`). Everything
else is the answer. Whoever runs out of tries or time knows nothing, unless every try was turned
away.
"""

from __future__ import annotations

from msgspec.structs import replace

from core.messages import Failed, Reply, Request

__all__ = ["NO_TIME_LEFT", "Tries", "is_retried", "with_deadline"]

NO_TIME_LEFT = "no answer within the time and the tries that there were"

_UNANSWERED = ("Interrupted", "Overloaded", "Unfamiliar")
_FINAL = ("Asleep", "Expired", "SetAside")


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


def with_deadline(request: Request, now_ns: int, attempts: int, timeout: float) -> Request:
    """The request as it is sent: one that has no deadline yet gets that of all its tries."""
    if request.deadline:
        return request
    return replace(request, deadline=now_ns + int(attempts * timeout * 1e9))


class Tries:
    """The tries of one call: which are open, and what is known when none is left.

    Who asks for a tree makes as many as it likes. Within the tree only the deadline ends them:
    were a call in it given up sooner, all that waits above would wait in vain.

    :param request: with its deadline.
    :param attempts: how often a root request is sent at most.
    :param timeout: how long a client's first try may be silent at most, in seconds.
    :param once: whether there is one try and no other.
    :ivar made: how many tries there were.
    """

    __slots__ = ("_is_root", "_maybe", "_most", "_open", "_patience", "_why", "made")

    def __init__(
        self, request: Request, now_ns: int, attempts: int, timeout: float, once: bool = False
    ) -> None:
        self._is_root = request.id.is_root
        self._patience = _patience(request, now_ns, timeout)
        self._most = 1 if once else attempts if self._is_root else 0
        self._open: set[int] = set()
        self._maybe = False
        self._why = NO_TIME_LEFT
        self.made = 0

    @property
    def may_send(self) -> bool:
        """Whether there may be another."""
        return not self._most or self.made < self._most

    @property
    def are_over(self) -> bool:
        """Whether none can bring an answer any more."""
        return not (self._open or self.may_send)

    @property
    def patience(self) -> float:
        """How long the newest try may be silent, in seconds, before another is sent beside it.

        Whoever asks for a tree has so many tries, and spreads them evenly over their time. Within
        the tree it is twice as long for each that is open already: what is slow because there is
        much to do must not be made slower by asking, in a long row of calls from everybody in it.
        """
        if self._is_root:
            return self._patience
        return self._patience * 2.0 ** min(len(self._open) - 1, 30)

    @property
    def awaited(self) -> int:
        """The newest try while it is open; 0 if it missed."""
        return self.made if self.made in self._open else 0

    def send(self) -> int:
        """Another try is sent: its number, from 1."""
        self.made += 1
        self._open.add(self.made)
        return self.made

    def missed(self, number: int, reply: Reply | None, sent: bool = True) -> bool:
        """A try brought no answer.

        :param reply: a reply that is none; None: the connection broke.
        :param sent: whether anything may have arrived.
        :returns: whether it was the newest, so that now no other try is sent beside it.
        """
        if number not in self._open:
            return False
        self._open.remove(number)
        turned_away = reply is not None and _is_turned_away(reply)
        outcome = None if reply is None else reply.outcome
        if isinstance(outcome, Failed) and outcome.kind == "Unfamiliar":
            self._why = f"{NO_TIME_LEFT}: {outcome.text}"
        self._maybe |= sent and not turned_away
        return number == self.made

    def sleeps(self, number: int) -> None:
        """A try was told that the request goes on later: another one, then, takes its place."""
        if number in self._open:
            self._open.remove(number)
            self._maybe = True
            self._most += bool(self._most)

    def gave_up(self) -> Failed:
        """What is known in the end.

        A call between services is always open: another attempt may have sent it as well.
        """
        if self._maybe or self._open or not self._is_root:
            return Failed("Interrupted", False, self._why)
        told = f"turned away {self.made} times" if self.made else "no time was left to be asked"
        return Failed("Overloaded", True, told)


def _patience(request: Request, now_ns: int, timeout: float) -> float:
    """How long the first try may be silent.

    Half of the time there is at most, so that one lost message never takes all of it. Less the
    deeper the request is, so that a lost message is sent again by who lost it, and not by
    everybody above; but never less than half of what it is for a client.
    """
    left = max(request.deadline - now_ns, 0) / 1e9
    return min(timeout, left / 2) * (0.5 + 0.5 ** (len(request.id.path) + 1))


def _is_turned_away(reply: Reply) -> bool:
    return isinstance(reply.outcome, Failed) and reply.outcome.definite
