"""The load of ``apps/chain``."""

from apps.chain.workload import ARGUMENTS, MIX, setup

__all__ = ["ARGUMENTS", "MIX", "setup"]
