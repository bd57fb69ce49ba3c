import pytest

from compiler import application, instance
from core.callers import NOBODY


class Running:
    """An application in its reference run, set up as its workload says."""

    def __init__(self, path):
        self.application = application.load(path)
        self.workload = self.application.workload
        self.reference = self.application.reference(set_up=True)

    def run(self, call, *args, caller=NOBODY):
        """Run one request, ``Service.method``."""
        service, method = call.split(".")
        return self.reference.run(service, method, args, caller=caller)

    def facts(self, call):
        """What the compiler proved about ``Service.method``."""
        return self.application.program.method(*call.split(".")).facts

    def check(self, *names):
        """The invariants hold: those named, or all, once what was started has ended."""
        self.reference.run_pending(10_000)
        invariants = self.workload.invariants
        with self.reference:
            for name in names or invariants:
                invariants[name]()

    def state(self, cls):
        """The plain object of a service, to look at and to doctor."""
        with self.reference:
            return instance(cls)


@pytest.fixture
def running(request):
    """The application that the test's module names as APP, or that its parameter names."""
    return Running(getattr(request, "param", None) or request.module.APP)
