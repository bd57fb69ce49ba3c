"""``python -m backends.local``: an application on one machine, for real."""

import sys

from backends.local.cli import main

sys.exit(main(sys.argv[1:]))
