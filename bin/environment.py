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

#: Variables of Python that stay: they do not change which code is run.
PYTHON_VARIABLES = (
    "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONIOENCODING",
    "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED", "PYTHONUTF8",
)  # fmt: skip

#: Options of pip that stay as variables: how packages are fetched. Others change what is installed, or where.
PIP_VARIABLES = (
    "PIP_CACHE_DIR", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_COMPILE", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT",
    "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER", "PIP_NO_BINARY", "PIP_NO_CACHE_DIR", "PIP_NO_INDEX", "PIP_NO_INPUT",
    "PIP_ONLY_BINARY", "PIP_PREFER_BINARY", "PIP_PROXY", "PIP_RETRIES", "PIP_ROOT_USER_ACTION",
    "PIP_TIMEOUT", "PIP_TRUSTED_HOST", "PIP_USE_DEPRECATED", "PIP_USE_FEATURE",
)  # fmt: skip

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
    """Make sure that `.venv` has these parts and return its Python. On failure, exit with one line.

    Variables that would make Python or pip use other code or another place are removed from the environment,
    for the programs that the script starts as well.
    """
    _clean_environment()
    try:
        with open(os.path.abspath(__file__)) as lock:  # scripts started together take turns
            _lock(lock)
            sound = _is_sound()
            missing = [part for part in parts if not (sound and _is_installed(part))]
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


def _clean_environment():
    for name in list(os.environ):
        for prefix, kept in (("PYTHON", PYTHON_VARIABLES), ("PIP_", PIP_VARIABLES)):
            if name.startswith(prefix) and name.upper() not in kept:
                del os.environ[name]


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
    version = _version()
    if version is None or not os.path.exists(PYTHON):
        return False
    # After an upgrade of the system's Python, the installed packages do not match it.
    now = re.search(r"python(\d+)\.(\d+)", os.path.basename(os.path.realpath(PYTHON)))
    changed = now is not None and tuple(int(part) for part in now.groups()) != version
    return version >= OLDEST and not changed and bool(_installed("pip"))


def _version():
    """The Python version that `.venv` was created for; None if it is not complete."""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg")) as config:
            made_for = re.search(r"^version(?:_info)? *= *(\d+)\.(\d+)", config.read(), re.MULTILINE)
    except OSError:
        return None
    return made_for and tuple(int(part) for part in made_for.groups())


def _installed(pattern):
    """Names in the folder of the installed packages."""
    folder = os.path.join(VENV, "lib", "*%d.%d*" % _version(), "site-packages")
    return [os.path.basename(path) for path in glob.glob(os.path.join(folder, pattern))]


def _distributions():
    """Names of the installed distributions, without their versions."""
    return sorted(name.partition("-")[0] for name in _installed("*.dist-info"))


def _is_installed(part):
    """Whether a part was installed from these pins, and every distribution of that time is still there."""
    noted = (_read(part) or "").splitlines()
    return noted[:1] == [_stamp(part)] and {"pip"} <= set(noted[1:]) <= set(_distributions())


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
    if subprocess.call([sys.executable, "-I", "-m", "venv", "--clear", VENV], env=_without_secrets()):
        sys.exit("The virtual environment could not be created in .venv (see above).")


def _install(parts):
    say("Installing the pinned packages (%s) …" % ", ".join(parts))
    # `--no-user`: a configuration file of pip may say otherwise, and pip refuses that in an environment.
    pip = [PYTHON, "-I", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-user"]
    pins = ["--constraint", "constraints.txt"]
    _pip(pip + pins + ["pip>=25.3"])  # the first release with --group and --build-constraint
    wanted = [word for part in parts for word in PARTS[part]]
    _pip(pip + pins + ["--build-constraint", "constraints.txt"] + wanted)
    for part in parts:
        with open(_stamp_path(part), "w") as stamp:
            stamp.write("\n".join([_stamp(part), *_distributions()]))


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
