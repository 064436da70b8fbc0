"""Starts everything the playground needs and stops it again: two sandbox endpoints and Gunicorn.

`bin/playground` runs this with the Python of `.venv`. The parts run as processes of their own; this one
only watches them: when it is told to stop, or when one of them ends, all of them end.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Where the embedded sandbox listens when these are free; `bin/sandbox` has 3001 to itself.
SANDBOX_PORTS = (3101, 3102)

READY_WITHIN = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        The exit code: 0 after a stop that was asked for, 1 when something could not start or died.
    """
    options = _parser().parse_args(arguments)
    problem = _problem(options)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox_ports = [port if _free("127.0.0.1", port) else _any_port() for port in SANDBOX_PORTS]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_start_sandbox(sandbox_ports, options))
        processes.append(_start_gunicorn(sandbox_ports, options))
        return _watch(processes, stop, options)
    finally:
        _stop(processes[::-1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/playground",
        description="The OctaSpace playground with a sandbox of its own. "
        "With OCTA_API_KEY set it speaks to the live API; each browser may choose.",
    )
    parser.add_argument("--port", type=int, default=3000, help="port of the web app (default 3000)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--workers", type=int, default=2, help="Gunicorn workers (default 2)")
    parser.add_argument("--threads", type=int, default=8, help="threads per worker (default 8)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the sandbox's world (default 7)")
    parser.add_argument(
        "--dataset", default="default", help="the sandbox's data: default, empty, hostile, large"
    )
    return parser


def _problem(options: argparse.Namespace) -> str | None:
    """What keeps us from starting, in one line."""
    if options.workers < 1 or options.threads < 1:
        return "--workers and --threads must be 1 or more."
    if not _is_loopback(options.host):
        for name in ("PLAYGROUND_PASSWORD", "PLAYGROUND_HOSTS"):
            if not os.environ.get(name):
                return f"--host {options.host} lets others in: set {name} first (see docs/playground.md)."
    if not _free(options.host, options.port):
        return f"Port {options.port} on {options.host} is in use; choose another with --port."
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _free(host: str, port: int) -> bool:
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start_sandbox(ports: Sequence[int], options: argparse.Namespace) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "playground.sandbox", "--seed", str(options.seed)]
    command += ["--dataset", options.dataset]
    for port in ports:
        command += ["--port", str(port)]
    return _spawn(command, {})


def _start_gunicorn(sandbox_ports: Sequence[int], options: argparse.Namespace) -> subprocess.Popen[bytes]:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return _spawn(
        [sys.executable, "-m", "gunicorn", "-c", "playground/gunicorn.conf.py", "playground:create_app()"],
        {
            "PLAYGROUND_BIND": f"{host}:{options.port}",
            "PLAYGROUND_WORKERS": str(options.workers),
            "PLAYGROUND_THREADS": str(options.threads),
            "PLAYGROUND_SANDBOX_URLS": ",".join(f"http://127.0.0.1:{port}" for port in sandbox_ports),
        },
    )


def _spawn(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process alone, which then stops the others in order.
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, start_new_session=True)


def _watch(
    processes: Sequence[subprocess.Popen[bytes]], stop: threading.Event, options: argparse.Namespace
) -> int:
    host = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host  # noqa: S104
    url = f"http://{f'[{host}]' if ':' in host else host}:{options.port}"
    waited, announced = 0.0, False
    while not stop.wait(0.2):
        if any(process.poll() is not None for process in processes):
            print("A part of the playground ended by itself; stopping the rest.", file=sys.stderr)
            return 1
        if announced:
            continue
        waited += 0.2
        if _answers(url):
            announced = True
            print(f"\n  The playground is at {url}  (Ctrl-C stops it)\n", flush=True)
        elif waited > READY_WITHIN:
            print(f"The playground did not answer at {url} within {READY_WITHIN:g} s.", file=sys.stderr)
            return 1
    return 0


def _answers(url: str) -> bool:
    # No proxy: an HTTP_PROXY of the machine is none of the loopback interface's business.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/healthz", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(40)  # longer than Gunicorn's graceful timeout
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
