"""The load of ``apps/tree``."""

from apps.tree.workload import ARGUMENTS, MIX, setup

__all__ = ["ARGUMENTS", "MIX", "setup"]
