"""`bin/environment.py` in a temporary repository: when `.venv` is created, renewed and repaired."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.running_playground import ROOT, bare_environment
from ..support.waiting import until

#: Replaces the standard library's venv: creates the files the script checks, and records the call.
FAKE_VENV = """
import os, sys, pathlib
if __name__ == "__main__":
    target = pathlib.Path(sys.argv[-1])
    with open(os.environ["JOURNAL"], "a") as journal:
        journal.write("venv\\n")
    version = "%d.%d" % sys.version_info[:2]
    (target / "lib" / f"python{version}" / "site-packages" / "pip").mkdir(parents=True, exist_ok=True)
    (target / "bin").mkdir(exist_ok=True)
    python = target / "bin" / "python"
    python.unlink(missing_ok=True)
    python.write_text(open(os.environ["FAKE_PYTHON"]).read())
    python.chmod(0o755)
    (target / "pyvenv.cfg").write_text(f"version = {version}.0\\n")
"""

#: Replaces .venv/bin/python: records the arguments of pip, with begin and end markers.
FAKE_PYTHON = """#!/bin/sh
echo "begin $PPID ${*##*install}" >> "$JOURNAL"
if [ -n "$SLOW" ]; then while [ -e "$SLOW" ]; do sleep 0.02; done; fi
echo "end $PPID" >> "$JOURNAL"
"""


class Repository:
    """A copy of the script with its own pins and without network."""

    def __init__(self, folder: Path) -> None:
        self.root, self.journal = folder / "repository", folder / "journal"
        (self.root / "bin").mkdir(parents=True)
        shutil.copy(ROOT / "bin" / "environment.py", self.root / "bin")
        (self.root / "constraints.txt").write_text("flask==1\n")
        (self.root / "pyproject.toml").write_text("[project]\n")
        self.fakes = folder / "fakes"
        self.fakes.mkdir()
        (self.fakes / "venv.py").write_text(FAKE_VENV)
        (folder / "python").write_text(FAKE_PYTHON)
        self.environment = {
            **bare_environment(), "JOURNAL": str(self.journal), "FAKE_PYTHON": str(folder / "python"),
            "PYTHONPATH": str(self.fakes), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def start(self, *parts: str, **environment: str) -> subprocess.Popen[str]:
        words = ", ".join(map(repr, parts or ("playground",)))
        return subprocess.Popen(
            [sys.executable, "-c", f"import environment; print(environment.ensure({words}))"],
            cwd=self.root / "bin", env={**self.environment, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ensure(self, *parts: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, standard output and errors of a script that needs these parts."""
        process = self.start(*parts, **environment)
        out, errors = process.communicate(timeout=60)
        return process.returncode, out.strip(), errors

    def done(self) -> list[str]:
        """The calls since the last check."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        self.journal.unlink(missing_ok=True)
        return [
            line.split(" ", 2)[2] if line.startswith("begin") else line for line in lines if line[:3] != "end"
        ]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_environment_is_created_once(repository: Repository) -> None:
    code, out, errors = repository.ensure("playground", "test")
    assert (code, out) == (0, str(repository.root / ".venv" / "bin" / "python"))
    assert len(errors.splitlines()) == 2
    made, pip, packages = repository.done()
    assert made == "venv"
    assert "pip>=25.3" in pip
    assert "--constraint constraints.txt" in packages
    assert "--editable .[fast,redis,otel] --group playground --group test" in packages
    assert repository.ensure("playground", "test") == (0, out, "")
    assert repository.done() == []


def test_only_what_is_missing_is_installed(repository: Repository) -> None:
    repository.ensure("playground")
    repository.done()
    assert repository.ensure("playground", "docs")[0] == 0
    pip, packages = repository.done()
    assert "pip>=25.3" in pip
    assert packages.endswith("--group docs")


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_changed_pins_renew_the_environment(repository: Repository, name: str) -> None:
    repository.ensure("playground", "test")
    repository.done()
    (repository.root / name).write_text("# changed\n")
    assert repository.ensure("playground")[0] == 0
    assert len(repository.done()) == 2
    assert repository.ensure("playground", "test")[0] == 0
    assert "--group test" in repository.done()[1]


def remove_everything(venv: Path) -> None:
    shutil.rmtree(venv)


def remove_python(venv: Path) -> None:
    (venv / "bin" / "python").unlink()


def lead_nowhere(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/no/such/python3.11")


def made_half(venv: Path) -> None:
    (venv / "pyvenv.cfg").unlink()


def another_python(venv: Path) -> None:
    newer = venv / "bin" / "python3.99"
    (venv / "bin" / "python").rename(newer)
    (venv / "bin" / "python").symlink_to(newer)


def too_old(venv: Path) -> None:
    (venv / "pyvenv.cfg").write_text("version = 3.8.10\n")


def without_pip(venv: Path) -> None:
    shutil.rmtree(venv / "lib")


@pytest.mark.parametrize(
    "break_it",
    [remove_everything, remove_python, lead_nowhere, made_half, another_python, too_old, without_pip],
)
def test_broken_environment_is_created_again(repository: Repository, break_it: object) -> None:
    repository.ensure("playground")
    repository.done()
    assert callable(break_it)
    break_it(repository.root / ".venv")
    code, out, _ = repository.ensure("playground")
    assert code == 0
    assert os.access(out, os.X_OK)
    assert repository.done()[0] == "venv"
    assert repository.ensure("playground")[2] == ""


def test_moved_repository_is_installed_again(repository: Repository, tmp_path: Path) -> None:
    repository.ensure("playground")
    repository.done()
    repository.root = repository.root.rename(tmp_path / "elsewhere")
    assert repository.ensure("playground")[0] == 0
    assert "--editable" in repository.done()[1]


def test_concurrent_runs_are_serialized(repository: Repository, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("")
    first = repository.start("playground", SLOW=str(slow))
    until(lambda: repository.journal.exists() and "begin" in repository.journal.read_text())
    second = repository.start("playground", "docs")
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    slow.unlink()
    for process in (first, second):
        process.communicate(timeout=60)
        assert process.returncode == 0
    lines = repository.journal.read_text().splitlines()
    workers = [line.split()[1] for line in lines if line != "venv"]
    assert workers == [str(first.pid)] * 4 + [str(second.pid)] * 4
    assert lines.count("venv") == 1
    assert "--editable" not in lines[-2], "the second installs only what the first has not"


def test_python_without_venv_is_a_clear_error(repository: Repository) -> None:
    (repository.fakes / "ensurepip.py").write_text("raise ImportError('left out by the distribution')\n")
    code, out, errors = repository.ensure()
    assert (code, out) == (1, "")
    (line,) = errors.splitlines()
    assert "apt install python3-venv" in line
    (repository.fakes / "ensurepip.py").unlink()
    repository.ensure()
    (repository.fakes / "ensurepip.py").write_text("raise ImportError\n")
    assert repository.ensure()[0] == 0, "one that is made already is enough"


@pytest.mark.parametrize(
    "unreachable", [{"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}, {"PIP_NO_INDEX": "1"}]
)
def test_unreachable_index_is_a_one_line_error(repository: Repository, unreachable: dict[str, str]) -> None:
    (repository.root / "pyproject.toml").write_text(
        "[dependency-groups]\nlint = ['a-package-that-is-nowhere']\n"
    )
    repository.ensure("docs")
    (repository.root / "constraints.txt").write_text("# changed\n")
    python = repository.root / ".venv" / "bin" / "python"
    # The real pip, with no index behind its address.
    python.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" "$@"\n')
    code, _, errors = repository.ensure("lint", **unreachable, PIP_CONFIG_FILE=os.devnull)
    assert code == 1
    said = errors.splitlines()
    assert "PIP_INDEX_URL" in said[-1], errors
    assert len(said) == 2, errors


def test_other_pip_errors_are_shown(repository: Repository) -> None:
    repository.ensure()
    (repository.root / "constraints.txt").write_text("# changed\n")
    python = repository.root / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\necho 'ERROR: these two packages do not go together'\nexit 1\n")
    code, _, errors = repository.ensure()
    assert code == 1
    assert "do not go together" in errors
    assert errors.splitlines()[-1].startswith("pip ")
    python.write_text("#!/bin/sh\n")
    code, _, errors = repository.ensure()
    assert code == 0
    assert "Installing" in errors, "what failed is tried again"


def test_old_python_gets_a_clear_error(repository: Repository) -> None:
    script = (repository.root / "bin" / "environment.py").read_text()
    compile(script, "environment.py", "exec", dont_inherit=True)
    assert "f'" not in script.replace("of'", "")
    assert 'f"' not in script
    old = "import sys; sys.version_info = (3, 7, 0); import environment; environment.ensure('playground')"
    done = subprocess.run(
        [sys.executable, "-c", old],
        cwd=repository.root / "bin", env=repository.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.findall(r"3\.\d+", done.stderr) == ["3.10", "3.7"]
    assert len(done.stderr.splitlines()) == 1


def test_relative_path_in_a_variable_is_relative_to_the_caller(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("")
    script = (
        "import os, environment; environment.from_here('BUNDLE', 'SWITCH', 'MISSING'); "
        "print(os.environ['BUNDLE'], os.environ['SWITCH'], 'MISSING' in os.environ)"
    )
    environment = {**repository.environment, "BUNDLE": "ca.pem", "SWITCH": "true"}
    environment["PYTHONPATH"] = str(repository.root / "bin")
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == [str(tmp_path / "ca.pem"), "true", "False"]


def test_secrets_are_not_passed_to_pip(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    (tmp_path / "python").write_text('#!/bin/sh\nenv >> "$JOURNAL"\n')
    secrets = {
        "OCTA_API_KEY": "key-of-the-operator", "PLAYGROUND_PASSWORD": "the-password", "SECRET_KEY": "signs",
        "PLAYGROUND_REDIS_URL": "redis://:the-password@h", "PIP_INDEX_URL": "kept",
    }  # fmt: skip
    assert repository.ensure(**secrets)[0] == 0
    seen = repository.journal.read_text()
    assert "PIP_INDEX_URL=kept" in seen
    assert [name for name in secrets if f"{name}=" in seen] == ["PIP_INDEX_URL"]
