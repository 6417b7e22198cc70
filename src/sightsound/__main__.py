"""``python -m sightsound``: the same as the command ``sightsound``."""

import sys

from sightsound.cli import main

if __name__ == "__main__":
    sys.exit(main())
