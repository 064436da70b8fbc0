"""`flask octaspace check` and `flask octaspace call` in the README's own app, at the real address."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.namespaces import ROOT

from .commands import KEY, python
from .conftest import Api

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: Each way a key gets into an app: the SDK's variable, and Flask's for `app.config["OCTASPACE_API_KEY"]`.
KEYS = ("OCTA_API_KEY", "FLASK_OCTASPACE_API_KEY")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with the app of the README's section about Flask, word for word."""
    (block,) = (text for text in BLOCK.findall((ROOT / "README.md").read_text()) if "def create_app" in text)
    (tmp_path / "shop.py").write_text(block)
    return tmp_path


def flask(app: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return python(app, "-m", "flask", "--app", "shop", "octaspace", *words, **variables)


@pytest.mark.parametrize("variable", KEYS)
def test_check_tries_the_endpoint_and_the_key(api: Api, app: Path, variable: str) -> None:
    done = flask(app, "check", **{variable: KEY})
    assert (done.returncode, done.stderr) == (0, "")
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"https://api\.octa\.space: reachable, \d+ ms, key accepted", last)
    assert KEY not in done.stdout
    assert [entry.path for entry in api.sandbox.journal.entries()] == ["/network", "/accounts"]


def test_check_says_what_is_wrong(api: Api, app: Path) -> None:
    refused = flask(app, "check", OCTA_API_KEY="invalid")
    assert refused.returncode == 1
    assert refused.stdout.endswith(", key refused (401)\n")
    untrusted = flask(app, "check", OCTA_API_KEY=KEY, REQUESTS_CA_BUNDLE="")
    assert untrusted.returncode == 1
    assert "certificate verify failed" in untrusted.stdout
    api.space.stop()
    down = flask(app, "check", OCTA_API_KEY=KEY)
    assert down.returncode == 1
    assert "https://api.octa.space: failed: ConnectionError: " in down.stdout


@pytest.mark.parametrize("variable", KEYS)
def test_call_prints_the_answer_as_json(api: Api, app: Path, variable: str) -> None:
    done = flask(app, "call", "network.info", **{variable: KEY})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["nodes"]["total"] > 0
    nodes = flask(app, "call", "nodes.list", **{variable: KEY})
    assert len(json.loads(nodes.stdout)) == len(api.sandbox.world.initial_state.nodes)
    network, listed = api.sandbox.journal.entries()
    assert (network.key, listed.key is None) == (None, False)


def test_a_change_is_sent_when_it_is_allowed_and_once(api: Api, app: Path) -> None:
    refused = flask(app, "call", "nodes.reboot", "9001", OCTA_API_KEY=KEY)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert api.sandbox.journal.entries() == []
    done = flask(app, "call", "--yes", "nodes.reboot", "9001", OCTA_API_KEY=KEY)
    assert done.returncode == 0
    assert [entry.path for entry in api.sandbox.journal.entries()] == ["/nodes/9001/reboot"]
