"""The files of docs/deployment and the commands of its page, as the tests run them: with other paths."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

__all__ = [
    "FOLDER",
    "PAGE",
    "REDIS_PASSWORD",
    "ROOT",
    "Unit",
    "command",
    "environment_of",
    "redis_options",
    "uncommented",
]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "deployment"
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")

#: Where the page installs the repository.
_INSTALLED = "/srv/flask-octaspace"


class Unit:
    """A unit file of systemd.

    Args:
        name: Its name in docs/deployment.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (FOLDER / name).read_text(encoding="utf-8")

    def all(self, setting: str) -> list[str]:
        """Every value of a setting."""
        return re.findall(rf"^{setting}=(.*)$", self.text, re.MULTILINE)

    def one(self, setting: str) -> str:
        """The only value of a setting."""
        (value,) = self.all(setting)
        return str(value)

    def command(self, python: str) -> list[str]:
        """The words of ExecStart; systemd does not use a shell.

        Args:
            python: The interpreter that takes the place of that of the installation.
        """
        first, *rest = self.one("ExecStart").split(" ")
        assert first == f"{_INSTALLED}/.venv/bin/python"
        return [python, *rest]

    def environment(self) -> dict[str, str]:
        """The variables that the unit sets itself."""
        return dict(line.split("=", 1) for line in self.all("Environment"))


#: The password that redis.conf requires.
REDIS_PASSWORD = "change-this-password"


def redis_options() -> list[str]:
    """The options of redis.conf as words of a command line, but for its folder and its address."""
    lines = [line.split() for line in (FOLDER / "redis.conf").read_text().splitlines()]
    options = [words for words in lines if words and not words[0].startswith("#")]
    kept = [words for words in options if words[0] not in ("bind", "port", "dir")]
    assert ["requirepass", REDIS_PASSWORD] in kept
    return [word for name, *values in kept for word in (f"--{name}", *values)]


def environment_of(text: str) -> dict[str, str]:
    """The variables of a file as systemd and Docker read it."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def uncommented(text: str) -> str:
    """A file of variables with every commented line of it in effect."""
    return re.sub(r"^# (?=[A-Z_]+=)", "", text, flags=re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def command(beginning: str) -> list[str]:
    """The words of the only command of the page that begins like this."""
    lines = [line for block in blocks("console") for line in commands_of(block)]
    found = [line for line in lines if line.startswith(beginning)]
    assert len(set(found)) == 1, (beginning, found)
    return shlex.split(found[0])


def commands_of(block: str) -> list[str]:
    """The commands of a block: what follows `$ `, with its continued lines."""
    joined = re.sub(r"\\\n +", "", block)
    return [line[2:] for line in joined.splitlines() if line.startswith(("$ ", "# "))]
