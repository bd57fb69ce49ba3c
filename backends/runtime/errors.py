"""What can be wrong with what a store holds, each with its place and its remedy."""

from __future__ import annotations

from core.errors import MuError

__all__ = [
    "ContentError",
    "NotSetUp",
    "OtherApplication",
    "OtherProtocol",
    "OtherShape",
    "TooMuchToRead",
]


class ContentError(MuError):
    """Base of what can be wrong with a store's content.

    :ivar store: which store.
    :ivar trouble: what is wrong with it.
    :ivar remedy: what to do about it.
    """

    def __init__(self, store: object, trouble: str, remedy: str) -> None:
        super().__init__(f"{store} {trouble}: {remedy}")
        self.store = str(store)
        self.trouble = trouble
        self.remedy = remedy


class OtherApplication(ContentError):
    """The store was set up for another application, or holds data of nobody knows whom."""


class OtherProtocol(ContentError):
    """The store was set up for another protocol, which keeps data its own way."""


class OtherShape(ContentError):
    """What the store holds does not fit the code: some of it could not be read, or would mix."""


class NotSetUp(ContentError):
    """The store's initial state could not be written."""


class TooMuchToRead(ContentError):
    """The store holds more than can be read at one version."""
