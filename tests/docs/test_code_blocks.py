"""Every Python block of README and docs runs, against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import octaspace.config
from octaspace.sandbox import SandboxServer

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.stem)
def test_code_blocks(
    document: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = document.read_text()
    monkeypatch.chdir(tmp_path)
    with SandboxServer(ports=(0, 0), ready_after=0.0) as sandbox:
        first, second = sandbox.urls
        monkeypatch.setitem(octaspace.config.DEFAULTS, "base_url", first)  # type: ignore[arg-type]
        monkeypatch.setenv("OCTA_BASE_URL", first)
        names: dict[str, Any] = {"__name__": f"docs_{document.stem}"}
        for match in BLOCK.finditer(text):
            source = (
                match[1].replace("https://api.octa.space", first).replace("https://api.octa.computer", second)
            )
            line = text.count("\n", 0, match.start()) + 1
            exec(compile("\n" * line + source, str(document), "exec"), names)
