"""Phrases that the repository does not use, each with a plainer one.

`python -m tests.meta.wording` prints how often each phrase is found in each folder, covered or not.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Files and folders that the test covers.
COVERED = (
    ".ci/",
    ".github/",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "PUBLISHING.md",
    "README.md",
    "SECURITY.md",
    "benchmarks/",
    "bin/",
    "docs/",
    "flask_octaspace/",
    "noxfile.py",
    "octaspace/",
    "octaspace_pytest.py",
    "playground/",
    "pyproject.toml",
)

#: This table and its test.
EXCEPT = ("tests/meta/test_wording.py", "tests/meta/wording.py")

#: Files whose text is read whole. In Python files it is comments and strings.
TEXT_FILES = {".bash", ".conf", ".css", ".example", ".html", ".js", ".md", ".sh", ".toml", ".yaml", ".yml"}

#: Regular expressions, in lower case, with a space between words; and what to write instead.
WORDINGS: dict[str, str] = {
    r"(?<!there )(is|are|was|were) no (?!(longer|more|less|better|worse|different)\b)[a-z]+": "is not a …",
    r"for eve[r]": "forever, without limit",
    r"ane[w]": "again, a new …",
    r"in vain": "without success, timed out",
    r"beside": "next to, in addition to, compared with",
    r"(no|some|any)body": "name the actor: a user, a client, another process",
    r"other people's": "third-party",
    r"whatever (it|they|he|she) (is|are|was|were)": "any …, regardless of …",
    r"let(s|ting)? go of": "release, close",
    r"of (its|their|his|her|one's|our|your) own": "its own …, a separate …",
    r"of (ours|theirs)": "name the owner: of the SDK, of the app",
    r"(goes|go|went|sent) nowhere": "is not sent",
    r"nowhere else": "only there",
    r"the house": "the repository",
    r"tells? (of|that)|told of": "reports, describes, is called with",
    r"veil(s|ed)?": "mask",
    r"the trip": "the request",
    r"(says?|said) so": "state what the message contains",
    r"left alone": "skipped, unchanged",
    r"look before": "check before",
    r"what (came|comes|became|becomes|will become) of": "the result of",
    r"as (it|they) (came|comes?)": "unchanged, as received",
    r"at hand": "available",
    r"(speaks?|spoke) to": "uses, connects to, sends requests to",
    r"goes by": "uses, depends on",
    r"goes on": "continues, keeps running",
    r"stands? (behind|between|in (?!for\b)|there|where)": "is behind, is between, is in",
    r"without a word": "without a message, without sending anything",
    r"own words?": "message, text",
    r"wait(s|ed|ing)? (it |them )?out": "continue after, ignore",
    r"be had": "available",
    r"mend(s|ed|ing)?": "fix, correct, repair",
    r"bears?": "has, contains",
    r"looked (at|into)": "checked, read",
    r"(?<![a-z0-9,)] )who (can|goes|has|holds|is|knows|may|says|speaks|wants)": "a user who …",
    r"whence|thence|thereof|hereby|herein|lest|whereupon": "a common word",
}


@dataclass(frozen=True)
class Hit:
    """A phrase in a file.

    Attributes:
        path: The file, relative to the root of the repository.
        line: The line on which the phrase begins.
        phrase: The phrase.
        pattern: The key in `WORDINGS`.
    """

    path: str
    line: int
    phrase: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.phrase!r}; better: {WORDINGS[self.pattern]}"


def tracked() -> list[str]:
    """The tracked files that readers see, without `EXCEPT`."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT)
    return [
        name
        for name in listed.stdout.split("\0")
        if name and name not in EXCEPT and (ROOT / name).is_file() and _has_text(ROOT / name)
    ]


def covered(name: str) -> bool:
    return name.startswith(COVERED)


def hits(name: str) -> list[Hit]:
    """The phrases of `WORDINGS` in a file."""
    return find(name, (ROOT / name).read_text())


def find(name: str, text: str) -> list[Hit]:
    """The phrases of `WORDINGS` in a text, including those that are wrapped over several lines."""
    words = list(_words(_of_python(text) if _is_python(name, text) else text))
    joined = " ".join(word for _, word in words)
    starts, position = [], 0
    for _, word in words:
        starts.append(position)
        position += len(word) + 1
    found = []
    for pattern in WORDINGS:
        for match in re.finditer(rf"\b(?:{pattern})\b", joined, re.IGNORECASE):
            line = words[bisect_right(starts, match.start()) - 1][0]
            found.append(Hit(name, line, match[0], pattern))
    return sorted(found, key=lambda hit: hit.line)


def _has_text(path: Path) -> bool:
    if path.suffix in TEXT_FILES or path.suffix == ".py":
        return True
    return not path.suffix and path.read_bytes().startswith(b"#!")


def _is_python(name: str, text: str) -> bool:
    return name.endswith(".py") or re.match(r"#!.*python", text) is not None


def _words(text: str) -> Iterator[tuple[int, str]]:
    """The words of a text with their lines, without the marks at the beginning of comment lines."""
    for number, line in enumerate(text.splitlines(), 1):
        for word in re.sub(r"^\s*(#+:?|//+|/?\*+|<!--|>)\s", " ", line).split():
            yield number, word


def _of_python(text: str) -> str:
    """The comments and strings of Python code, on their lines."""
    source = text.splitlines(keepends=True)
    lines = [""] * len(source)
    # Python 3.12 and newer divide f-strings into several tokens.
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            (first, start), (last, end) = token.start, token.end
            for number in range(first, last + 1):
                line = source[number - 1]
                part = line[start if number == first else 0 : end if number == last else len(line)]
                if token.type == tokenize.STRING and re.match(r"[rR]?[fF]", token.string):
                    part = re.sub(r"\{[^{}]*\}", " ", part)
                lines[number - 1] += " " + part.rstrip("\n")
    return "\n".join(line.strip() for line in lines)


def main() -> None:
    counts: dict[str, Counter[str]] = {pattern: Counter() for pattern in WORDINGS}
    folders: Counter[str] = Counter()
    for name in tracked():
        top = name.partition("/")[0] if "/" in name else "root"
        for hit in hits(name):
            counts[hit.pattern][top] += 1
            folders[top] += 1
            if sys.argv[1:] and name.startswith(tuple(sys.argv[1:])):
                print(hit)
    for pattern, by_folder in counts.items():
        print(f"{by_folder.total():5}  {pattern}  {dict(sorted(by_folder.items()))}")
    print(f"{folders.total():5}  in total  {dict(sorted(folders.items()))}")


if __name__ == "__main__":
    main()
