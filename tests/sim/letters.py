"""Letters, each with what libraries read of clock and chance, inside the library and in a helper.

Invariant: every letter that was queued was counted, before and after.
"""

import email.utils
import random
import secrets
from datetime import datetime

from compiler import Persistent, call, instance, service


def stamp() -> str:
    """A helper that is no service reads, too."""
    return f"{email.utils.formatdate(usegmt=True)} {random.Random().random()}"


class Postmark:
    def __init__(self) -> None:
        self.text = f"{stamp()} {email.utils.localtime():%S.%f}"


@service
class Queue:
    def __init__(self) -> None:
        self.letters: Persistent[list[str]] = []

    def put(self, letter: str) -> int:
        self.letters.append(letter)
        return len(self.letters)


@service
class Office:
    def __init__(self) -> None:
        self.begun: Persistent[dict[str, int]] = {}
        self.done: Persistent[dict[str, str]] = {}

    def send(self, to: str) -> str:
        self.begun[to] = self.begun.get(to, 0) + 1
        letter = email.utils.make_msgid()
        place = call(Queue.put, f"{letter} {stamp()} {secrets.token_hex(4)} {to}")
        self.done[letter] = f"{place} {Postmark().text}"
        return f"{letter} {stamp()}"

    def forward(self, to: str) -> str:
        """Commits nothing before the call, and reads after it."""
        sent = call(Office.send, to)
        return f"{sent} {stamp()}"

    def late(self, to: str) -> int:
        """Only whether it reads before or after an instant matters."""
        due = email.utils.localtime().microsecond % 2
        if due:
            call(Queue.put, f"odd {to}")
        self.begun[to] = self.begun.get(to, 0) + 1
        return due


MIX = {"Office.send": 2, "Office.forward": 1, "Office.late": 1}


def arguments(rng: random.Random) -> tuple[str]:
    return (f"to {rng.randrange(20)}",)


ARGUMENTS = dict.fromkeys(MIX, arguments)


def everything_sent_is_queued() -> None:
    queued = "".join(instance(Queue).letters)
    assert all(letter in queued for letter in instance(Office).done)


def setup() -> None:
    assert isinstance(datetime.now(), datetime)
