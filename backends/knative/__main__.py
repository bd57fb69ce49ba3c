"""``python -m backends.knative``: an application on Knative."""

import sys

from backends.knative.cli import main

sys.exit(main(sys.argv[1:]))
