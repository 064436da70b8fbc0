"""What `bin/console` opens: a prompt with `client` ready, or a script from a pipe. Runs in `.venv`."""

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
    """A client as the environment says, or of a sandbox that lives as long as the prompt."""
    if any(os.environ.get(name) for name in ("OCTA_API_KEY", "OCTA_BASE_URL", "OCTA_BASE_URLS")):
        with octaspace.client(keep_alive=True) as client:
            key = "with a key" if client.config.api_key else "without a key"
            yield client, f"{', '.join(client.config.endpoints)}, {key}"
        return
    with (
        SandboxServer(ports=(0, 0)) as sandbox,
        octaspace.Client("sandbox-key", base_urls=list(sandbox.urls), keep_alive=True) as client,
    ):
        yield client, "a sandbox of its own (set OCTA_API_KEY for the live API)"


def main() -> None:
    """Open the prompt, IPython's when it is installed; run what comes through a pipe."""
    argparse.ArgumentParser(
        prog="bin/console",
        description="A Python prompt with `client` ready: as OCTA_API_KEY and the other OCTA_… variables "
        "say, else on a sandbox of its own. A script comes through a pipe: bin/console < script.py",
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
                _prompt(names, f"octaspace {octaspace.__version__}: `client` speaks to {where}.")
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
    # Not within the `except`: every traceback of the prompt would begin with the missing IPython.
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives the prompt editing and history
    code.interact(banner=banner, local=names, exitmsg="")


if __name__ == "__main__":
    main()
