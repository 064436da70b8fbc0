"""The virtual environment in `.venv`: made when it is missing, brought up to date when the pins changed.

Used by the scripts beside it, and run by whatever Python the machine has: no dependency, no new syntax.
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")

#: What each script needs, in pip's words.
PARTS = {
    "playground": ["--editable", ".[playground,fast,redis]"],
    "test": ["--group", "test"],
    "lint": ["--group", "lint"],
    "docs": ["--group", "docs"],
    "bench": ["--group", "bench"],
    "build": ["--group", "build"],
}


def say(line):
    """Tell the user, on the stream that is not for results."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def ensure(*parts):
    """Make sure that `.venv` has these parts and return its Python; without success, end with one line."""
    if sys.version_info < (3, 10):
        sys.exit("Python 3.10 or newer is needed; this is %d.%d." % sys.version_info[:2])
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("This Python has no venv module; install it first (Debian: apt install python3-venv).")
    with open(os.path.abspath(__file__)) as lock:  # two scripts started at once take turns
        _lock(lock)
        missing = [part for part in parts if _stamp(part) != _read(part)]
        if missing:
            _install(missing)
    return PYTHON


def run(command):
    """Run a command in the repository and return its exit code."""
    return subprocess.call(command, cwd=ROOT)


def become(command):
    """Replace this process by a command, so that signals and the exit code are its own."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)


def _lock(handle):
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def _install(parts):
    if (
        subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL)
        if os.path.exists(PYTHON)
        else 1
    ):
        say("Making the virtual environment in .venv …")
        if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]):
            sys.exit("The virtual environment could not be made in .venv.")
    say("Installing the pinned packages (%s) …" % ", ".join(parts))
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    pins = ["--constraint", "constraints.txt"]
    _pip([*pip, *pins, "pip>=25.3"])  # the first that knows --group and --build-constraint
    wanted = [word for part in parts for word in PARTS[part]]
    _pip([*pip, *pins, "--build-constraint", "constraints.txt", *wanted])
    for part in parts:
        with open(_stamp_path(part), "w") as stamp:
            stamp.write(_stamp(part))


def _pip(command):
    if run(command):
        sys.exit("pip could not install the packages (see above); is the package index reachable?")


def _stamp_path(part):
    return os.path.join(VENV, ".installed-" + part)


def _stamp(part):
    """What was installed, as a hash: the part's words, the pins and the dependencies."""
    digest = hashlib.sha256(repr((PARTS[part], sys.version_info[:2])).encode())
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
