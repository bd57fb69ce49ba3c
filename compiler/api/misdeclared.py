"""What a declaration raises that cannot be meant."""

from __future__ import annotations

__all__ = ["Misdeclared"]


class Misdeclared(TypeError):
    """A declaration that cannot be meant.

    :ivar what: what is wrong with it; ``remedy``: what to write instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy
