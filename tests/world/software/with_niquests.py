"""niquests with its fork of urllib3, which it puts in the place of urllib3."""

# /// script
# dependencies = ["niquests"]
# ///

from __future__ import annotations

from tests.support.fault_server import echo
from tests.wire.conftest import ServerFactory

from .programs import result_of, run


def test_this_is_the_fork() -> None:
    assert run("import json, urllib3; print(json.dumps(hasattr(urllib3, 'AsyncPoolManager')))") is True


def test_one_clear_sentence_at_import() -> None:
    result = result_of("import octaspace")
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "urllib3" in last
    assert "pip install" in last


def test_the_extension_says_it_too() -> None:
    assert "ImportError: " in result_of("import flask_octaspace").stderr.strip().splitlines()[-1]
