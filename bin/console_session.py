"""Implementation of `bin/console`: a prompt with `client` defined, or a script from a pipe."""

from __future__ import annotations

import argparse
import code
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import flask_octaspace
import octaspace
from octaspace.sandbox import SandboxServer


@contextlib.contextmanager
def _client() -> Iterator[tuple[octaspace.Client, str]]:
    """A client configured by the environment, or a client of a sandbox that runs as long as the prompt."""
    if any(os.environ.get(name) for name in ("OCTA_API_KEY", "OCTA_BASE_URL", "OCTA_BASE_URLS")):
        with octaspace.client(keep_alive=True) as client:
            key = "with a key" if client.config.api_key else "without a key"
            yield client, f"{', '.join(client.config.endpoints)}, {key}"
        return
    with (
        SandboxServer(ports=(0, 0)) as sandbox,
        octaspace.Client("sandbox-key", base_urls=list(sandbox.urls), keep_alive=True) as client,
    ):
        yield client, "a new sandbox (set OCTA_API_KEY for the live API)"


def main() -> None:
    """Open the prompt, with IPython if it is installed, or run a script from a pipe."""
    argparse.ArgumentParser(
        prog="bin/console",
        description="Open a Python prompt with `client` defined. OCTA_API_KEY and the other OCTA_… variables "
        "configure it; without them it uses a new sandbox. To run a script: bin/console < script.py",
    ).parse_args()
    try:
        with _client() as (client, where):
            names: dict[str, Any] = {
                "__name__": "__main__",
                "client": client,
                "octaspace": octaspace,
                "flask_octaspace": flask_octaspace,
            }
            if sys.stdin.isatty():
                _prompt(names, f"octaspace {octaspace.__version__}: `client` uses {where}.")
            else:
                exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
    except octaspace.ConfigurationError as problem:
        sys.exit(f"console: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


def _prompt(names: dict[str, Any], banner: str) -> None:
    banner += "\nTry: client.network.info().data"
    try:
        from IPython import start_ipython  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        start_ipython = None
    if start_ipython is not None:
        print(banner)
        start_ipython(argv=["--no-banner"], user_ns=names)
        return
    # Outside of the `except`, so that tracebacks at the prompt do not begin with the missing IPython.
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - adds editing and history to the prompt
    code.interact(banner=banner, local=names, exitmsg="")


if __name__ == "__main__":
    main()
