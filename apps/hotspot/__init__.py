"""The counter again, under keys drawn by Zipf's law: a few are asked for all the time."""

from apps.counter.services import Counter

__all__ = ["Counter"]
