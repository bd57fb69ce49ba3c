"""What all tests stand on."""

import signal


def pytest_configure(config):
    """Ctrl-C works, also where a shell that runs in the background has told us to ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
