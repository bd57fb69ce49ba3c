"""One running method of a reference run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.bounds import UNBOUND, Bounds

__all__ = ["Activation"]


@dataclass(eq=False, slots=True)
class Activation:
    """One running method.

    :ivar tag: whatever the runner wants to know it by.
    :ivar bounds: what breaks its waits off.
    """

    service: str
    method: str
    tag: Any = None
    bounds: Bounds = field(default_factory=lambda: Bounds(UNBOUND))
