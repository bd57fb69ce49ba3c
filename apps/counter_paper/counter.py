"""The counter, written as for the paper's prototype: no annotations, calls that name themselves."""

from compiler import decorators


@decorators.service
class Counter(object):
    """Counts, one for each key."""

    def __init__(self):
        self.counts = {}  # type: Persistent[dict]

    def increment(self, key):
        BeginTx()
        # Both in one transaction: the count that is read is the count that is replaced
        if key in self.counts:
            count = self.counts[key] + 1
        else:
            count = 1
        self.counts[key] = count
        CommitTx()
        return count

    def read(self, key):
        return self.counts.get(key, 0)
