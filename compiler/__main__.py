"""``python -m compiler check|build|graph|run APP``."""

import sys

from compiler.cli import main

sys.exit(main(sys.argv[1:]))
