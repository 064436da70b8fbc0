"""`bin/live-check`: the reads of the smoke suite, with the configuration of the environment.

It checks that this SDK and the API of a key are compatible. It only reads: the client refuses every change
before it is sent.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, Final, NoReturn

from flask import Flask

import octaspace
from flask_octaspace.calls import ReadOnlyClient
from octaspace import Config, ConfigurationError

from ..formatting import seconds, visible
from ..jobs.smoke_steps import plan, run_steps
from ..sdk.method_results import NullListener
from ..sdk.recording import Call, CallRecorder
from ..sdk.redaction import masked

__all__ = ["main", "reading_client"]

#: Maximum requests that are printed of a call that polls.
_MAX_REQUESTS: Final = 5

#: Default seconds for each call: a person waits for it.
_TOTAL_TIMEOUT: Final = 20.0

_STATES: Final = ("passed", "failed", "skipped")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the calls and print the result of each.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        The exit code: 0 without failures, 1 with failures, 2 if it could not start, 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without these characters
    try:
        config = _config(options)
    except ConfigurationError as problem:
        print(f"live-check: {problem}", file=sys.stderr)
        return 2
    report = _Report(config)
    try:
        return _run(report, config, options)
    except BrokenPipeError:  # the reader of our pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(report: _Report, config: Config, options: argparse.Namespace) -> int:
    """Make the calls; return the exit code."""
    if not options.json:
        print(report.title, end="\n\n", flush=True)
    names = plan(changes=False)
    try:
        with reading_client(config) as client:
            steps = run_steps(client, NullListener(), changes=False, idle_job=options.idle_job)
            for number, report.under_way in enumerate(names, 1):
                if not options.json and sys.stdout.isatty():  # what the answer's line will be written over
                    print(f"{number:>2}/{len(names)}  …        {report.under_way}", end="\r", flush=True)
                step = report.add(*next(steps))
                if not options.json:
                    _print_step(step, number, len(names))
        report.finished = True
    except KeyboardInterrupt:
        pass
    print(report.as_json() if options.json else f"\n{report.summary}", flush=True)
    if not report.finished:
        return 130
    return 1 if report.counts["failed"] else 0


class _Report:
    """The requests and their results, without the key and the contents of answers.

    Attributes:
        steps: The results so far.
        under_way: The current or last method.
        finished: Whether all calls were made.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._key = config.api_key or ""
        self._at, self._began = time.time(), time.monotonic()
        self.steps: list[dict[str, Any]] = []
        self.under_way = ""
        self.finished = False

    def add(self, item: dict[str, Any], calls: list[Call]) -> dict[str, Any]:
        """Record the result of a call, masked for display."""
        step = {**item, "requests": [_request(it) for it in calls]}
        self.steps.append(step)
        return step

    @property
    def title(self) -> str:
        where = ", ".join(self._config.endpoints)
        return f"octaspace {octaspace.__version__} reads from {where} with the key {masked(self._key)}"

    @property
    def counts(self) -> dict[str, int]:
        """Number of calls that passed, failed and were skipped."""
        states = Counter(step["state"] for step in self.steps)
        return {state: states[state] for state in _STATES}

    @property
    def summary(self) -> str:
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items())
        stopped = "" if self.finished else f"Stopped during {self.under_way}: "
        answered = any(request["status"] is not None for step in self.steps for request in step["requests"])
        where = ", ".join(self._config.endpoints)
        words = f"{stopped}{told} in {seconds(time.monotonic() - self._began)}. Nothing was changed."
        hint = f"\nNo answer came from {where}: check the network and the address."
        return words if answered else words + hint

    def as_json(self) -> str:
        """The whole report."""
        report = {
            "suite": "octaspace live-check",
            "began": datetime.fromtimestamp(self._at, timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self._began, 3),
            "finished": self.finished,
            "endpoints": list(self._config.endpoints),
            "key": masked(self._key),
            "versions": {"octaspace": octaspace.__version__, "python": platform.python_version()},
            **self.counts,
            "calls": self.steps,
        }
        return json.dumps(report, indent=1)


class _Parser(argparse.ArgumentParser):
    """Prints errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"live-check: {message} (--help lists the options)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bin/live-check",
        description="Make every read of the SDK once and print its result. The key is OCTA_API_KEY; "
        "without further OCTA_… variables the calls go to https://api.octa.space. Nothing is changed.",
        epilog="Exit code: 0 nothing failed, 1 something failed, 2 it could not start.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end instead")
    parser.add_argument(
        "--timeout",
        type=_positive,
        metavar="SECONDS",
        help=f"limit for each call (OCTA_TOTAL_TIMEOUT, else {_TOTAL_TIMEOUT:g} s)",
    )
    parser.add_argument(
        "--idle-job", type=_job, metavar="NODE/JOB",
        help="read this idle job as well; no call of the API lists them",
    )  # fmt: skip
    return parser


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return number


def _job(text: str) -> tuple[int, int]:
    node, _, job = text.partition("/")
    if not all(part.isascii() and part.isdigit() for part in (node, job)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the number of a node, a slash and the number of a job"
        )
    return int(node), int(job)


def _config(options: argparse.Namespace) -> Config:
    """The configuration that `octaspace.client()` would use.

    Raises:
        ConfigurationError: A variable cannot be used, or there is no key.
    """
    config = octaspace.configuration()
    if config.api_key is None:
        raise ConfigurationError("OCTA_API_KEY is not set, and most reads need a key", option="api_key")
    if options.timeout is not None:
        return config.replace(total_timeout=options.timeout)
    if config.total_timeout is None and not os.environ.get("OCTA_TOTAL_TIMEOUT"):
        return config.replace(total_timeout=_TOTAL_TIMEOUT)
    return config


@contextlib.contextmanager
def reading_client(config: Config) -> Iterator[ReadOnlyClient]:
    """A client that refuses changes, and whose requests are recorded."""
    recorded = config.replace(observers=[*config.observers, CallRecorder()], cache_ttl=0)
    with ReadOnlyClient.for_app(Flask("live_check"), recorded) as client:
        yield client


def _request(call: Call) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in call.request.params.items())
    return {
        "method": call.request.method,
        "path": call.request.path + (f"?{query}" if query else ""),
        "endpoint": call.endpoint,
        "status": call.status,
        "error": None if call.error is None else type(call.error).__name__,
        "took": call.elapsed,
        "attempts": len(call.attempts),
        "request_id": call.request_id,
    }


def _print_step(step: dict[str, Any], number: int, total: int) -> None:
    state = "FAILED" if step["state"] == "failed" else step["state"]
    print(f"{number:>2}/{total}  {state:<8} {visible(step['line'])}")
    for request in step["requests"][:_MAX_REQUESTS]:
        print(f"       {visible(_request_line(request))}")
    more = len(step["requests"]) - _MAX_REQUESTS
    if more > 0:
        print(f"       and {more} more {'request' if more == 1 else 'requests'}")
    words = step["message"] or step["data"]
    if words:
        print(f"       {visible(words)}")
    sys.stdout.flush()


def _request_line(request: dict[str, Any]) -> str:
    came = " ".join(str(word) for word in (request["status"], request["error"]) if word is not None)
    attempts = f"{request['attempts']} {'attempt' if request['attempts'] == 1 else 'attempts'}"
    facts = [f"{request['method']} {request['path']}", request["endpoint"], came]
    facts += [seconds(request["took"]), attempts]
    if request["request_id"]:
        facts.append(f"request id {request['request_id']}")
    return " · ".join(fact for fact in facts if fact)
