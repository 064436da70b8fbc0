"""Forward proxies as companies run them: Debian's tinyproxy, squid, stunnel and microsocks."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tests.support.programs import find_program
from tests.support.server_process import ServerProcess

__all__ = ["ForwardProxy", "Login", "microsocks", "squid", "stunnel", "tinyproxy"]


class Login(NamedTuple):
    """User and password of a proxy."""

    user: str
    password: str


class ForwardProxy(ServerProcess):
    """A proxy that logs its requests.

    Args:
        command: As `ServerProcess`.
        listens: As `ServerProcess`.
        log: As `ServerProcess`; it also contains the requests.
        pattern: Finds method and target in a line of the log.
        ended_by: As `ServerProcess`.
    """

    def __init__(
        self,
        command: list[str],
        listens: tuple[str, int],
        log: Path,
        pattern: str,
        ended_by: signal.Signals = signal.SIGTERM,
    ) -> None:
        super().__init__(command, listens, log, ended_by)
        self._log_path, self._pattern = log, re.compile(pattern)

    def asked(self) -> list[tuple[str, str]]:
        """Method and target of each request that was made to the proxy itself."""
        return self._pattern.findall(self._log_path.read_text(errors="replace"))


def tinyproxy(folder: Path, address: str, port: int, login: Login | None = None) -> ForwardProxy:
    """A tinyproxy; it speaks HTTP/1.0 to servers and ends each connection."""
    folder.mkdir(parents=True)
    configuration = folder / "tinyproxy.conf"
    lines = [
        f"Port {port}",
        f"Listen {address}",
        "Timeout 60",
        "MaxClients 100",
        "LogLevel Connect",
        f'PidFile "{folder}/tinyproxy.pid"',
        *([f"BasicAuth {login.user} {login.password}"] if login else []),
    ]
    configuration.write_text("\n".join(lines) + "\n")
    return ForwardProxy(
        [find_program("tinyproxy"), "-d", "-c", str(configuration)],
        (address, port),
        folder / "log",
        r"Request \(file descriptor \d+\): (\S+) (\S+)",
    )


def squid(folder: Path, address: str, port: int, login: Login | None = None) -> ForwardProxy:
    """A squid; it keeps connections open on both sides."""
    folder.mkdir(parents=True)
    helper = folder / "check_login.py"
    helper.write_text(_SQUID_HELPER)
    if login:
        allowed = [
            f"auth_param basic program {sys.executable} {helper} {quote(login.user)} {quote(login.password)}",
            "auth_param basic children 1 startup=1",
            "acl known proxy_auth REQUIRED",
            "http_access allow known",
        ]
    configuration = folder / "squid.conf"
    lines = [
        f"http_port {address}:{port}",
        *(allowed if login else ["http_access allow all"]),
        "cache deny all",
        "logfile_rotate 0",
        "logformat short %rm %ru",
        "access_log stdio:/dev/stdout short",
        "cache_log /dev/null",
        "pid_filename none",
        "pinger_enable off",
        f"coredump_dir {folder}",
        "visible_hostname proxy",
    ]
    configuration.write_text("\n".join(lines) + "\n")
    # It does not run as root. In a user namespace this user has another id.
    other_user = [find_program("unshare", "util-linux"), "--user", "--map-user=13", "--map-group=13"]
    options = ["-N", "-d", "1", "-n", f"squid{port}", "-f", str(configuration)]
    return ForwardProxy(
        [*other_user, find_program("squid"), *options],
        (address, port),
        folder / "log",
        r"(?m)^([A-Z]+) (\S+)$",
        signal.SIGKILL,  # it stops slowly otherwise
    )


#: Answers squid line by line whether user and password, percent-encoded, are those of the command line.
_SQUID_HELPER = """\
import sys
from urllib.parse import unquote

for line in sys.stdin:
    right = list(map(unquote, line.split())) == list(map(unquote, sys.argv[1:]))
    print("OK" if right else "ERR", flush=True)
"""


def stunnel(
    folder: Path, address: str, port: int, certificate: Path, behind: tuple[str, int]
) -> ServerProcess:
    """TLS in front of a proxy without TLS."""
    folder.mkdir(parents=True)
    configuration = folder / "stunnel.conf"
    lines = [
        "foreground = yes",
        "pid =",
        "syslog = no",
        "[proxy]",
        f"accept = {address}:{port}",
        f"connect = {behind[0]}:{behind[1]}",
        f"cert = {certificate}",
        "TIMEOUTclose = 0",
    ]
    configuration.write_text("\n".join(lines) + "\n")
    return ServerProcess([find_program("stunnel4"), str(configuration)], (address, port), folder / "log")


def microsocks(folder: Path, address: str, port: int, login: Login | None = None) -> ServerProcess:
    """A SOCKS5 proxy."""
    folder.mkdir(parents=True)
    words = ["-u", login.user, "-P", login.password] if login else []
    command = [find_program("microsocks"), "-i", address, "-p", str(port), *words]
    return ServerProcess(command, (address, port), folder / "log")
