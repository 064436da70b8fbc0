"""`python -m octaspace.sandbox`: the sandbox as a process, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import Any

from ..stop_signals import ignore_from_now_on
from .datasets.registry import DATASETS
from .http.endpoint import PortInUseError
from .http.server import SandboxServer

#: Seconds between two checks whether a signal has arrived.
_POLL_INTERVAL = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        The exit code: 0 stopped, 1 a port is not available, 2 wrong arguments.
    """
    options = _parser().parse_args(arguments)
    try:
        sandbox = SandboxServer(
            ports=options.port or [3001],
            seed=options.seed,
            dataset=options.dataset,
            ready_after=options.ready_after,
            host=options.host,
            control_port=options.control_port,
            strict_keys=options.strict_keys,
            allow_hosts=options.allow_host,
            unique_ids=True,  # a program may keep them after this sandbox has ended
        )
    except ValueError as problem:
        return _fail(str(problem), 2)
    stopped = False

    def stop(*_: Any) -> None:
        # No lock, and so no `threading.Event`: the handler may interrupt the thread that holds it.
        nonlocal stopped
        stopped = True

    # Before the first port opens: a program that reads a line below may send the signal at once.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        with sandbox:
            for url in sandbox.urls:
                sys.stdout.write(f"sandbox on {url} (data set {options.dataset}, seed {options.seed})\n")
            if options.control_port is not None:
                sys.stdout.write(f"control on {sandbox.control_url}\n")
            sys.stdout.flush()
            while not stopped:
                time.sleep(_POLL_INTERVAL)
    except PortInUseError as problem:
        return _fail(f"{problem.strerror}; choose another with --port or --control-port", 1)
    except OSError as problem:
        return _fail(f"cannot listen on {options.host}: {problem.strerror}", 1)
    ignore_from_now_on()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m octaspace.sandbox",
        description="A simulated OctaSpace API. Any key is accepted, except: invalid, readonly.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        action="append",
        help="port of the API, repeatable; all have the same state (default 3001)",
    )
    parser.add_argument("--control-port", type=_port, help="a further port for the control path only")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="further host name that it answers to, repeatable; those of this machine always work",
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same state (default 7)")
    parser.add_argument(
        "--dataset", choices=list(DATASETS), default="default", help="the data set (default: default)"
    )
    parser.add_argument(
        "--ready-after",
        type=float,
        default=4.0,
        metavar="SECONDS",
        help="seconds until a rental is ready (default 4)",
    )
    parser.add_argument(
        "--strict-keys",
        action="store_true",
        help="refuse keys without 64 characters, as the live API does",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 (any free one) to 65535")
    return int(text)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"sandbox: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
