"""``python -m sim SCENARIO``: run a scenario in the simulator; see :mod:`sim.cli`."""

import sys

if __name__ == "__main__":
    try:
        from sim.cli import main

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # while it was still starting
