"""Stop the rentals of the playground whose deadline has passed: `python -m playground.reaper`.

It reads the same environment variables as the app; see `playground.settings`. `bin/playground` starts it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from octaspace.stop_signals import run_until_stop_signal

from ..app_state import check_rental_ledger, ensure_private_directory, open_rental_ledger
from ..settings import ProcessSettings, StartError
from ..store import StoreError, open_database
from ..web.log_format import log_formatter
from .rounds import Reaper
from .targets import KnownTargets

ROOT: Final = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Reap until SIGTERM or Ctrl-C.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        The exit code: 1 if the settings, the store or the ledger cannot be used at the start.
    """
    options = _parser().parse_args(arguments)
    # A signal ends it at once, also in the middle of a round: the next reaper continues.
    return run_until_stop_signal(lambda pause: _reap(pause, once=options.once)) or 0


def _reap(pause: Callable[[float], None], *, once: bool) -> int:
    try:
        process = ProcessSettings.read(os.environ, ROOT / "instance")
        _set_up_log(process)
        reaper = _reaper(process)
    except StartError as problem:
        sys.stderr.write(f"The reaper cannot start: {problem}\n")
        return 1
    try:
        while True:
            reaper.round()
            if once:
                return 0
            pause(process.reaper_seconds)
    finally:
        reaper.end()


def _reaper(process: ProcessSettings) -> Reaper:
    try:
        folder = ensure_private_directory(process.state_dir)
        database = open_database(folder, process.redis_url, process.store_bytes)
        database.check()
    except OSError as error:
        raise StartError(
            f"the state cannot be stored in {process.state_dir}: {error.strerror}; see PLAYGROUND_STATE_DIR"
        ) from None
    except StoreError as error:
        raise StartError(str(error)) from None
    check_rental_ledger(process)
    return Reaper(open_rental_ledger(process), database, KnownTargets(process, database))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m playground.reaper",
        description="Stop the rentals of the playground whose deadline has passed. "
        "PLAYGROUND_REAPER_SECONDS is the pause between two rounds.",
    )
    parser.add_argument("--once", action="store_true", help="one round only")
    return parser


def _set_up_log(process: ProcessSettings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(log_formatter(process, "the reaper"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
