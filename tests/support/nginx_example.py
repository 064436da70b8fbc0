"""docs/nginx.conf.example as it is, but for what belongs to a machine: ports, certificate and upstreams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .programs import find_program
from .running_playground import ROOT, free_port
from .server_process import ServerProcess

__all__ = ["EXAMPLE", "NAME", "NginxExample"]

EXAMPLE = ROOT / "docs" / "nginx.conf.example"

#: The name of the site in the example.
NAME = "qa.example"


class NginxExample(ServerProcess):
    """nginx with the example, within a main file like that of Debian's package.

    Args:
        folder: Its own folder for configuration, logs and buffers.
        certificate: File with key and certificate for `NAME`.
        upstreams: The lines of the upstream.
        variants: Further copies of the example by name: the texts that are replaced in each, and by what.

    Attributes:
        port: Where it listens with TLS.
        ports: The same for each variant.
    """

    def __init__(
        self,
        folder: Path,
        certificate: Path,
        upstreams: Sequence[str],
        variants: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self._access_log = free_port(), folder / "access.log"
        self.ports: dict[str, int] = {}
        machine = {
            "/etc/ssl/private/qa.example.pem": str(certificate),
            "    server 127.0.0.1:3000;\n": "".join(f"    {line}\n" for line in upstreams),
        }
        (folder / "site.conf").write_text(_example(self.port, machine))
        for number, (name, changes) in enumerate((variants or {}).items()):
            self.ports[name] = free_port()
            text = _example(self.ports[name], {**changes, **machine})
            # Names are for all servers of one nginx.
            text = text.replace("playground_clients", f"clients_{number}")
            text = text.replace("upstream playground", f"upstream playground_{number}")
            text = text.replace("http://playground;", f"http://playground_{number};")
            (folder / f"variant-{number}.conf").write_text(text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"daemon off; user root; worker_processes 1; pid {folder}/nginx.pid;\n"
            f"error_log {folder}/nginx.log;\nevents {{ worker_connections 512; }}\n"
            f"http {{ {temporary}\n"
            'log_format upstream "$request_method $uri\t$status\t$upstream_addr";\n'
            f"access_log {self._access_log} upstream;\n"
            f"include {folder}/site.conf; include {folder}/variant-*.conf; }}\n"
        )
        command = [find_program("nginx", "nginx-light"), "-e", str(folder / "nginx.log")]
        super().__init__(
            [*command, "-c", str(folder / "nginx.conf")], ("127.0.0.1", self.port), folder / "nginx.log"
        )

    def upstreams_of(self, beginning: str) -> list[str]:
        """The address, or the addresses in order, of each request that begins with this method and path."""
        lines = [line.split("\t") for line in self._access_log.read_text().splitlines()]
        return [addresses for request, _, addresses in lines if request.startswith(beginning)]


def _example(port: int, changes: Mapping[str, str]) -> str:
    text = EXAMPLE.read_text()
    plain = free_port()
    for ours, theirs in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        **changes,
    }.items():
        assert ours in text, ours
        text = text.replace(ours, theirs)
    return text
