"""`python -m playground.live_check`, which `bin/live-check` runs."""

from __future__ import annotations

import sys

from .check import main

if __name__ == "__main__":
    sys.exit(main())
