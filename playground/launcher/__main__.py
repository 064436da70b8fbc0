"""The program of `bin/playground`."""

from __future__ import annotations

import sys

from .signals import OperatorSignals

if __name__ == "__main__":
    signals = OperatorSignals()
    # After the handlers: these imports take half a second, and Ctrl-C during them would print a traceback.
    from .launch import main

    sys.exit(main(signals))
