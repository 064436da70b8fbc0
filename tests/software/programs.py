"""Programs in separate processes, for software that changes the whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from .environments import ROOT

IMPORT = "import json, sys, octaspace"

#: Calls by a client without keep-alive and by one with it. Arguments: the server, and what to trust.
CALLS = """
answers = []
trust = {"ssl_verify": sys.argv[2]} if len(sys.argv) > 2 else {}
for keep_alive in (False, True):
    options = {"base_url": sys.argv[1], "keep_alive": keep_alive, "max_retries": 0, **trust}
    with octaspace.Client("sk", **options) as client:
        for method in ("GET", "POST", "GET"):
            answers.append(client.send(octaspace.Request(method, f"/{len(answers)}")).data["path"])
print(json.dumps(answers))
"""
#: What a server that echoes makes of them.
ANSWERS = [f"/{number}" for number in range(6)]

#: A call that cannot connect; prints the error's message.
REFUSED = """
try:
    octaspace.Client("sk", base_url=sys.argv[1], max_retries=0).network.info()
except octaspace.ConnectionError as error:
    print(json.dumps(str(error)))
"""


def run(*lines: str, arguments: tuple[str, ...] = (), **variables: str) -> Any:
    """Run a program with this Python and return what it printed as JSON on its last line.

    Args:
        lines: The program.
        arguments: For its `sys.argv`.
        variables: For its environment.
    """
    result = result_of(*lines, arguments=arguments, **variables)
    assert result.returncode == 0, result.stderr
    assert result.stdout, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def result_of(
    *lines: str, arguments: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program with this Python, whatever becomes of it."""
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines), *arguments],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
