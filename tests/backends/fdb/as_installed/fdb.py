"""The module ``fdb`` of processes that have this folder on their PYTHONPATH: a stand-in, shared."""

import sys

from tests.backends.fdb.shared import SharedStandIn

sys.modules[__name__] = SharedStandIn()
