"""The load of ``apps/counter``."""

from apps.counter.workload import ARGUMENTS, MIX, setup

__all__ = ["ARGUMENTS", "MIX", "setup"]
