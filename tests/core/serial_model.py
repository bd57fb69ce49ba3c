"""What the effects of :mod:`core.effects` mean when one request runs at a time and nothing fails.

Runs the same compiled methods as the executor, on a dictionary. A spawned call
runs at once; whoever begins a transaction keeps a copy of the state to go back to.
"""

from core import effects
from core.codec import Codec
from core.errors import TransactionException
from core.messages import Outcome, Returned
from core.program import Program


class Serial:
    """:ivar state: the content of the store."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.state: dict[bytes, bytes] = {}

    def outcome(self, service: str, method: str, *args: object) -> Outcome:
        """Run one request."""
        codec: Codec = self.program.codec
        try:
            return Returned(codec.encode(Frame(self, service, method, args).run()))
        except Exception as error:
            return codec.encode_exception(error)


class Frame:
    """One call of one method.

    :ivar scopes: the open transactions: their names and the state before them.
    """

    def __init__(self, serial, service, method, args):
        self.serial, self.name = serial, f"{service}.{method}"
        found = serial.program.method(service, method)
        self.coroutine = found.function(serial.program.services[service].instance, *args)
        self.scopes, self.begun, self.futures = [], 0, []

    def run(self):
        answer = error = None
        while True:
            try:
                effect = self.coroutine.throw(error) if error else self.coroutine.send(answer)
            except StopIteration as stop:
                if self.undo_all():
                    raise TransactionException(
                        f"{self.name} returned with a transaction open: commit or abort it before"
                    ) from None
                return stop.value
            except Exception:
                self.undo_all()
                raise
            answer = error = None
            try:
                answer = self.perform(effect)
            except Exception as raised:
                error = raised

    def perform(self, effect):
        state = self.serial.state
        match effect:
            case effects.Get(key):
                return state.get(key)
            case effects.Scan(begin, end, limit):
                pairs = sorted(pair for pair in state.items() if begin <= pair[0] < end)
                return pairs[: limit or None]
            case effects.Put(key, value):
                state[key] = value
            case effects.Delete(key):
                state.pop(key, None)
            case effects.DeleteRange(begin, end):
                for key in [key for key in state if begin <= key < end]:
                    del state[key]
            case effects.Clock():
                return 0
            case effects.Call():
                return self.deliver(self.call(effect))
            case effects.Spawn():
                self.futures.append(self.call(effect))
                return effects.Future(len(self.futures) - 1)
            case effects.Join(futures):
                return [self.deliver(self.futures[future.place]) for future in futures]
            case effects.Begin():
                self.begun += 1
                self.scopes.append((self.begun, dict(state)))
                return self.begun
            case effects.CommitTransaction(scope):
                if scope == effects.INNERMOST and not self.scopes:
                    raise TransactionException("there is no open transaction to commit")
                self.leave(scope)
            case effects.Rollback(scope):
                self.undo(scope)
        return None

    def call(self, effect):
        """The result of a call and the exception it raised."""
        try:
            return Frame(self.serial, effect.service, effect.method, effect.args).run(), None
        except Exception as error:
            return None, error

    def deliver(self, ended):
        result, error = ended
        if isinstance(error, TransactionException):
            self.undo(effects.INNERMOST)
        if error is not None:
            raise error
        return result

    def leave(self, scope):
        """End a transaction and those inside it: the state before it, or None if it had ended."""
        for index in range(len(self.scopes) - 1, -1, -1):
            name, before = self.scopes[index]
            if scope in (name, effects.INNERMOST):
                del self.scopes[index:]
                return before
        return None

    def undo(self, scope):
        before = self.leave(scope)
        if before is not None:
            self.serial.state = before

    def undo_all(self):
        if self.scopes:
            self.undo(self.scopes[0][0])
            return True
        return False
