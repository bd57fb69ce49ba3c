"""What garbage reads when it is finalized is none of the request's readings."""

import gc
import time

from compiler.machine.reading import reading


class Reads:
    """Garbage by itself, that looks at the clock when it goes."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        seen.append(time.time())


seen = []


class Reader:
    is_here = True

    def clock(self):
        raise AssertionError("the request was asked")


def test_what_is_finalized_in_the_middle_of_a_method_asks_the_machine():
    before = time.time()
    Reads()
    with reading(Reader()):
        gc.collect()
    assert before <= seen.pop() <= time.time()


def test_so_does_who_watches_collections():
    def watch(*_):
        seen.append(time.time())

    gc.callbacks.append(watch)
    try:
        with reading(Reader()):
            gc.collect()
    finally:
        gc.callbacks.remove(watch)
    assert len(seen) >= 2
    seen.clear()
