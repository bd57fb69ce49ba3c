"""A host that runs an application with any protocol, at once and in one thread."""

import random

from core.ids import root_id
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Now, ReadVersion
from core.protocol import PROTOCOLS
from tests.direct import DirectHost, root_request

BASELINES = [name for name in PROTOCOLS if name.startswith("popl23")]


class Host(DirectHost):
    """Runs everything with the protocol ``name``; the clock stands still unless it is moved."""

    def __init__(self, application, name, set_up=True):
        self.protocol = PROTOCOLS[name]()
        program = application.program
        store = MemoryStore(clock=lambda: 0.0)
        initial = application.initial_state() if set_up else {}
        store.load(self.protocol.arranged(program, initial).items())
        super().__init__(program, store)
        self.now = 1_700_000_000_000_000_000
        self._roots = random.Random(1)
        self._numbers = 0

    def run(self, request):
        self._attempts += 1
        return self.drive(self.protocol.attempt(self.program, request, f"a{self._attempts}"))

    def perform(self, effect):
        if isinstance(effect, Now):
            return self.now
        return super().perform(effect)

    def request(self, call, *args, **kwargs):
        self._numbers += 1
        root = root_id(self._numbers, self._roots)
        return root_request(self.program, root, *call.split("."), *args, **kwargs)

    def call(self, call, *args, **kwargs):
        return self.run(self.request(call, *args, **kwargs)).outcome

    def value(self, call, *args, **kwargs):
        outcome = self.call(call, *args, **kwargs)
        assert isinstance(outcome, Returned), outcome
        return self.program.codec.decode(outcome.value)

    def data(self):
        return self.protocol.data(self.store.snapshot())

    @property
    def store_transactions(self):
        return self.effects.get(ReadVersion.__name__, 0)
