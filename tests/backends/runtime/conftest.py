"""Both event loops that nodes run on."""

import asyncio

import pytest
import uvloop

from tests.patience import patience

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def on_loop(request):
    def run_it(coroutine):
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(asyncio.wait_for(coroutine, patience()))

    return run_it
