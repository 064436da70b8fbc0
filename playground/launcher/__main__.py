"""Starts and stops the processes of the playground: two sandbox endpoints, Gunicorn and the reaper.

`bin/playground` runs this with the Python of `.venv`. They run as separate processes, and the
launcher only watches them: after a stop signal, or when one of them ends, all of them are stopped.
"""

from __future__ import annotations

import argparse
import errno
import os
import select
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from octaspace.sandbox.datasets.registry import DATASETS

from ..app_state import ensure_private_directory
from ..browser.api_target import default_target
from ..settings import ProcessSettings, StartError
from .running_instances import RunningInstance, announced
from .subprocesses import Child

ROOT: Final = Path(__file__).resolve().parents[2]

#: Ports of the embedded sandbox if they are free, the control port last; `bin/sandbox` uses 3001.
SANDBOX_PORTS: Final = (3101, 3102, 3103)

READY_WITHIN: Final = 60.0

#: Variables that would override the settings passed to Gunicorn here.
_NOT_OURS: Final = ("GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY")

#: Prefixes of the variables that the sandbox gets: what Python needs to run, and nothing secret.
_SANDBOX_NEEDS: Final = (
    "PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "PYTHON", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT",
)  # fmt: skip


class StopSignals:
    """Counts stop signals: none, stop, or stop at once."""

    def __init__(self) -> None:
        self._heard = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)

    @property
    def stop(self) -> bool:
        return self._heard > 0

    def force(self) -> bool:
        """Whether there was more than one."""
        return self._heard > 1

    def _hear(self, *_: Any) -> None:
        self._heard += 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        The exit code: 0 after a stop signal, 1 if a process could not start or ended by itself, 2 for wrong
        arguments.
    """
    options = _parser().parse_args(arguments)
    orders = StopSignals()
    children: list[Child] = []
    try:
        options.port = _port_to_listen_at(options.host, options.port)
        environment = _environment(options)
        # Read now, so that a mistake is reported once, and early.
        settings = ProcessSettings.read(environment, ROOT / "instance")
        if "PLAYGROUND_RENTAL_LEDGER" in environment:  # a path is relative to the folder of the launcher
            environment["PLAYGROUND_RENTAL_LEDGER"] = settings.rental_ledger
        sandbox, urls, control = _start_sandbox(options, environment, orders)
        children.append(sandbox)
        environment |= {"PLAYGROUND_SANDBOX_URLS": ",".join(urls), "PLAYGROUND_SANDBOX_CONTROL": control}
        settings = ProcessSettings.read(environment, ROOT / "instance")
        command = [sys.executable, "-m", "gunicorn", "-c", "playground/gunicorn.conf.py"]
        children.append(Child("Gunicorn", [*command, "playground:create_app()"], ROOT, environment))
        reaper = [sys.executable, "-m", "playground.reaper"]
        children.append(Child("The reaper", reaper, ROOT, _for_the_reaper(environment)))
        with ExitStack() as announcement:
            _watch(children, orders, options, settings, announcement)
    except StartError as problem:
        print(problem, file=sys.stderr)
        return 1
    except _StoppedError:
        return 0
    finally:
        for child in children[::-1]:
            child.ask_to_stop()
        for child in children[::-1]:
            child.stop(orders.force)
    return 0


class _StoppedError(Exception):
    """A stop was requested during the start."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/playground",
        description="The OctaSpace playground with its own sandbox. "
        "With OCTA_API_KEY set, it uses the live API; each browser can choose another target.",
    )
    parser.add_argument(
        "--port", type=_number(0, 65535), default=3000, help="port of the web app (default 3000; 0: any)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--workers", type=_number(1, 64), default=2, help="Gunicorn workers (default 2)")
    parser.add_argument(
        "--threads", type=_number(1, 256), default=8, help="pages that a worker makes at once (default 8)"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the sandbox's world (default 7)")
    parser.add_argument(
        "--dataset", choices=list(DATASETS), default="default", help="the sandbox's data (default: default)"
    )
    return parser


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read


def _environment(options: argparse.Namespace) -> dict[str, str]:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return {
        **{name: value for name, value in os.environ.items() if name not in _NOT_OURS},
        "PLAYGROUND_BIND": f"{host}:{options.port}",
        "PLAYGROUND_WORKERS": str(options.workers),
        "PLAYGROUND_THREADS": str(options.threads),
    }


def _for_the_sandbox(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the sandbox: without keys, passwords and addresses of stores."""
    return {name: value for name, value in environment.items() if name.startswith(_SANDBOX_NEEDS)}


def _for_the_reaper(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the reaper: with the keys of APIs, without the key that signs cookies."""
    return {name: value for name, value in environment.items() if name != "SECRET_KEY"}


def _port_to_listen_at(host: str, port: int) -> int:
    """Check that the address can be used; return the port, or for 0 a free one.

    Raises:
        StartError: The address cannot be used.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise StartError(f"--host {host} is not an address: the name does not resolve") from None
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise StartError(_why_not(error, host, port)) from None
        return int(probe.getsockname()[1])


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; choose another with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is not an address of this machine"
    if error.errno == errno.EACCES:
        return f"Port {port} is not for everybody; choose one above 1023 with --port"
    return f"Port {port} of {host} cannot be used: {error.strerror}"


def _start_sandbox(
    options: argparse.Namespace, environment: dict[str, str], orders: StopSignals
) -> tuple[Child, list[str], str]:
    """Start the sandbox; return the addresses of its endpoints and of its control path, as it prints them."""
    for ports in (_wanted_ports(), (0,) * len(SANDBOX_PORTS)):
        command = [sys.executable, "-m", "octaspace.sandbox", "--seed", str(options.seed)]
        command += ["--dataset", options.dataset]
        for port in ports[:-1]:
            command += ["--port", str(port)]
        command += ["--control-port", str(ports[-1])]
        child = Child("The sandbox", command, ROOT, _for_the_sandbox(environment), piped=True)
        try:
            told = _told_addresses(child, orders)
        except BaseException:
            child.stop(orders.force)
            raise
        if told is not None:
            return child, *told
        child.stop(orders.force)
        # Another playground has taken one of the ports: use any other ports.
    raise StartError(f"The sandbox ended before it was ready ({child.how_it_ended})")


def _wanted_ports() -> Sequence[int]:
    wanted = []
    for port in SANDBOX_PORTS:
        try:
            wanted.append(_port_to_listen_at("127.0.0.1", port))
        except StartError:
            wanted.append(0)
    return wanted


def _told_addresses(child: Child, orders: StopSignals) -> tuple[list[str], str] | None:
    """Read the addresses that the sandbox prints; None if it exits."""
    urls: list[str] = []
    pipe, buffer, end = child.process.stdout, b"", time.monotonic() + READY_WITHIN
    while pipe is not None and time.monotonic() < end:
        if orders.stop:
            raise _StoppedError
        if not select.select([pipe], [], [], 0.1)[0]:
            continue
        piece = os.read(pipe.fileno(), 4096)
        if not piece:
            child.process.wait()
            return None
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in lines:
            name, _, rest = line.decode().partition(" on ")
            url = rest.partition(" ")[0]
            if name == "control":
                return urls, url.rpartition("/_sandbox")[0] or url
            urls.append(url)
    raise StartError(f"The sandbox was not ready within {READY_WITHIN:g} s")


def _watch(
    children: Sequence[Child],
    orders: StopSignals,
    options: argparse.Namespace,
    settings: ProcessSettings,
    announcement: ExitStack,
) -> None:
    """Print the address when the app answers, describe it for `bin/console`, and wait for a signal.

    Raises:
        StartError: A process ended by itself, or the app does not answer.
    """
    is_up, end = False, time.monotonic() + READY_WITHIN
    while not orders.stop:
        for child in children:
            if child.ended:
                raise StartError(f"{child.name} ended by itself ({child.how_it_ended}); stopping the rest")
        if not is_up and _answers(options):
            is_up = True
            _announce(options, settings, announcement)
            print(f"The playground is at {_address(options, settings)} (Ctrl-C stops it)", flush=True)
        if not is_up and time.monotonic() > end:
            raise StartError(f"The playground did not answer within {READY_WITHIN:g} s")
        time.sleep(0.2 if is_up else 0.05)


def _announce(options: argparse.Namespace, settings: ProcessSettings, announcement: ExitStack) -> None:
    target = default_target(settings)
    instance = RunningInstance(
        _url(options, settings), settings.sandbox_urls, () if target.is_sandbox else target.endpoints
    )
    try:
        folder = ensure_private_directory(settings.state_dir)
        announcement.enter_context(announced(folder, instance))
    except (OSError, StartError) as error:
        print(f"bin/console --playground cannot join this playground: {error}", file=sys.stderr)


def _url(options: argparse.Namespace, settings: ProcessSettings) -> str:
    if options.host in ("0.0.0.0", "::"):  # noqa: S104 - every address of the machine
        named = sorted(settings.hosts - {"localhost", "127.0.0.1", "[::1]"})
        return f"http://{named[0]}:{options.port}"
    return f"http://{settings.bind}"


def _address(options: argparse.Namespace, settings: ProcessSettings) -> str:
    url, source = _url(options, settings), default_target(settings)
    if source.is_sandbox:
        return f"{url}, and uses its own sandbox"
    return f"{url}, and speaks with OCTA_API_KEY to {', '.join(source.endpoints)}"


def _answers(options: argparse.Namespace) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104
    url = f"http://{f'[{host}]' if ':' in host else host}:{options.port}/healthz"
    # Its own name, which it answers to wherever it listens. No proxy: one of the machine is none of
    # the loopback interface's business.
    request = urllib.request.Request(url, headers={"Host": "localhost"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
