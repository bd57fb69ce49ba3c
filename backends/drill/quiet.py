"""Logs of an experiment: trouble is what was asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["errors_only"]


@contextmanager
def errors_only() -> Iterator[None]:
    """Log no warnings of nodes and clients, in this process and in those forked meanwhile."""
    logger = logging.getLogger("backends")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
