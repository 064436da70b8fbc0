"""niquests, with its fork of urllib3 in the place of urllib3: refused, and the cure is in the message."""

# /// script
# dependencies = ["niquests"]
#
# [tool.world]
# pytest = ["--noconftest"]  # ours imports octaspace
# ///

from __future__ import annotations

import pytest

from .programs import result_of, run


def test_the_fork_stands_in_for_urllib3() -> None:
    assert run("import json, urllib3; print(json.dumps(hasattr(urllib3, 'AsyncPoolManager')))") is True


@pytest.mark.parametrize("package", ["octaspace", "flask_octaspace"])
def test_one_clear_sentence_at_import(package: str) -> None:
    result = result_of(f"import {package}")
    assert result.returncode == 1
    assert result.stdout == ""
    said = result.stderr.strip().splitlines()[-1]
    assert said.startswith("ImportError: octaspace cannot be used here: urllib3.future")
    assert "pip uninstall -y urllib3-future urllib3; pip install urllib3;" in said
