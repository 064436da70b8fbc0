"""Texts for readers are plain English: none of the phrases of `wording.WORDINGS`."""

from __future__ import annotations

import pytest

from . import wording


def test_no_covered_file_uses_a_rejected_phrase() -> None:
    names = [name for name in wording.tracked() if wording.covered(name)]
    assert {"README.md", "docs/flask.md", "bin/test", ".ci/run", "noxfile.py"} <= set(names)
    found = [str(hit) for name in names for hit in wording.hits(name)]
    assert not found, "\n".join(found)


def test_each_entry_of_the_constants_matches_a_file() -> None:
    names = wording.tracked()
    assert [entry for entry in wording.COVERED if not any(name.startswith(entry) for name in names)] == []
    assert all((wording.ROOT / name).is_file() for name in wording.EXCEPT)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.py", 'veil = 1\n# the veil\nprint("in vain", veil)\n', [2, 3]),
        ("a.py", "#: Waits for\n#: ever.\n", [1]),
        ("a.py", '"""One\n\ntwo\nis no answer."""\n', [4]),
        ("a.py", 'print(f"{veil} is done in vain")\n', [1]),
        ("a.py", "# There is no answer, and it is no longer needed.\n", []),
        ("bin/a", "#!/usr/bin/env python3\nveil = 1\n", []),
        ("bin/a", "#!/usr/bin/env bash\n# starts in vain\n", [2]),
        ("a.md", "# Title\n\nIt says\nso. A user who has logged in.\n", [3]),
        ("a.js", "// Who has left\n", [1]),
        ("a.css", "/* besides */\n * beside\n", [2]),
    ],
)
def test_phrases_are_found_on_their_lines(name: str, text: str, lines: list[int]) -> None:
    assert [hit.line for hit in wording.find(name, text)] == lines
