"""Rules for the files of the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in files():
        try:
            found[str(path.relative_to(ROOT))] = path.read_text()
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = re.compile(
        r"\b("
        + "|".join(("pypi[.](org|python)", "files[.]python" + "hosted", "registry[.]npm" + "js"))
        + r")"
    )
    assert not [name for name, text in texts().items() if hosts.search(text)]


def test_pins_are_plain() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pin = re.compile(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.]*( ; [a-z_]+ [^/@]+)?")
    assert not [line for line in lines if line and not pin.fullmatch(line)]


def test_pages_fetch_nothing_from_elsewhere() -> None:
    foreign = re.compile(r"""(src|href)=["']?(https?:)?//""")
    templates = {name: text for name, text in texts().items() if name.startswith("playground/templates/")}
    assert templates
    assert not [name for name, text in templates.items() if foreign.search(text)]


def test_templates_have_no_inline_script_style_or_event_handler() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)
    templates = {name: text for name, text in texts().items() if name.startswith("playground/templates/")}
    assert not [name for name, text in templates.items() if inline.search(text)]
