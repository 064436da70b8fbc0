"""The virtual environment in `.venv`: created if it is missing or broken, updated after a change of the pins.

The other scripts in this folder use it. It runs with any installed Python, so it has no dependencies and uses
no new syntax. As a command, it installs the parts that its arguments name, or all parts.
"""

import glob
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")

#: Requirements of each script, as arguments of pip.
PARTS = {
    "playground": ["--editable", ".[fast,redis,otel]", "--group", "playground"],
    "test": ["--group", "test"],
    "lint": ["--group", "lint"],
    "docs": ["--group", "docs"],
    "bench": ["--group", "bench"],
    "build": ["--group", "build"],
    "nox": ["--group", "nox"],
}

OLDEST = (3, 10)

#: Parts of pip's messages when it cannot reach the index.
UNREACHABLE = (
    "Failed to establish a new connection",
    "NewConnectionError",
    "ConnectTimeoutError",
    "Max retries exceeded",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Cannot connect to proxy",
    "(from versions: none)",
)


def say(line):
    """Print a line for the user on stderr; stdout is for results."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def from_here(*names):
    """Make paths in these variables absolute, relative to the current folder of the user."""
    for name in names:
        path = os.environ.get(name)
        if path and os.path.exists(path):
            os.environ[name] = os.path.abspath(path)


def ensure(*parts):
    """Make sure that `.venv` has these parts and return its Python. On failure, exit with one line."""
    try:
        with open(os.path.abspath(__file__)) as lock:  # scripts started together take turns
            _lock(lock)
            sound = _is_sound()
            missing = [part for part in parts if not sound or _stamp(part) != _read(part)]
            if missing:
                if not sound:
                    _make()
                _install(missing)
    except KeyboardInterrupt:
        sys.exit(130)
    return PYTHON


def run(command):
    """Run a command in the repository and return its exit code."""
    return subprocess.call(command, cwd=ROOT)


def become(command):
    """Replace this process by a command, so that the command receives signals and sets the exit code."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)


def _lock(handle):
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("Another script is updating .venv; waiting for it …")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is_sound():
    """Whether `.venv` is complete, not too old, and has the Python version for which it was created."""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg")) as config:
            made_for = re.search(r"^version(?:_info)? *= *(\d+)\.(\d+)", config.read(), re.MULTILINE)
    except OSError:
        return False
    if made_for is None or not os.path.exists(PYTHON):
        return False
    version = tuple(int(part) for part in made_for.groups())
    # After an upgrade of the system's Python, the installed packages do not match it.
    now = re.search(r"python(\d+)\.(\d+)", os.path.basename(os.path.realpath(PYTHON)))
    changed = now is not None and tuple(int(part) for part in now.groups()) != version
    pip = glob.glob(os.path.join(VENV, "lib", "*%d.%d*" % version, "site-packages", "pip"))
    return version >= OLDEST and not changed and bool(pip)


def _without_secrets():
    """The environment variables without keys and passwords: building packages runs their code."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("OCTA_API_KEY", "OCTA_RENTAL_LEDGER", "SECRET_KEY")
        and not name.startswith("PLAYGROUND_")
    }


def _make():
    if sys.version_info < OLDEST:
        sys.exit("Python %d.%d or newer is required; this is %d.%d." % (OLDEST + sys.version_info[:2]))
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("This Python has no venv module; install it first (Debian: apt install python3-venv).")
    say("Creating the virtual environment in .venv …")
    if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV], env=_without_secrets()):
        sys.exit("The virtual environment could not be created in .venv (see above).")


def _install(parts):
    say("Installing the pinned packages (%s) …" % ", ".join(parts))
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    pins = ["--constraint", "constraints.txt"]
    _pip(pip + pins + ["pip>=25.3"])  # the first release with --group and --build-constraint
    wanted = [word for part in parts for word in PARTS[part]]
    _pip(pip + pins + ["--build-constraint", "constraints.txt"] + wanted)
    for part in parts:
        with open(_stamp_path(part), "w") as stamp:
            stamp.write(_stamp(part))


def _pip(command):
    pip = subprocess.Popen(
        command,
        cwd=ROOT,
        env=_without_secrets(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    output = pip.communicate()[0]
    if not pip.returncode:
        return
    if any(words in output for words in UNREACHABLE):
        sys.exit("The package index cannot be reached: check the network connection, or set PIP_INDEX_URL.")
    sys.stderr.write(output)
    sys.exit("pip could not install the packages (see above).")


def _stamp_path(part):
    return os.path.join(VENV, ".installed-" + part)


def _stamp(part):
    """A hash of everything that determines the installation: requirements, folder, pins and dependencies."""
    digest = hashlib.sha256(repr((PARTS[part], ROOT)).encode())
    for name in ("constraints.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()


def _read(part):
    try:
        with open(_stamp_path(part)) as stamp:
            return stamp.read()
    except OSError:
        return None


if __name__ == "__main__":
    ensure(*(sys.argv[1:] or sorted(PARTS)))
