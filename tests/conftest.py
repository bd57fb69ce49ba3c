"""What all tests stand on."""

import signal

import hypothesis

AS_OF_A_TERMINAL = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}


def pytest_configure(config):
    """Signals work, also where a shell that runs in the background, or nohup, has them ignored."""
    for number, handler in AS_OF_A_TERMINAL.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


# No test depends on how fast a machine is.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
