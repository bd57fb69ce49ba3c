"""Drives the coroutines of :mod:`core.fields` over a plain dict."""

from core.effects import Delete, DeleteRange, Get, Put, Scan


class FieldStore:
    """A store for fields.

    :ivar touched: what was asked for, as ``(operation, key)``.
    """

    def __init__(self, content=()):
        self.content = dict(content)
        self.touched = []

    def run(self, coroutine):
        answer = None
        while True:
            try:
                effect = coroutine.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = self.perform(effect)

    def perform(self, effect):
        kind = type(effect).__name__
        if isinstance(effect, (Scan, DeleteRange)):
            self.touched.append((kind, effect.begin))
            keys = [key for key in sorted(self.content) if effect.begin <= key < effect.end]
            if isinstance(effect, Scan):
                return [(key, self.content[key]) for key in keys[: effect.limit or None]]
            for key in keys:
                del self.content[key]
            return None
        self.touched.append((kind, effect.key))
        if isinstance(effect, Get):
            return self.content.get(effect.key)
        if isinstance(effect, Put):
            self.content[effect.key] = effect.value
        elif isinstance(effect, Delete):
            self.content.pop(effect.key, None)
        else:
            raise AssertionError(effect)
        return None
