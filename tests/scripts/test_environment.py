"""`bin/environment.py` in a temporary repository: when `.venv` is created, renewed and repaired."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ..support.running_playground import ROOT, bare_environment
from ..support.waiting import until

#: Replaces `python -I -m venv --clear …`: creates the files the script checks, and records the call.
FAKE_VENV = """
import os, sys, pathlib
assert sys.argv[1:5] == ["-I", "-m", "venv", "--clear"], sys.argv
target = pathlib.Path(sys.argv[-1])
with open(os.environ["JOURNAL"], "a") as journal:
    journal.write("venv\\n")
version = "%d.%d" % sys.version_info[:2]
for name in ("pip", "pip-25.3.dist-info"):
    (target / "lib" / f"python{version}" / "site-packages" / name).mkdir(parents=True, exist_ok=True)
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
        (self.fakes / "fake_venv.py").write_text(FAKE_VENV)
        self.creator = folder / "creator"
        self.creator.write_text(f'#!/bin/sh\nexec {sys.executable} {self.fakes}/fake_venv.py "$@"\n')
        self.creator.chmod(0o755)
        (folder / "python").write_text(FAKE_PYTHON)
        self.environment = {
            **bare_environment(), "JOURNAL": str(self.journal), "FAKE_PYTHON": str(folder / "python"),
            "PYTHONPATH": str(self.fakes), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def start(self, *parts: str, **environment: str) -> subprocess.Popen[str]:
        words = ", ".join(map(repr, parts or ("playground",)))
        script = f"import sys; sys.executable = {str(self.creator)!r}; "
        script += f"import environment; print(environment.ensure({words}))"
        return subprocess.Popen(
            [sys.executable, "-c", script],
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


def test_removed_packages_are_installed_again(repository: Repository) -> None:
    repository.ensure("playground")
    (packages,) = (repository.root / ".venv" / "lib").glob("*/site-packages")
    (packages / "flask-1.dist-info").mkdir()
    (repository.root / "constraints.txt").write_text("# changed\n")
    repository.ensure("playground")
    repository.done()
    (packages / "flask-1.dist-info").rename(packages / "flask-2.dist-info")
    assert repository.ensure("playground")[2] == ""
    (packages / "flask-2.dist-info").rmdir()
    assert "Installing" in repository.ensure("playground")[2]
    assert "--editable" in repository.done()[1]


def test_an_environment_into_which_nothing_was_installed_is_not_sound(repository: Repository) -> None:
    """Such as one that was made while PYTHONPATH had the packages of another."""
    repository.ensure("playground")
    stamp = repository.root / ".venv" / ".installed-playground"
    stamp.write_text(stamp.read_text().splitlines()[0])
    repository.done()
    assert "Installing" in repository.ensure("playground")[2]


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
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
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


#: Variables with which Python or pip use other code or another place.
HOSTILE = {
    "PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere", "PYTHONSAFEPATH": "1", "PYTHONSTARTUP": "/nowhere",
    "PYTHONOPTIMIZE": "2", "PYTHONINSPECT": "1", "PYTHONWARNINGS": "error", "PYTHONUSERBASE": "/nowhere",
    "PIP_USER": "1", "PIP_TARGET": "/nowhere", "PIP_PREFIX": "/nowhere", "PIP_ROOT": "/nowhere",
    "PIP_REQUIRE_VIRTUALENV": "1", "PIP_DRY_RUN": "1", "PIP_NO_DEPS": "1", "PIP_PYTHON": "/nowhere",
    "PIP_CONSTRAINT": "/nowhere", "PIP_REQUIREMENT": "/nowhere", "PIP_user": "1",
}  # fmt: skip
KEPT = {"PIP_INDEX_URL": "https://mirror.example/simple", "PIP_CERT": "/etc/ca", "PYTHONUNBUFFERED": "1"}

SCRIPTS = (
    "playground",
    "sandbox",
    "console",
    "live-check",
    "test",
    "lint",
    "bench",
    "docs",
    "package",
    "nox",
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_runs_with_a_clean_environment(
    script: str, repository: Repository, tmp_path: Path
) -> None:
    """By its first line, with the Python that it finds, through a link in another folder."""
    (tmp_path / "python").write_text('#!/bin/sh\nenv >> "$JOURNAL"\n')
    parts = ("playground", "test", "lint", "docs", "bench", "build", "nox")
    assert repository.ensure(*parts)[0] == 0
    repository.done()
    for tool in ("ruff", "mypy", "pyright"):
        shutil.copy(tmp_path / "python", repository.root / ".venv" / "bin" / tool)
        (repository.root / ".venv" / "bin" / tool).chmod(0o755)
    shutil.copy(ROOT / "bin" / script, repository.root / "bin")
    (tmp_path / script).symlink_to(repository.root / "bin" / script)
    done = subprocess.run(
        [tmp_path / script, *(["--quick"] if script == "bench" else [])],
        env={**repository.environment, **HOSTILE, **KEPT}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = {line.partition("=")[0] for line in repository.journal.read_text().splitlines()}
    assert not seen & set(HOSTILE)
    assert set(KEPT) <= seen


def test_real_installation_in_a_hostile_environment(tmp_path: Path) -> None:
    """PYTHONPATH has the package already; pip's configuration file and variables ask for another place."""
    root, wheels, elsewhere = (tmp_path / name for name in ("repository", "wheels", "elsewhere"))
    for folder in (root / "bin", wheels, elsewhere / "tiny-1.dist-info", tmp_path / "home"):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "environment.py", root / "bin")
    (root / "constraints.txt").write_text("")
    (root / "pyproject.toml").write_text("[dependency-groups]\nlint = ['tiny']\n")
    (elsewhere / "tiny-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n"
    )
    for name in ("venv", "pip", "glob", "re"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n")
    tiny = {
        "tiny.py": "",
        "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
        "tiny-1.dist-info/RECORD": "",
    }  # fmt: skip
    write_wheel(wheels / "tiny-1-py3-none-any.whl", {name: text.encode() for name, text in tiny.items()})
    repack_pip(wheels)
    hostile = {
        "PYTHONPATH": str(elsewhere), "PYTHONSAFEPATH": "1", "PYTHONSTARTUP": str(elsewhere / "re.py"),
        "PIP_USER": "1", "PIP_TARGET": str(tmp_path / "target"), "PIP_PREFIX": str(tmp_path / "prefix"),
        "PIP_DRY_RUN": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "HOME": str(tmp_path / "home"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", str(root / "bin" / "environment.py"), "lint"],
        env={**bare_environment(), **hostile}, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list((root / ".venv").glob("lib/*/site-packages/tiny.py"))) == 1
    assert not (tmp_path / "target").exists()
    assert not (tmp_path / "prefix").exists()
    assert not (tmp_path / "home" / ".local").exists()


def write_wheel(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)


def repack_pip(folder: Path) -> None:
    """A wheel of the installed pip: the tests use no index."""
    pip = importlib.metadata.distribution("pip")
    files = {str(path): path.locate() for path in pip.files or () if not str(path).startswith("..")}
    contents = {
        name: Path(path).read_bytes()
        for name, path in files.items()
        if "__pycache__" not in name and not name.endswith(("RECORD", "INSTALLER", "REQUESTED"))
    }
    record = f"pip-{pip.version}.dist-info/RECORD"
    lines = "".join(f"{name},,\n" for name in [*contents, record])
    write_wheel(folder / f"pip-{pip.version}-py3-none-any.whl", {**contents, record: lines.encode()})


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
