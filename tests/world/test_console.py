"""`bin/console` with a key: what comes through a pipe runs at the real address."""

from __future__ import annotations

from pathlib import Path

from tests.support.namespaces import ROOT

from .commands import KEY, python
from .conftest import Api

SESSION = str(ROOT / "bin" / "console_session.py")


def test_piped_script_uses_the_live_api(api: Api, tmp_path: Path) -> None:
    script = "print(client.nodes.list().status)\nprint(client.config.endpoints)\n"
    done = python(tmp_path, SESSION, script=script, OCTA_API_KEY=KEY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "200\n('https://api.octa.space',)\n"
    assert [entry.path for entry in api.sandbox.journal.entries()] == ["/nodes"]


def test_without_a_key_it_stays_in_its_own_sandbox(api: Api, tmp_path: Path) -> None:
    done = python(tmp_path, SESSION, script="print(client.nodes.list().status)\n")
    assert (done.returncode, done.stdout) == (0, "200\n")
    assert api.sandbox.journal.entries() == []
