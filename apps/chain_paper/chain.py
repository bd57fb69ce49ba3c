"""Two services without state in front of ``apps/counter_paper``, written as for the prototype."""

from apps.counter_paper.counter import Counter
from compiler import decorators

__all__ = ["Counter", "First", "Second"]


@decorators.service
class First(object):
    """Where clients ask."""

    def __init__(self):
        pass

    def increment(self, key):
        ret = SyncInvoke("Second", "increment", key)
        return ret

    def read(self, key):
        ret = SyncInvoke("Second", "read", key)
        return ret


@decorators.service
class Second(object):
    """Stands between First and the counter."""

    def __init__(self):
        pass

    def increment(self, key):
        ret = SyncInvoke("Counter", "increment", key)
        return ret

    def read(self, key):
        ret = SyncInvoke("Counter", "read", key)
        return ret
