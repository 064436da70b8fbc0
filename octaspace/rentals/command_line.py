"""The command line of the ledger, with and without Flask.

``python -m octaspace.rentals`` reads the environment; ``flask octaspace rentals`` and
``flask octaspace reap`` read the configuration of the app. Both call `show_rentals` and `run_reaper`.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Final, NoReturn, TextIO, get_args

from .. import errors
from .._client import Client
from ..config import Config
from ..key_mask import KeyMask
from ..stop_signals import run_until_stop_signal
from .ledger import RentalLedger
from .listing import COLUMNS, list_rentals
from .reaper import reap
from .remembered_entries import RememberedEntries
from .report import ReapedRental, ReapReport, ReapResult
from .terminal import Output, printable, table

__all__ = ["FAILED", "OK", "WRONG_USAGE", "checked_period", "main", "run_reaper", "show_rentals"]

OK: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
_INTERRUPTED: Final = 130

_MIN_PERIOD: Final = 0.1
_MAX_PERIOD: Final = 86400.0

_SUMMARY_WORDS: Final = {"claimed": "left to another reaper"}

_ENVIRONMENT: Final = """\
environment:
  OCTA_API_KEY        the key of the account
  OCTA_RENTAL_LEDGER  the ledger, e.g. sqlite:////var/lib/app/rentals.db or redis://host:6379/0
  OCTA_BASE_URL, ...  every other option of octaspace.Config.from_env

exit code: 0; 1 if something could not be stopped, listed or read; 2 for wrong usage
"""


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m octaspace.rentals``.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    given: dict[str, Any] = {} if options.ledger is None else {"rental_ledger": options.ledger}
    try:
        client = Client.from_config(Config.from_env(**given))
    except errors.ConfigurationError as error:
        Output(sys.stderr, KeyMask()).line(f"octaspace.rentals: {printable(str(error))}")
        return WRONG_USAGE
    try:
        with client:
            if options.command == "list":
                return show_rentals(
                    client, as_json=options.json, with_closed=options.all, option="OCTA_RENTAL_LEDGER",
                    must_exist=options.ledger is not None,
                )  # fmt: skip
            return run_reaper(
                client, every=options.every, dry_run=options.dry_run, as_json=options.json,
                option="OCTA_RENTAL_LEDGER", key_option="OCTA_API_KEY",
            )  # fmt: skip
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        _flush()


def show_rentals(
    client: Client, *, as_json: bool, with_closed: bool, option: str, must_exist: bool = False
) -> int:
    """Print the entries of the client's ledger.

    Args:
        client: The client; without a key, states and costs are unknown.
        as_json: Print a JSON list instead of a table.
        with_closed: Print closed entries as well.
        option: What configures the ledger, for the message when there is none.
        must_exist: Fail if the ledger is a file that does not exist: a path that was typed, not configured.

    Returns:
        The exit code.
    """
    out, log = _outputs(client)
    try:
        ledger = _ledger(client, log, option)
        if ledger is None:
            return WRONG_USAGE
        if not ledger.backend.exists():
            if must_exist:
                raise errors.RentalLedgerError(
                    f"the rental ledger {ledger.backend.location} does not exist: check the path of --ledger"
                )
            return _nothing_yet(ledger, log if as_json else out, out, "[]" if as_json else None)
        listing = list_rentals(client, ledger, with_closed=with_closed)
    except errors.Error as error:
        log.line(_words(error))
        return FAILED
    if as_json:
        out.line(json.dumps([one.as_json() for one in listing.rentals], indent=2, default=str))
    elif listing.rentals:
        out.lines(table(COLUMNS, [one.cells() for one in listing.rentals], out.columns))
    else:
        out.line("no rentals" if with_closed else "no open rentals")
    if listing.problem:
        log.line(printable(listing.problem))
    return FAILED if listing.problem or out.failed else OK


def run_reaper(
    client: Client, *, every: float | None, dry_run: bool, as_json: bool, option: str, key_option: str
) -> int:
    """Run one round of the reaper, or one every so many seconds until SIGTERM or SIGINT.

    Args:
        client: A client with the key of the account.
        every: Seconds between two rounds; None for one round.
        dry_run: Change nothing.
        as_json: Print one JSON object for each round.
        option: What configures the ledger, for the message when there is none.
        key_option: What configures the key.

    Returns:
        The exit code.
    """
    out, log = _outputs(client)
    _quiet_reaper_log()
    try:
        ledger = _ledger(client, log, option)
    except errors.Error as error:
        log.line(_words(error))
        return FAILED
    if ledger is None:
        return WRONG_USAGE
    if client.config.api_key is None:
        log.line(f"no API key is configured: set {key_option} to the key of the account that rents")
        return WRONG_USAGE
    entries = RememberedEntries(ledger.backend, log.line)
    if every is not None and not dry_run:
        ledger = RentalLedger(entries, lease=ledger.lease, reconcile_timeout=ledger.reconcile_timeout)
    printer = _Printer(client, ledger, out, log, dry_run=dry_run, as_json=as_json, repeated=every is not None)
    if every is None:
        return OK if printer.round() else FAILED

    def rounds(pause: Callable[[float], None]) -> NoReturn:
        try:
            while True:
                printer.round()
                pause(every)
        finally:
            entries.end()

    run_until_stop_signal(rounds)
    return OK


def checked_period(text: str) -> float:
    """Read the seconds of ``--every``.

    Raises:
        ValueError: It is not a number in the allowed range.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not _MIN_PERIOD <= seconds <= _MAX_PERIOD:
        raise ValueError(f"{text[:40]!r} is not a number of seconds from {_MIN_PERIOD:g} to {_MAX_PERIOD:g}")
    return seconds


class _Printer:
    """Runs rounds, and prints what each did."""

    def __init__(
        self,
        client: Client,
        ledger: RentalLedger,
        out: Output,
        log: Output,
        *,
        dry_run: bool,
        as_json: bool,
        repeated: bool,
    ) -> None:
        self._client, self._ledger, self._out, self._log = client, ledger, out, log
        self._dry_run, self._as_json, self._repeated = dry_run, as_json, repeated
        self._last_quiet = ""

    def round(self) -> bool:
        """Run one round; returns whether nothing is left that it should have ended. Never raises an `Error`.

        A round of several that does and finds nothing new prints nothing.
        """
        try:
            absent = "" if self._ledger.backend.exists() else _absent(self._ledger)
            report = ReapReport(dry_run=self._dry_run)
            if not absent:
                report = reap(self._client, self._ledger, dry_run=self._dry_run)
        except errors.Error as error:
            self._log.line(self._stamped(_words(error)))
            return False
        except Exception as error:
            if not self._repeated:
                raise
            self._log.line(self._stamped(f"the round failed: {type(error).__name__}"))
            return False
        if self._as_json:
            self._out.line(json.dumps(_as_json(report), default=str))
        else:
            for item in report.items:
                # What needs a person is on stderr: cron mails it, also when stdout is discarded.
                target = self._log if item.result in ("failed", "undecided") else self._out
                target.line(self._stamped(_item_line(item, dry_run=report.dry_run)))
        if report.problem:
            self._log.line(self._stamped(printable(report.problem)))
        summary = absent or _summary(report)
        quiet = summary if not report.items and not report.problem else ""
        is_news = not self._repeated or not quiet or quiet != self._last_quiet
        self._last_quiet = quiet
        if is_news and (absent or not self._as_json):
            (self._log if self._as_json else self._out).line(self._stamped(summary))
        return report.ok

    def _stamped(self, line: str) -> str:
        if not self._repeated:
            return line
        return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {line}"


def _as_json(report: ReapReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "dry_run": report.dry_run,
        "living": report.living,
        "others": report.others,
        "problem": report.problem,
        "items": [
            {
                "result": item.result,
                "reason": item.reason,
                "detail": item.detail,
                "id": item.rental.id,
                "name": item.rental.name,
                "service": item.rental.service,
                "node_id": item.rental.node_id,
                "session": item.rental.uuid,
            }
            for item in report.items
        ],
    }


def _item_line(item: ReapedRental, *, dry_run: bool) -> str:
    rental = item.rental
    words = [
        f"{'would be ' if dry_run else ''}{item.result}: {rental.name or rental.id}",
        f"{rental.service} on node {rental.node_id}",
        f"session {rental.uuid}" if rental.uuid else "",
        item.reason,
        item.detail,
    ]
    return printable(", ".join(word for word in words if word))


def _summary(report: ReapReport) -> str:
    counts = [
        f"{report.count(result)} {_SUMMARY_WORDS.get(result, result)}"
        for result in get_args(ReapResult)
        if report.count(result) or result in ("stopped", "failed")
    ]
    counts.append(f"{report.living} left running")
    if report.others:
        counts.append(f"{report.others} of other accounts not touched")
    return ", ".join(counts) + (" (dry run)" if report.dry_run else "")


def _outputs(client: Client) -> tuple[Output, Output]:
    # Read at each call: programs and tests replace the streams.
    mask = client._sender.mask
    return Output(sys.stdout, mask), Output(sys.stderr, mask)


def _ledger(client: Client, log: Output, option: str) -> RentalLedger | None:
    ledger = client.rental_ledger
    if ledger is None:
        log.line(
            f"no rental ledger is configured: set {option}, e.g. to sqlite:////var/lib/app/rentals.db or "
            "redis://host:6379/0"
        )
    return ledger


def _nothing_yet(ledger: RentalLedger, note: Output, out: Output, empty: str | None) -> int:
    note.line(_absent(ledger))
    if empty is not None:
        out.line(empty)
    return FAILED if out.failed else OK


def _absent(ledger: RentalLedger) -> str:
    """What to say of a file that does not exist.

    Raises:
        RentalLedgerError: Its directory does not exist either: the path is wrong.
    """
    folder = os.path.dirname(ledger.backend.location)
    if not os.path.isdir(folder):
        raise errors.RentalLedgerError(
            f"the rental ledger {ledger.backend.location} cannot be used: there is no directory {folder}"
        )
    return f"the rental ledger {ledger.backend.location} does not exist: nothing was recorded in it yet"


def _words(error: errors.Error) -> str:
    return printable(f"{type(error).__name__}: {error}")


def _quiet_reaper_log() -> None:
    """The lines of the command say what the log says; without a handler the log would repeat it."""
    log = logging.getLogger("octaspace.reaper")
    if not log.hasHandlers():
        log.addHandler(logging.NullHandler())


def _flush() -> None:
    """Flush both streams; what cannot be written any more is dropped without a traceback at exit."""
    streams: tuple[TextIO | None, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m octaspace.rentals",
        description="List a rental ledger, and stop the rentals that have lost their owner.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|reap")
    shared = _Parser(add_help=False)
    shared.add_argument("--ledger", metavar="URL", help="the ledger, instead of OCTA_RENTAL_LEDGER")
    shared.add_argument("--json", action="store_true", help="print JSON")
    listing = commands.add_parser("list", parents=[shared], help="print the entries")
    listing.add_argument("--all", action="store_true", help="print closed entries as well")
    reaping = commands.add_parser("reap", parents=[shared], help="stop what has to end")
    reaping.add_argument(
        "--every", type=_period, metavar="SECONDS", help="run until SIGTERM, one round every SECONDS"
    )
    reaping.add_argument("--dry-run", action="store_true", help="change nothing")
    return parser


def _period(text: str) -> float:
    try:
        return checked_period(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
