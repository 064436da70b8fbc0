"""Implementation of `bin/console`: a prompt with `client` defined, or a script from a pipe."""

from __future__ import annotations

import argparse
import code
import contextlib
import datetime
import decimal
import os
import pathlib
import sys
import tempfile
import traceback
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask_octaspace
import octaspace
from octaspace.sandbox import SandboxServer
from playground.browser.api_target import SANDBOX_KEY
from playground.launcher.running_instances import RunningInstance, running_instances

#: Folder of the state folders, unless PLAYGROUND_STATE_DIR names the state folder itself.
INSTANCES = Path(__file__).resolve().parent.parent / "instance"

#: Modules that lines copied from the playground may name.
_MODULES = (datetime, decimal, os, pathlib, uuid)


class ConsoleError(Exception):
    """The console cannot start; the message is one line for the user."""


@contextlib.contextmanager
def _client(playground: str | None) -> Iterator[tuple[octaspace.Client, str]]:
    """The client of the prompt, and its description.

    Args:
        playground: Address of a running playground whose sandbox is used; empty for the only one that runs.
            None for the API that the environment names, or for a sandbox that runs as long as the prompt.
    """
    if playground is not None:
        instance = _instance(playground)
        with _sandbox_client(SANDBOX_KEY, instance.sandbox_urls) as client:
            yield client, f"the sandbox of the playground at {instance.url}"
        return
    if any(os.environ.get(name) for name in ("OCTA_API_KEY", "OCTA_BASE_URL", "OCTA_BASE_URLS")):
        with octaspace.client(keep_alive=True) as client:
            key = "with a key" if client.config.api_key else "without a key"
            yield client, f"{', '.join(client.config.endpoints)}, {key}"
        return
    with SandboxServer(ports=(0, 0)) as sandbox, _sandbox_client("sandbox-key", sandbox.urls) as client:
        yield client, "a new sandbox (set OCTA_API_KEY for the live API)"


@contextlib.contextmanager
def _sandbox_client(key: str, urls: Sequence[str]) -> Iterator[octaspace.Client]:
    """A client with a temporary rental ledger, for lines with a deadline."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = f"sqlite:///{Path(folder).absolute()}/rentals.db"
        with octaspace.Client(key, base_urls=list(urls), keep_alive=True, rental_ledger=ledger) as client:
            yield client


def _instance(address: str) -> RunningInstance:
    """The running playground at an address; the only one for an empty address.

    Raises:
        ConsoleError: There is none, there are several, or it does not use its sandbox.
    """
    state_dir = os.environ.get("PLAYGROUND_STATE_DIR", "").strip()
    found = running_instances([Path(state_dir)] if state_dir else sorted(INSTANCES.glob("*")))
    addresses = ", ".join(instance.url for instance in found)
    if not found:
        where = f" with its state in {state_dir}" if state_dir else ""
        raise ConsoleError(
            f"no playground of this user is running{where}: start bin/playground first; "
            "if it has a PLAYGROUND_STATE_DIR, set it here as well"
        )
    if address:
        port = _port_of(address)
        found = [instance for instance in found if _port_of(instance.url) == port]
        if not found:
            raise ConsoleError(f"no playground of this user is running at {address}; running: {addresses}")
    if len(found) > 1:
        raise ConsoleError(f"several playgrounds are running, choose one with --playground: {addresses}")
    (instance,) = found
    if instance.operator_urls:
        raise ConsoleError(
            f"the playground at {instance.url} uses {', '.join(instance.operator_urls)}: start bin/console "
            "with the same OCTA_… variables and without --playground"
        )
    if not instance.sandbox_urls:
        raise ConsoleError(f"the playground at {instance.url} has no sandbox")
    return instance


def _port_of(address: str) -> int | None:
    if address.isdecimal():
        return int(address)
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None


def main() -> None:
    """Open the prompt, with IPython if it is installed, or run a script from a pipe."""
    parser = argparse.ArgumentParser(
        prog="bin/console",
        description="Open a Python prompt with `client` defined. OCTA_API_KEY and the other OCTA_… variables "
        "configure it; without them it uses a new sandbox. To run a script: bin/console < script.py",
    )
    parser.add_argument(
        "--playground", nargs="?", const="", metavar="URL",
        help="use the sandbox of the running playground, which lines copied from its pages belong to; "
        "with its address or port if several are running",
    )  # fmt: skip
    options = parser.parse_args()
    try:
        with _client(options.playground) as (client, where):
            names: dict[str, Any] = {
                "__name__": "__main__",
                "client": client,
                "octaspace": octaspace,
                "flask_octaspace": flask_octaspace,
                **{module.__name__: module for module in _MODULES},
            }
            if sys.stdin.isatty():
                _prompt(names, f"octaspace {octaspace.__version__}: `client` uses {where}.")
            else:
                exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
    except (ConsoleError, octaspace.ConfigurationError) as problem:
        sys.exit(f"console: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


class _Prompt(code.InteractiveConsole):
    """Python's prompt. An error is one line with its class; `traceback.print_last()` shows the frames."""

    def showtraceback(self) -> None:
        """Print the error of the last line."""
        error = sys.exc_info()[1]
        assert error is not None
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        sys.last_exc = error  # which `print_last` of Python 3.12 prefers
        self.write("".join(traceback.format_exception_only(type(error), error)))


def _prompt(names: dict[str, Any], banner: str) -> None:
    banner += "\nTry: client.network.info().data"
    try:
        from IPython import start_ipython  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        start_ipython = None
    if start_ipython is not None:
        print(banner)
        # Errors as one line with their class; %xmode shows more.
        start_ipython(argv=["--no-banner", "--InteractiveShell.xmode=Minimal"], user_ns=names)
        return
    # Outside of the `except`, so that tracebacks at the prompt do not begin with the missing IPython.
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - adds editing and history to the prompt
    _Prompt(names).interact(banner=banner, exitmsg="")


if __name__ == "__main__":
    main()
