"""Debian's nginx in front of a server, like the reverse proxy of the live API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.support.programs import find_program
from tests.support.server_process import ServerProcess

__all__ = ["Nginx", "Served", "Site"]


@dataclass(frozen=True)
class Site:
    """One name and what is served under it.

    Attributes:
        name: The host name that a request has to name; any other is answered with 421.
        addresses: Where to listen with TLS, as nginx writes them.
        certificate: File with key and certificate; None for a site that is plain alone.
        upstream: The URL requests go on to.
        directives: More of nginx's directives for this server.
        location: More of them for the location that passes requests on.
        plain: Where to listen without TLS.
        listening: What is said of the addresses with TLS.
        http: Directives outside of the server.
    """

    name: str
    addresses: tuple[str, ...]
    certificate: Path | None
    upstream: str
    directives: str = ""
    location: str = ""
    plain: tuple[str, ...] = ()
    listening: str = "ssl"
    http: str = ""


class Served(NamedTuple):
    """A line of the access log: which connection, which request on it, and what was asked and answered."""

    connection: int
    number: int
    host: str
    request: str
    status: int


class Nginx(ServerProcess):
    """A separate nginx with one worker.

    Args:
        folder: Its own folder for configuration, logs and buffers.
        sites: What it serves.

    Attributes:
        address: The first one it listens on.
    """

    def __init__(self, folder: Path, sites: Sequence[Site]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._access_log = folder / "access.log"
        configuration = folder / "nginx.conf"
        configuration.write_text(_configuration(folder, sites))
        first = (*sites[0].addresses, *sites[0].plain)[0]
        host, _, port = first.rpartition(":")
        command = [find_program("nginx", "nginx-light"), "-e", str(folder / "error.log")]
        self.address = host.strip("[]")
        super().__init__(
            [*command, "-c", str(configuration)], (self.address, int(port)), folder / "error.log"
        )

    def served(self) -> list[Served]:
        """The requests it has answered so far; one is written down a moment after its answer."""
        lines = self._access_log.read_text().splitlines() if self._access_log.exists() else []
        fields = (line.split("\t") for line in lines)
        return [Served(int(a), int(b), host, asked, int(status)) for a, b, host, asked, status in fields]


def _configuration(folder: Path, sites: Sequence[Site]) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds)
    return f"""
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
{temporary}
    log_format fields "$connection\\t$connection_requests\\t$http_host\\t$request\\t$status";
    access_log {folder}/access.log fields;
    server_tokens off;
{"".join(map(_servers, sites))}
}}
"""


def _servers(site: Site) -> str:
    secure = [f"{address} {site.listening}" for address in site.addresses]
    certificate = (
        f"ssl_certificate {site.certificate}; ssl_certificate_key {site.certificate};"
        if site.certificate
        else ""
    )
    ordinary = " ".join(f"listen {address};" for address in [*secure, *site.plain])
    default = " ".join(f"listen {address} default_server;" for address in [*secure, *site.plain])
    return f"""
    {site.http}
    server {{ {default} {certificate} server_name _; return 421 "no such host here\\n"; }}
    server {{
        {ordinary}
        {certificate}
        server_name {site.name};
        {site.directives}
        location / {{
            proxy_pass {site.upstream};
            proxy_set_header Host $http_host;
            {site.location}
        }}
    }}
"""
