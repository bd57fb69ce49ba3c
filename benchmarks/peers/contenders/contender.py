"""What everybody who is measured has to say for themselves."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from benchmarks.peers.observation import Target

__all__ = ["ROOT", "SERVICES", "Contender", "InProcess", "Prepared", "Running", "Survives"]

ROOT = Path(__file__).parents[3]
SERVICES = Path(__file__).parents[1] / "services"

Survives = Literal["nothing", "process crash", "power cut"]
"""What an acknowledged increment survives, at least. As in docs/local.md."""


class Running(msgspec.Struct, frozen=True):
    """A server that answers.

    :ivar durability: the settings that decide what an acknowledged increment survives, as read
        from what is running wherever it can be asked.
    :ivar startup: seconds from its start until it answered.
    """

    target: Target
    durability: str
    startup: float


class InProcess(msgspec.Struct, frozen=True):
    """A program that takes a plan and asks in its own process, instead of a server."""

    command: list[str]


class Prepared(Protocol):
    """Somebody who is installed and can be started, any number of times."""

    @property
    def versions(self) -> dict[str, str]:
        """Names and versions of what is measured."""

    def start(
        self, data: Path, log: Path, /
    ) -> contextlib.AbstractContextManager[Running | InProcess]:
        """Start with nothing counted; ended with the context.

        :param data: an empty folder.
        """


class Contender(Protocol):
    """Somebody with certain settings: one row of the table."""

    @property
    def system(self) -> str:
        """Its name."""

    @property
    def setting(self) -> str:
        """What tells this row from the system's others."""

    @property
    def survives(self) -> Survives:
        """What an acknowledged increment survives with this setting."""

    def prepare(self, cache: Path, /) -> Prepared:
        """Install what is needed and not there.

        :raises Absent: it cannot be.
        """
