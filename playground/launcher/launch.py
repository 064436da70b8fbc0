"""Starts and stops the processes of the playground: a sandbox with two endpoints, Gunicorn and the reaper.

`bin/playground` runs this with the Python of `.venv`. They run as separate processes, and the
launcher only watches them: after a stop signal, or when one of them ends, all of them are stopped.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ..app_state import ensure_private_directory
from ..browser.api_target import default_target
from ..settings import ProcessSettings, StartError, normalized_urls
from . import command_line
from .listening import port_to_listen_at
from .own_sandbox import StoppedError, start_sandbox
from .running_instances import RunningInstance, announced, running_instances
from .shared_sandbox import find_sandbox
from .signals import OperatorSignals
from .subprocesses import Child, stop
from .web_app import answers, description, url_of

ROOT: Final = Path(__file__).resolve().parents[2]

_READY_WITHIN: Final = 60.0

#: Variables that would override the settings passed to Gunicorn here.
_NOT_OURS: Final = ("GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY")


def main(signals: OperatorSignals) -> int:
    """Run until a stop signal, with the options of the command line.

    Args:
        signals: The operator's.

    Returns:
        The exit code: 0 after a stop signal, 1 if a process could not start or ended by itself, 2 for wrong
        arguments.
    """
    launcher = _Launcher(command_line.parse(), signals)
    try:
        launcher.run()
    except StartError as problem:
        print(problem, file=sys.stderr)
        return 1
    except StoppedError:
        return 0
    finally:
        launcher.stop()
    return 0


class _Launcher:
    """The processes, and the settings that they share.

    Args:
        options: The command line.
        signals: The operator's.
    """

    def __init__(self, options: Namespace, signals: OperatorSignals) -> None:
        self._options, self._signals = options, signals
        self._sandbox: Child | None = None
        self._gunicorn: Child | None = None
        self._reaper: Child | None = None
        self._environment: dict[str, str] = {}
        self._is_shared = False

    def run(self) -> None:
        """Start everything, and watch it until a stop signal.

        Raises:
            StartError: A setting is invalid, a process ended by itself, or the app does not answer.
            StoppedError: A stop was requested before Gunicorn was started.
        """
        options = self._options
        options.port = port_to_listen_at(options.host, options.port)
        self._environment = _environment(options)
        # Read now, so that a mistake is reported once, and early.
        settings = self._settings()
        if "PLAYGROUND_RENTAL_LEDGER" in self._environment:
            # A path is relative to the folder of the launcher.
            self._environment["PLAYGROUND_RENTAL_LEDGER"] = settings.rental_ledger
        self._environment |= self._sandbox_addresses(settings)
        settings = self._settings()
        if self._signals.stop:
            raise StoppedError
        command = [sys.executable, "-m", "gunicorn", "-c", "playground/gunicorn.conf.py"]
        command.append("playground:create_app()")
        self._gunicorn = Child("Gunicorn", command, ROOT, self._environment)
        # With the keys of APIs, without the key that signs cookies.
        needed = {name: value for name, value in self._environment.items() if name != "SECRET_KEY"}
        self._reaper = Child("The reaper", [sys.executable, "-m", "playground.reaper"], ROOT, needed)
        with ExitStack() as announcement:
            self._watch(settings, announcement)

    def stop(self) -> None:
        """Stop everything: a request that Gunicorn still answers may need the sandbox."""
        stop([child for child in (self._gunicorn, self._reaper) if child is not None], self._signals.force)
        stop([child for child in (self._sandbox,) if child is not None], self._signals.force)
        self._signals.ignore()

    def _settings(self) -> ProcessSettings:
        return ProcessSettings.read(self._environment, ROOT / "instance")

    def _sandbox_addresses(self, settings: ProcessSettings) -> dict[str, str]:
        """Find the shared sandbox, or start one; return the variables with its addresses."""
        given = self._options.sandbox_url
        name = "--sandbox-url" if given else "PLAYGROUND_SANDBOX_URLS"
        urls: Sequence[str] = normalized_urls(name, given) if given else settings.sandbox_urls
        control: str | None
        if urls:
            self._is_shared = True
            found = find_sandbox(urls, settings.sandbox_control, name)
            if found.problem is not None:
                print(f"The failover lab cannot use this sandbox: {found.problem}", file=sys.stderr)
            control = found.control
        else:
            _check_alone(settings)
            self._sandbox, urls, control = start_sandbox(
                ROOT, self._options.seed, self._options.dataset, self._environment, self._signals
            )
        return {"PLAYGROUND_SANDBOX_URLS": ",".join(urls), "PLAYGROUND_SANDBOX_CONTROL": control or ""}

    def _watch(self, settings: ProcessSettings, announcement: ExitStack) -> None:
        """Print the address when the app answers, describe it for `bin/console`, and wait for a signal."""
        options = self._options
        is_up, end = False, time.monotonic() + _READY_WITHIN
        while not self._signals.stop:
            for child in (self._sandbox, self._gunicorn, self._reaper):
                if child is not None and child.ended:
                    how = child.how_it_ended
                    raise StartError(f"{child.name} ended by itself ({how}); stopping the rest")
            if not is_up and answers(options.host, options.port):
                is_up = True
                url = url_of(settings, options.host, options.port)
                _announce(url, settings, announcement)
                print(description(url, settings, shared=self._is_shared), flush=True)
            # Before it answers, Gunicorn may not handle the signal yet, which would end it.
            if is_up and self._gunicorn is not None and self._signals.take_reload():
                self._gunicorn.reload()
            if not is_up and time.monotonic() > end:
                raise StartError(f"The playground did not answer within {_READY_WITHIN:g} s")
            time.sleep(0.2 if is_up else 0.05)


def _environment(options: Namespace) -> dict[str, str]:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return {
        **{name: value for name, value in os.environ.items() if name not in _NOT_OURS},
        "PLAYGROUND_BIND": f"{host}:{options.port}",
        "PLAYGROUND_WORKERS": str(options.workers),
        "PLAYGROUND_THREADS": str(options.threads),
    }


def _check_alone(settings: ProcessSettings) -> None:
    """Refuse a second sandbox for one rental ledger: the reaper of each would close the entries of the other.

    Raises:
        StartError: Another playground with the same state folder runs.
    """
    for other in running_instances([settings.state_dir]):
        raise StartError(
            f"The playground at {other.url} has the same state folder, and another sandbox: add "
            f"--sandbox-url {','.join(other.sandbox_urls)} to share its sandbox, or set another "
            "PLAYGROUND_NAME"
        )


def _announce(url: str, settings: ProcessSettings, announcement: ExitStack) -> None:
    target = default_target(settings)
    instance = RunningInstance(url, settings.sandbox_urls, () if target.is_sandbox else target.endpoints)
    try:
        folder = ensure_private_directory(settings.state_dir)
        announcement.enter_context(announced(folder, instance))
    except (OSError, StartError) as error:
        print(f"bin/console --playground cannot join this playground: {error}", file=sys.stderr)
